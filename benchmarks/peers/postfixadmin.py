"""PostfixAdmin's own command line, called for each mailbox in a loop, as scripts do. For `run`."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import URL

from benchmarks import live, people
from benchmarks.measure import Failed
from benchmarks.peers.peer import Compare, Peer, spread
from tests.services.postfixadmin import PostfixAdminTree

_SAMPLE = 1_000


def postfixadmin(folder: Path, url: URL, size: int) -> Peer:
    """`url` has the password."""
    tree = PostfixAdminTree.copy_to(folder)
    rows = [live.mailbox(person) for person in spread(people.parts(size), min(size, _SAMPLE))]

    def ready(count: int, different: int) -> Compare:
        names = [f"{row['name']}{' ehem. Muster' * (n < different)}" for n, row in enumerate(rows[:count])]
        declared = list(zip((str(row["username"]) for row in rows), names, strict=False))
        return lambda: sum(not _is_so(tree, url, username, name) for username, name in declared)

    return Peer("PostfixAdmin’s command line", 100, "mailboxes", size, _SAMPLE, ready)


def _is_so(tree: PostfixAdminTree, url: URL, username: str, name: str) -> bool:
    done = tree.cli(url, "mailbox", "view", username)
    if done.returncode:
        raise Failed(f"postfixadmin-cli mailbox view {username}: status {done.returncode}\n{done.stdout}{done.stderr}")
    return any(line.endswith(name) for line in map(str.rstrip, done.stdout.splitlines()))
