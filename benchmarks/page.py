"""docs/benchmarks.md, written by `run` from what it measured."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from benchmarks.cases import CASES, FLOOR
from benchmarks.floor_section import Results
from benchmarks.floor_section import section as floor_section
from benchmarks.measure import Measurement
from benchmarks.start import Start, section
from benchmarks.tables import table

MILLION, PEERS, START = "a million mailboxes", "peers", "start"
"""Sections that are written on their own, too."""
_OTHERS, _LAST = (MILLION, PEERS), "How to read it"
PAGE = Path(__file__).parent.parent / "docs" / "benchmarks.md"
_HEAD = (
    "mailboxes",
    "wall",
    "of which OX tools",
    "own CPU",
    "peak memory",
    "biggest tool",
    "SQL statements",
    "remote commands",
)

_TEXT = """\
# Benchmarks

Written by `make bench` (`python -m benchmarks.run`); do not edit.

{machine}

What is there: 217 state files at 100,000 mailboxes, of unequal size, some with more than one domain, in git; up to
seven fields a mailbox, two aliases each, one of them with two to twelve targets; one sender block for a hundred; a
member register as CSV with three rows for two mailboxes. The same in a MariaDB with PostfixAdmin's own tables, where
each mailbox has its own alias and that of its member beside, in the Open-Xchange stand-in on the same machine, and in
a `hash` map. As on real sites, users forward their mail and are on holiday, some rows are spelled otherwise, and one
mailbox for two hundred and some aliases, OX users and map lines are declared by nobody.

The first plan of a site finds an empty ledger; before the others an `apply` has adopted everything, so that the
ledger's inventory has an entry for every live row that is declared. Every line is a process of its own. Of what only
reads, the fastest run of {repeat} is shown: other programs on the machine only make a run slower. `make bench` keeps
nothing; `python -m benchmarks.kept --help` says how a site is kept to measure on it again.

{floor}
{tables}
## start

{start}
## How to read it

- **wall** is from the start of the process to its end, interpreter and imports included.
- **of which OX tools**: how long at least one `listuser` or `createuser` was running. These are the stand-in's, one
  Python process a call; OX' own are Java processes that ask the server once for each user that they list, so a real
  site has other numbers there. While `listuser` runs, the database and the register are read.
- **own CPU** and **peak memory** are those of the process with its helpers (copies of it that read files beside it;
  what they share counts once) and with the files in memory that tools write to, **biggest tool** is the memory of the
  biggest other process that it started.
- **SQL statements** as the server counted them, with what driver and login send. **remote commands** are all programs
  that were run on the mail host. Up to 100,000 mailboxes both are the same at every size, but for
  one statement more for each table with more than 4,096 rows: a plan for ten thousand accounts makes as many as one
  for ten. At a million the tables show some more: they were measured when keys of the ledger that did not fit into one
  packet were read a second time, row by row. Now a whole plan gets them in as many texts as it needs, in the same
  statement; a plan about a part makes one more in the ledger and one in PostfixAdmin.
- What `apply` writes into a database goes in one statement for all accounts. What leaves for somewhere else goes one by
  one, on purpose: before each `createuser` (four at a time, `parallel: 4`) and each letter the run makes sure that it
  still holds the lock, and it remembers each letter before it writes the next. That is about 22 short statements for a
  new account, and nobody gets two letters when a run dies. While it works it renews the ledger's lock now and then.
- On a machine that does other things as well, **own CPU** tells more than **wall**.
"""


_MILLION = """\
Written by `python -m benchmarks.run --sizes 1000000 --use FOLDER`, which builds the site when the folder has none.
Runs of each command: {repeat}."""


class Machine(NamedTuple):
    """The kind of machine, in general words."""

    cores: int
    memory_gb: int
    mariadb: str


def describe_machine(version: str) -> Machine:
    """This machine, now. `version` is what the MariaDB server says of itself."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return Machine(os.cpu_count() or 1, round(memory / 1e9), version.partition("-")[0])


def write_page(results: Results, machine: Machine, repeat: int, start: Start) -> None:
    """Writes the page, but for what other targets of make write into it."""
    kept = {name: text for name, text in _sections(PAGE.read_text(encoding="utf-8")).items() if name in _OTHERS}
    PAGE.write_text(page(results, machine, repeat, start), encoding="utf-8")
    for name, text in kept.items():
        write_section(name, text)


def write_section(name: str, text: str) -> None:
    """Writes that section of the page anew, or before the last when it is not there."""
    found = _sections(PAGE.read_text(encoding="utf-8"))
    last = {_LAST: found.pop(_LAST)}
    whole = {**found, name: text.strip("\n"), **last}
    head = whole.pop("")
    parts = (f"## {title}\n\n{content}" for title, content in whole.items())
    PAGE.write_text("\n\n".join([head, *parts]) + "\n", encoding="utf-8")


def _sections(text: str) -> dict[str, str]:
    """Heading → what is below; what comes before the first is below ""."""
    head, *others = text.split("\n## ")
    titled = (part.partition("\n") for part in others)
    return {"": head.strip("\n")} | {title: content.strip("\n") for title, _, content in titled}


def page(results: Results, machine: Machine, repeat: int, start: Start) -> str:
    """The page as text: the floor, a table for each case with a line for each size, then what it takes to start."""
    tables = "\n".join(_table(case.name, results) for case in CASES)
    floor = f"## {FLOOR}\n\n{floor_section(results)}"
    said = {"machine": describe(machine), "floor": floor, "tables": tables, "start": section(start)}
    return _TEXT.format(repeat=repeat, **said)


def million(results: Results, machine: Machine, repeat: int) -> str:
    """The section about one size beside the others."""
    tables = "\n".join(f"**{case}**\n\n{_cases(case, results)}" for case in next(iter(results.values())).cases)
    return f"{_MILLION.format(repeat=repeat)}\n\n{describe(machine)}\n\n{tables}\n{floor_section(results)}"


def describe(machine: Machine) -> str:
    """In one sentence."""
    return (
        f"A {platform.system()} machine with {machine.cores} cores and {machine.memory_gb} GB of memory, "
        f"{'the system’s own ' if sys.base_prefix == '/usr' else ''}Python {platform.python_version()}, "
        f"MariaDB {machine.mariadb}\nwith a buffer pool of 1 GB, as a server for so many mailboxes has it."
    )


def _table(case: str, results: Results) -> str:
    return f"## {case}\n\n{_cases(case, results)}"


def _cases(case: str, results: Results) -> str:
    return table(_HEAD, (_row(size, result.cases[case]) for size, result in results.items()))


def _row(size: int, found: Measurement) -> tuple[str, ...]:
    return (
        f"{size:,}",
        f"{found.wall:.1f} s",
        ", ".join(_tools(found)) or "–",
        f"{found.cpu:.1f} s",
        f"{found.peak:.0f} MB",
        f"{found.child_peak:.0f} MB" if found.commands else "–",
        f"{found.statements}",
        f"{sum(found.commands.values()):,}",
    )


def _tools(found: Measurement) -> Iterator[str]:
    for tool, seconds in found.tool_seconds.items():
        yield f"{tool} {seconds:.1f} s ({found.commands[tool]:,} ×)"
