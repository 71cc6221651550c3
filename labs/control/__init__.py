"""One daemon per shop owns its runtime; the command line, the notebooks and the labs talk to it over HTTP."""
