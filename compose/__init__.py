"""How the shop is put together and run: its one description, its gateway, and the two runtimes behind one set of
verbs.
"""
