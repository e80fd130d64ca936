"""`python -m benchmarks.run`: measures every command at every size and writes docs/benchmarks.md.

For each size a site is made in which nothing is to be done. Then, each in a process of its own: `validate`; the first
`plan`, with an empty ledger; after an `apply`, which adopts everything, `plan`; `plan` after one state file of a
hundred was changed; `import` of everything; `apply` of new accounts, which ends the site's life.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from sqlalchemy import URL, Connection, text

from benchmarks.measure import Measurement, measure
from benchmarks.page import PAGE, describe_machine, write_page, write_start
from benchmarks.servers import mariadb
from benchmarks.site import BenchSite, build
from benchmarks.start import measure_start
from reconciler.cli.exit_status import Status
from tests.services.databases import PASSWORD_ENV

SIZES = (1_000, 10_000, 100_000)
NEW = 1_000
CASES = (
    "validate",
    "plan, the first of a site",
    "plan, nothing to do",
    "plan, 1 % changed",
    "import",
    "apply, new accounts",
)


def measure_site(
    site: BenchSite, server: Connection, repeat: int, only: Sequence[str] = CASES
) -> dict[str, Measurement]:
    """Every case on a fresh site. What only reads is done `repeat` times, and the fastest counts: other programs on
    the machine make a run slower, never faster."""
    at = ["--site", str(site.file)]
    measure(["ledger", "init", *at], server, folder=site.folder, expected=Status.DONE)

    def fastest(arguments: Sequence[str], expected: Status) -> Measurement:
        runs = (measure(arguments, server, folder=site.folder, expected=expected) for _ in range(repeat))
        return min(runs, key=lambda run: run.wall)

    found: dict[str, Measurement] = {}
    validate, first, quiet, changed, imported, new = CASES
    if validate in only:
        found[validate] = fastest(["validate", *at], Status.DONE)
    if first in only:
        # the sender map is the one thing that was not made in bulk
        found[first] = fastest(["plan", *at], Status.PENDING)
    measure(["apply", "--yes", *at], server, folder=site.folder, expected=Status.DONE)
    if quiet in only:
        found[quiet] = fastest(["plan", *at], Status.DONE)
    if changed in only:
        with site.with_change():
            found[changed] = fastest(["plan", *at], Status.PENDING)
    if imported in only:
        into = site.folder / "imported"
        found[imported] = fastest(["import", "--into", str(into), "--overwrite", *at], Status.DONE)
    if new in only:
        site.with_newcomers()
        found[new] = measure(["apply", "--yes", *at], server, folder=site.folder, expected=Status.DONE)
        measure(["plan", *at], server, folder=site.folder, expected=Status.DONE)  # it is all there
    return found


def main(arguments: Sequence[str]) -> None:
    """Runs what was asked for; the page is written only when everything was."""
    options = _parser().parse_args(arguments)
    if options.start:
        write_start(measure_start())
        return
    results: dict[int, dict[str, Measurement]] = {}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="reconciler-bench-")))
        server, fresh = stack.enter_context(mariadb(folder))
        connection = stack.enter_context(server.admin.connect())
        machine = describe_machine(str(connection.execute(text("SELECT VERSION()")).scalar_one()))
        for size in options.sizes:
            site = _site(folder / str(size), fresh().full_url, size)
            results[size] = measure_site(site, connection, options.repeat, options.only)
            _tell(size, results[size])
    if options.sizes == SIZES and tuple(options.only) == CASES:
        write_page(results, machine, options.repeat, measure_start())
        sys.stderr.write(f"written: {PAGE.name}\n")


def _site(folder: Path, url: URL, size: int) -> BenchSite:
    folder.mkdir()
    return build(folder, url, PASSWORD_ENV, size=size, new=NEW)


def _tell(size: int, found: dict[str, Measurement]) -> None:
    for case, it in found.items():
        tools = ", ".join(f"{tool} {seconds:.2f} s" for tool, seconds in it.tool_seconds.items())
        commands = sum(it.commands.values())
        sys.stderr.write(
            f"{size:>7} {case:<20} {it.wall:6.2f} s (own CPU {it.cpu:.2f} s{', ' + tools if tools else ''}) "
            f"{it.peak:4.0f} MB, tools {it.child_peak:4.0f} MB, {it.statements} statements, {commands} commands\n"
        )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.run", description="Measures every command at every size."
    )
    parser.add_argument("--sizes", type=sizes, default=SIZES, help="numbers of mailboxes, with commas between")
    parser.add_argument(
        "--only", nargs="+", choices=CASES, default=CASES, metavar="CASE", help="; ".join(CASES).replace("%", "%%")
    )
    parser.add_argument("--start", action="store_true", help="only what starting takes; writes that section anew")
    parser.add_argument("--repeat", type=int, default=3, help="runs of each reading command; the fastest counts")
    return parser


def sizes(written: str) -> tuple[int, ...]:
    """`1000,10000` as numbers. Raises ArgumentTypeError."""
    if not all(number.isdecimal() and int(number) for number in written.split(",")):
        raise argparse.ArgumentTypeError(f"{written!r}: write numbers of mailboxes like 1000,10000")
    return tuple(int(number) for number in written.split(","))


if __name__ == "__main__":
    main(sys.argv[1:])
