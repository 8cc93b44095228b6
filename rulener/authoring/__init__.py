"""What authors do with packs: find faults, test, compare, publish. Plain functions for the command line and the workbench.

May import packs, lexicon, shipped, engine and errors; never core, compiler or cli.
"""
