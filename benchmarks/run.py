"""`python -m benchmarks.run`: measures every command at every size and writes docs/benchmarks.md.

For each size a site is made and goes through its life (`cases.When`): new, quiet, and after what writes. Each command
is a process of its own.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Collection, Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path

from sqlalchemy import Connection, text

from benchmarks.cases import CASES, FLOOR, NAMES, Case, When
from benchmarks.floor import Floor, measure_floor
from benchmarks.floor_section import Result
from benchmarks.floor_section import section as floor_section
from benchmarks.kept import adopt, begin, kept_server, kept_site
from benchmarks.measure import Measurement, measure
from benchmarks.page import MILLION, PAGE, START, describe_machine, million, write_page, write_section
from benchmarks.servers import new_database
from benchmarks.site import NEW, BenchSite, build
from benchmarks.start import measure_start, section
from tests.services.own_engine import Server

SIZES = (1_000, 10_000, 100_000)
MOST = 1_000_000
"""Measured alone and with --use, it is written as a section of its own."""


def measure_site(
    site: BenchSite, server: Connection, repeat: int, only: Collection[str] = NAMES
) -> dict[str, Measurement]:
    """Every case on a fresh site."""
    chosen = [case for case in CASES if case.name in only]
    begin(site, server)
    found = _measure(site, server, repeat, (case for case in chosen if case.when is When.NEW))
    adopt(site, server)
    found |= measure_quiet(site, server, repeat, only)
    return found | _measure(site, server, 1, (case for case in chosen if case.when is When.LAST))


def measure_quiet(
    site: BenchSite, server: Connection, repeat: int, only: Collection[str] = NAMES
) -> dict[str, Measurement]:
    """The cases that leave a site as it was in which nothing is to be done."""
    return _measure(site, server, repeat, (case for case in CASES if case.name in only and case.when is When.QUIET))


def _measure(site: BenchSite, server: Connection, repeat: int, cases: Iterable[Case]) -> dict[str, Measurement]:
    """Each case `repeat` times, and the fastest counts: other programs on the machine make a run slower, never
    faster."""
    found = {}
    for case in cases:
        with case.change(site):
            runs = [_once(site, server, case) for _ in range(repeat + case.warm)]
            found[case.name] = min(runs[case.warm :], key=lambda run: run.wall)
    return found


def _once(site: BenchSite, server: Connection, case: Case) -> Measurement:
    def filled(words: Iterable[str]) -> list[str]:
        return [word.replace("{folder}", str(site.folder)) for word in words]

    environment = dict(zip(case.environment, filled(case.environment.values()), strict=True))
    arguments = [*filled(case.arguments), "--site", str(site.file)]
    return measure(arguments, server, folder=site.folder, expected=case.expected, environment=environment)


def main(arguments: Sequence[str]) -> None:
    """Runs what was asked for; the page is written only when everything was."""
    options = _parser().parse_args(arguments)
    if options.start:
        write_section(START, section(measure_start()))
        return
    with ExitStack() as stack:
        folder = options.use or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="reconciler-bench-")))
        server = stack.enter_context(kept_server(folder))
        connection = stack.enter_context(server.admin.connect())
        machine = describe_machine(str(connection.execute(text("SELECT VERSION()")).scalar_one()))
        results: dict[int, Result] = {}
        for size in options.sizes:
            results[size] = _of_size(options, folder, server, connection, size)
            _tell(size, results[size])
    if options.sizes == (MOST,) and tuple(options.only) == NAMES:
        write_section(MILLION, million(results, machine, options.repeat))
    if options.sizes == SIZES and tuple(options.only) == NAMES and not options.use:
        write_page(results, machine, options.repeat, measure_start())
        sys.stderr.write(f"written: {PAGE.name}\n")


def _of_size(options: argparse.Namespace, folder: Path, server: Server, connection: Connection, size: int) -> Result:
    if options.use:
        site = kept_site(folder, server, connection, size)
        found = measure_quiet(site, connection, options.repeat, options.only)
    else:
        (folder / str(size)).mkdir()
        site = build(folder / str(size), new_database(server, f"bench_{size}"), size=size, new=NEW)
        found = measure_site(site, connection, options.repeat, options.only)
    return Result(found, _floor(options, site, server, connection) if FLOOR in options.only else None)


def _floor(options: argparse.Namespace, site: BenchSite, server: Server, connection: Connection) -> Floor:
    return measure_floor(site, server.database(f"bench_{site.size}"), connection, options.repeat)


def _tell(size: int, found: Result) -> None:
    for case, it in found.cases.items():
        tools = ", ".join(f"{tool} {seconds:.2f} s" for tool, seconds in it.tool_seconds.items())
        commands = sum(it.commands.values())
        sys.stderr.write(
            f"{size:>7} {case:<20} {it.wall:6.2f} s (own CPU {it.cpu:.2f} s, with tools and server {it.all_cpu:.2f} s"
            f"{', ' + tools if tools else ''}) {it.peak:4.0f} MB, tools {it.child_peak:4.0f} MB, "
            f"{it.statements} statements, {commands} commands\n"
        )
    sys.stderr.write(floor_section({size: found}))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.run",
        description="Measures every command at every size.",
        epilog="example: python -m benchmarks.run --use /tmp/bench --sizes 100000 --only 'plan, nothing to do'",
    )
    parser.add_argument(
        "--sizes",
        type=sizes,
        default=SIZES,
        help=f"mailboxes, with commas between; {MOST} alone is a section of the page",
    )
    names = "; ".join(NAMES).replace("%", "%%")
    parser.add_argument("--only", nargs="+", choices=NAMES, default=NAMES, metavar="CASE", help=names)
    parser.add_argument("--start", action="store_true", help="only what starting takes; writes that section anew")
    parser.add_argument("--repeat", type=int, default=3, help="runs of each reading command; the fastest counts")
    use = "measure on the sites that are kept here (`benchmarks.kept`) what leaves them as they are"
    parser.add_argument("--use", type=Path, metavar="FOLDER", help=use)
    return parser


def sizes(written: str) -> tuple[int, ...]:
    """`1000,10000` as numbers. Raises ArgumentTypeError."""
    if not all(number.isdecimal() and int(number) for number in written.split(",")):
        raise argparse.ArgumentTypeError(f"{written!r}: write numbers of mailboxes like 1000,10000")
    return tuple(int(number) for number in written.split(","))


if __name__ == "__main__":
    main(sys.argv[1:])
