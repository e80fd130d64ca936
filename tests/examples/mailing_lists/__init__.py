"""A kind of declared thing, whole: mailing lists, with the system that holds them, a file a list in a folder of a host.

`docs/architecture.md` tells how it is added; `tests/examples/test_mailing_lists.py` does so, through the command.
"""
