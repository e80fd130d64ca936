"""The benchmark runs, and what a command asks of the live systems does not grow with the site. Times are not judged."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from subprocess import CalledProcessError

import pytest
from sqlalchemy import URL, Connection, text

from benchmarks.cases import CACHED, CASES, QUIET
from benchmarks.floor import Floor, measure_floor
from benchmarks.floor_section import Result
from benchmarks.measure import Failed, Measurement, covered, measure
from benchmarks.page import describe_machine, page
from benchmarks.run import main, measure_site, sizes
from benchmarks.site import BenchSite, build
from benchmarks.spent import Spent
from benchmarks.start import Start, measure_start, section
from reconciler.cli.exit_status import Status
from reconciler.systems.openxchange.single_users import MOST
from tests.services.own_engine import Server
from tests.services.postfixadmin import PostfixAdminDatabase

NEW = 2
START = Start(0.01, 0.06, 0.1, {"reconciler --help": 0.07})
SMALL, BIG = 50, 200
LIKE = {
    "plan, the first of a site": "plan, 1 % changed",
    QUIET: CACHED,
    "plan --only, one account": "plan --changed, one account",
}
"""Cases that are not run here, and others that do the same and more."""
COMMANDS = tuple(case.name for case in CASES if case.name not in LIKE)
APPLY = "apply, new accounts"
Cases = Mapping[str, Measurement]


@pytest.fixture(scope="module")
def server(mariadb_server: Server) -> Iterator[Connection]:
    with mariadb_server.admin.connect() as connection:
        yield connection


@pytest.fixture(scope="module")
def build_site(
    new_mariadb: Callable[[], PostfixAdminDatabase], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[int], tuple[BenchSite, URL]]:
    """Makes a site of this size, and its database."""

    def built(size: int) -> tuple[BenchSite, URL]:
        url = new_mariadb().full_url
        return build(tmp_path_factory.mktemp(f"bench-{size}"), url, size=size, new=NEW), url

    return built


@pytest.fixture(scope="module")
def site(build_site: Callable[[int], tuple[BenchSite, URL]]) -> tuple[BenchSite, URL]:
    """The small one."""
    return build_site(SMALL)


@pytest.fixture(scope="module")
def results(site: tuple[BenchSite, URL], server: Connection) -> Cases:
    """Each ends with the exit status that `run` expects of it."""
    found = measure_site(site[0], server, repeat=1, only=COMMANDS)
    return found | {name: found[other] for name, other in LIKE.items()}


def test_a_cache_is_kept_when_the_state_is_to_be_cached(results: Cases, site: tuple[BenchSite, URL]) -> None:
    assert len(list((site[0].folder / "cache").iterdir())) > 1


def test_statements_and_commands_do_not_grow_with_the_site(
    results: Cases, build_site: Callable[[int], tuple[BenchSite, URL]], server: Connection
) -> None:
    """An `apply` plans before it writes."""
    big = measure_site(build_site(BIG)[0], server, repeat=1, only=(APPLY,))[APPLY]
    assert results[APPLY].statements == big.statements
    assert results[APPLY].commands == big.commands


def test_validate_touches_nothing_live(results: Cases) -> None:
    """It opens neither register nor live systems."""
    assert results["validate"].statements == 0
    assert results["validate"].commands == {}


def test_a_plan_lists_the_context_once_and_of_a_part_a_few_users(results: Cases) -> None:
    for case in (case for case in CASES if case.arguments[0] == "plan"):
        is_part = not {"--only", "--changed"}.isdisjoint(case.arguments)
        found = results[case.name]
        assert found.commands["listuser"] in (range(2, 1 + MOST + 1) if is_part else (1,)), case.name
        assert found.statements > 0


def test_an_account_is_one_createuser(results: Cases) -> None:
    # and one before the first effect asks whether the tool is there
    assert results[APPLY].commands["createuser"] == NEW + 1


def test_memory_and_time_are_seen(results: Cases) -> None:
    for found in results.values():
        assert found.wall > 0
        assert found.cpu > 0
        assert found.peak > 10
    assert results[APPLY].child_peak > 1


@pytest.mark.usefixtures("results")  # which make the ledger that is read
def test_the_floor_reads_what_a_plan_reads(site: tuple[BenchSite, URL], server: Connection) -> None:
    floor = measure_floor(*site, server, repeat=1)
    assert 1_000 < floor.events < 5_000  # some fifty for a mailbox with its aliases
    for part in floor.parts():
        assert part.wall > 0
    with pytest.raises(CalledProcessError, match="mariadb"):
        measure_floor(site[0], site[1].set(database="none"), server, repeat=1)


def test_page_shows_every_number(results: Cases, server: Connection) -> None:
    machine = describe_machine(str(server.execute(text("SELECT VERSION()")).scalar_one()))
    floor = Floor(Spent(2, 4), 123, Spent(0.5, 0.5), Spent(0.5, 0.5), Spent(0, 0))
    written = page({size: Result(results, floor) for size in (SMALL, BIG)}, machine, 1, START)
    for case in CASES:
        assert f"## {case.name}\n" in written
    for size in (SMALL, BIG):
        rows = len(CASES) + 1 + sum(bool(case.against) for case in CASES)
        assert written.count(f"\n| {size:>9,} |") == rows
    plan = results[QUIET]
    assert f"| {plan.wall / 3:.2f} × | {plan.all_cpu / 5:.2f} × |" in " ".join(written.split())
    assert f"({NEW + 1} ×)" in written


def test_a_command_that_ends_otherwise_is_no_measurement(server: Connection, tmp_path: Path) -> None:
    with pytest.raises(Failed, match=r"status 2 instead of 0(?s:.*)no site file"):
        measure(["validate", "--site", str(tmp_path / "none.yaml")], server, folder=tmp_path, expected=Status.DONE)


def test_time_covered_by_commands_at_the_same_time_counts_once() -> None:
    assert covered([(5, 6), (1, 3), (2, 4), (2, 2.5)]) == 4
    assert covered([]) == 0


def test_starting_is_measured_as_a_multiple_of_a_bare_interpreter() -> None:
    assert "| reconciler --help | 7.0 |" in section(START)
    measured = measure_start(repeat=1)
    assert min(measured.commands.values()) > measured.bare


def test_help_names_every_case(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    assert "1 % changed" in " ".join(capsys.readouterr().out.split())


def test_sizes() -> None:
    assert sizes("1000,50") == (1000, 50)
    for wrong in ("", "0", "1000;50", "-1", "²"):
        with pytest.raises(argparse.ArgumentTypeError):
            sizes(wrong)
