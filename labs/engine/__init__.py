"""Run a lab (`runner`), keep it (`folder`, `keep`), judge it (`evaluate`), play it again, compare it, repeat it.

Read in the order of a run: `gate` (predict first), `bench` (what steps may do), `undo` (taking it back), `course` (how
it goes), `runner`.
"""
