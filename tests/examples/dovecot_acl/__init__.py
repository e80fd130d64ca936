"""A fourth system, whole: who else may look into a mailbox, by Dovecot's ACL files (`acl = vfile:/etc/dovecot/acl/%u`).

`docs/architecture.md` tells how it is added; `tests/examples/test_dovecot_acl.py` does so.
"""
