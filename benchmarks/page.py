"""docs/benchmarks.md, written by `run` from what it measured."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from benchmarks.measure import Measurement
from benchmarks.start import Start, section

PAGE = Path(__file__).parent.parent / "docs" / "benchmarks.md"
Results = Mapping[int, Mapping[str, Measurement]]
"""Number of mailboxes → case → what it took."""

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

{tables}
{start}
## How to read it

The aim for 100,000 mailboxes is a plan in under 10 s and 500 MB, with as many statements and commands as for one. On
this machine {slowest}.

- **wall** is from the start of the process to its end, interpreter and imports included.
- **of which OX tools**: how long at least one `listuser` or `createuser` was running. These are the stand-in's, one
  Python process a call; OX' own are Java processes that ask the server once for each user that they list, so a real
  site has other numbers there. While `listuser` runs, the database and the register are read.
- **own CPU** and **peak memory** are those of the process with its helpers (copies of it that split YAML beside it;
  what they share counts once) and with the files in memory that tools write to, **biggest tool** is the memory of the
  biggest other process that it started.
- **SQL statements** as the server counted them, with what driver and login send. **remote commands** are all programs
  that were run on the mail host. Both are the same at every size: a plan for ten thousand accounts makes as many as one
  for ten.
- What `apply` writes into a database goes in one statement for all accounts. What leaves for somewhere else goes one by
  one, on purpose: before each `createuser` (four at a time, `parallel: 4`) and each letter the run makes sure that it
  still holds the lock, and it remembers each letter before it writes the next. That is about 22 short statements for a
  new account, and nobody gets two letters when a run dies. While it works it renews the ledger's lock now and then.
- On a machine that does other things as well, **own CPU** tells more than **wall**.
"""


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
    """Writes the whole page."""
    PAGE.write_text(page(results, machine, repeat, start), encoding="utf-8")


def write_start(start: Start) -> None:
    """Writes that section of the page anew."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition("## start\n")
    _, heading, after = rest.partition("## How to read it\n")
    PAGE.write_text(f"{before}{section(start)}\n{heading}{after}", encoding="utf-8")


def page(results: Results, machine: Machine, repeat: int, start: Start) -> str:
    """The page as text: a table for each case, a line for each size; then what it takes to start."""
    tables = "\n".join(_table(case, results) for case in next(iter(results.values())))
    said = {"machine": _said(machine), "tables": tables, "slowest": _slowest_plan(results), "start": section(start)}
    return _TEXT.format(repeat=repeat, **said)


def _slowest_plan(results: Results) -> str:
    size = max(results)
    plans = [found for case, found in results[size].items() if case.startswith("plan")]
    wall, peak = max(found.wall for found in plans), max(found.peak for found in plans)
    return f"the slowest plan of {size:,} took {wall:.1f} s and {peak:.0f} MB"


def _said(machine: Machine) -> str:
    return (
        f"A {platform.system()} machine with {machine.cores} cores and {machine.memory_gb} GB of memory, "
        f"{'the system’s own ' if sys.base_prefix == '/usr' else ''}Python {platform.python_version()}, "
        f"MariaDB {machine.mariadb}\nwith a buffer pool of 1 GB, as a server for so many mailboxes has it."
    )


def _table(case: str, results: Results) -> str:
    rows = [_HEAD, *(_row(size, found[case]) for size, found in results.items())]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEAD))]
    lines = [_line(row, widths) for row in rows]
    rule = "|".join(f"{'-' * (width + 1)}:" for width in widths)
    return "\n".join([f"## {case}", "", lines[0], f"|{rule}|", *lines[1:], ""])


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


def _line(row: tuple[str, ...], widths: list[int]) -> str:
    return f"| {' | '.join(cell.rjust(width) for cell, width in zip(row, widths, strict=True))} |"
