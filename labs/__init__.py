"""What the learner runs: the command line, faults, load, labs. It sees the shop only from outside."""
