"""How others are measured. Ansible and octoDNS are no packages of the tests: `make bench-peers` itself shows, before
it measures, that each of them sees one difference, and none where there is none."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection

from benchmarks import page, people
from benchmarks.live import fill_database
from benchmarks.measure import Failed, Measurement
from benchmarks.page import PEERS, Machine
from benchmarks.peers.peer import Peer, Taken, measure_peer, reckoned, spread
from benchmarks.peers.postfixadmin import postfixadmin
from benchmarks.peers.run import main
from benchmarks.peers.section import Compared, section
from benchmarks.spent import Spent
from benchmarks.start import Start
from tests.services.own_engine import Server
from tests.services.postfixadmin import PostfixAdminDatabase


@pytest.fixture(scope="module")
def server(mariadb_server: Server) -> Iterator[Connection]:
    with mariadb_server.admin.connect() as connection:
        yield connection


def _peer(found: Callable[[int, int], int], count: int = 7, most: int | None = None) -> Peer:
    return Peer("peer", 100, "mailboxes", count, most, lambda asked, different: lambda: found(asked, different))


def test_postfixadmin_is_asked_for_every_mailbox(
    new_mariadb: Callable[[], PostfixAdminDatabase], server: Connection, tmp_path: Path
) -> None:
    """Names with spaces and other letters are found as they are."""
    url = new_mariadb().full_url
    fill_database(url, people.parts(5), people.unmanaged(5))
    taken = measure_peer(postfixadmin(tmp_path / "peer", url, 5), server, repeat=1)
    assert taken.asked == 5
    assert taken.wall > 0
    with pytest.raises(Failed, match="status 1"):
        postfixadmin(tmp_path / "other", url, 40).ready(40, 0)()


def test_a_peer_that_does_not_compare_is_not_measured(server: Connection) -> None:
    with pytest.raises(Failed, match="finds 0 of 1 difference"):
        measure_peer(_peer(lambda asked, different: 0), server, repeat=1)
    with pytest.raises(Failed, match="finds 7 differences where there are none"):
        measure_peer(_peer(lambda asked, different: different or asked), server, repeat=1)


def test_of_a_sample_the_start_counts_once(server: Connection) -> None:
    asked = []

    def compared(number: int, different: int) -> int:
        asked.append(number)
        return different

    taken = measure_peer(_peer(compared, 70, 7), server, repeat=3)
    assert asked == [2, 0, 7]
    assert taken.asked == 7
    assert reckoned(Spent(1, 2), Spent(3, 6), 10) == Spent(21, 42)


def test_a_sample_is_of_all_files() -> None:
    parts = people.parts(2000)
    some = spread(parts, 100)
    assert len(some) == len({person.address for person in some}) == 100
    assert {person.domain for person in some} >= {part.domain for part in parts}
    assert spread(parts, 0) == []


def test_the_section_shows_how_many_times_as_long_each_takes() -> None:
    ours = Measurement(2, 1, 50, 20, 90, {}, 4, {})
    taken = [Taken(_peer(max, 1000, 100), 100, 500, 600), Taken(_peer(max, 3010), 3010, 5, 5)]
    written = " ".join(section({1000: Compared(ours, taken)}, Machine(2, 8, "10.11")).split())
    assert "| 1,000 | peer | 100 of 1,000 mailboxes | 500.0 s | 600.0 s | 250.0 × | 150.0 × | ≥ 100 × |" in written
    assert "| 3,010 mailboxes | 5.0 s | 5.0 s | 2.5 × | 1.2 × |" in written


def test_the_section_is_written_anew_and_stays_in_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pages = tmp_path / "benchmarks.md"
    monkeypatch.setattr(page, "PAGE", pages)
    pages.write_text("# Benchmarks\n\nold\n\n## start\n\nold\n\n## How to read it\n\nold\n", encoding="utf-8")
    page.write_section(PEERS, "first")
    page.write_section(PEERS, "second")
    assert pages.read_text(encoding="utf-8").endswith("\n\n## peers\n\nsecond\n\n## How to read it\n\nold\n")
    page.write_page({}, Machine(2, 8, "10.11"), 1, Start(1, 1, 1, {}))
    written = pages.read_text(encoding="utf-8")
    assert written.count("\n\n## peers\n\nsecond\n\n## How to read it\n") == 1
    assert "old" not in written.split()


def test_without_the_programs_it_says_what_installs_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--programs", str(tmp_path)]) == 2
    assert "ansible-playbook, octodns-compare, python not found" in capsys.readouterr().err
