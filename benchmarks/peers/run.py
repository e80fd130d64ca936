"""`python -m benchmarks.peers.run`: measures a plan and what others need for as much, in turn, and writes the section
"peers" of docs/benchmarks.md."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

from sqlalchemy import URL, Connection, text

from benchmarks.cases import QUIET
from benchmarks.kept import kept_server, kept_site
from benchmarks.page import PAGE, PEERS, describe_machine, write_section
from benchmarks.peers.ansible import ansible
from benchmarks.peers.octodns import octodns
from benchmarks.peers.peer import Peer, Taken, measure_peer
from benchmarks.peers.postfixadmin import postfixadmin
from benchmarks.peers.section import Compared, section
from benchmarks.run import measure_quiet, sizes

SIZES = (1_000, 10_000)
PROGRAMS = Path(".venv-peers") / "bin"
NEEDED = ("ansible-playbook", "octodns-compare", "python")


def peers(programs: Path, folder: Path, url: URL, size: int) -> Iterator[Peer]:
    """All of them, with what each needs in the folder."""
    yield from octodns(programs, folder / "octodns", size)
    yield postfixadmin(folder / "postfixadmin", url, size)
    yield ansible(programs, folder / "ansible", url, size)


def main(arguments: Sequence[str]) -> int:
    """Runs what was asked for; the section is written when all sizes of the page were measured."""
    options = _parser().parse_args(arguments)
    programs = options.programs.absolute()  # not resolved: its python is a link, and knows its packages by this path
    if missing := [name for name in NEEDED if not (programs / name).exists()]:
        sys.stderr.write(f"{', '.join(missing)} not found in {options.programs}: make bench-peers installs it\n")
        return 2
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="reconciler-peers-")))
        folder = options.use or scratch / "sites"
        server = stack.enter_context(kept_server(folder))
        connection = stack.enter_context(server.admin.connect())
        machine = describe_machine(str(connection.execute(text("SELECT VERSION()")).scalar_one()))
        results = {}
        for size in options.sizes:
            site = kept_site(folder, server, connection, size)
            ours = measure_quiet(site, connection, options.repeat, [QUIET])[QUIET]
            (scratch / str(size)).mkdir()
            found = peers(programs, scratch / str(size), server.database(f"bench_{size}"), size)
            results[size] = Compared(ours, [_measured(peer, connection, options.repeat) for peer in found])
    written = section(results, machine)
    sys.stdout.write(written)
    if options.sizes == SIZES:
        write_section(PEERS, written)
        sys.stderr.write(f"written: {PAGE.name}\n")
    return 0


def _measured(peer: Peer, server: Connection, repeat: int) -> Taken:
    taken = measure_peer(peer, server, repeat)
    sys.stderr.write(f"{peer.count:>7} {peer.looks_at}: {peer.name} {taken.wall:.1f} s, CPU {taken.cpu:.1f} s\n")
    return taken


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.peers.run",
        description="Compares a plan with what others need to look at as much.",
        epilog="example: python -m benchmarks.peers.run --use /tmp/bench --sizes 1000",
    )
    parser.add_argument("--sizes", type=sizes, default=SIZES, help="mailboxes, with commas between")
    repeat = "runs of a plan and of octoDNS; the fastest counts (3)"
    parser.add_argument("--repeat", type=int, default=3, help=repeat)
    parser.add_argument("--use", type=Path, metavar="FOLDER", help="the sites that are kept here (`benchmarks.kept`)")
    programs = "where Ansible and octoDNS are installed, by requirements/peers.txt"
    parser.add_argument("--programs", type=Path, default=PROGRAMS, metavar="FOLDER", help=programs)
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
