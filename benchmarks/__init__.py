"""Measures `validate`, `plan` and `apply` on a MariaDB, the OX stand-in and a hash map. `make bench` runs `run`.

people     who is in a site of a given size
state      the state files and the register that declare them
live       the same people in the live systems, written in bulk
site       one folder with all of it
kept       sites that are built once, to measure on them again
cases      what is measured
probe      one command of reconciler in a process of its own, which counts what it does
measure    starts probes; `processes` watches them, `spent` has their time
floor      what the same work costs at least
servers    the private MariaDB
page       docs/benchmarks.md; `floor_section` and `tables` are parts of it
run        all of it, size after size
"""
