"""Compares a plan with what others need to look at as much. `make bench-peers` runs `run`;
docs/decisions/0023-peers.md says why these.

peer          what a peer is, and how it is measured
ansible       Ansible with community.mysql, mailbox by mailbox
postfixadmin  PostfixAdmin's own command line, mailbox by mailbox
octodns       octoDNS, from files to files
section       the part of docs/benchmarks.md
run           all of it, size after size
"""
