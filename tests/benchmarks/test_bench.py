"""The benchmark runs, and what a command asks of the live systems does not grow with the site. Times are not judged."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from subprocess import CalledProcessError

import pytest
from sqlalchemy import URL, Connection, text

from benchmarks.cases import CASES, FLOOR, NAMES, QUIET
from benchmarks.floor import Floor, measure_floor
from benchmarks.floor_section import Result
from benchmarks.measure import Failed, Measurement, covered, measure
from benchmarks.page import describe_machine, page
from benchmarks.run import main, measure_site, sizes
from benchmarks.site import BenchSite, build
from benchmarks.spent import Spent
from benchmarks.start import Start, measure_start, section
from reconciler.cli.exit_status import Status
from tests.services.own_engine import Server
from tests.services.postfixadmin import PostfixAdminDatabase

NEW = 10
START = Start(0.01, 0.06, 0.1, {"reconciler --help": 0.07})
SIZES = (50, 200)
COMMANDS = tuple(name for name in NAMES if name != FLOOR)
Results = Mapping[int, Mapping[str, Measurement]]


@pytest.fixture(scope="module")
def server(mariadb_server: Server) -> Iterator[Connection]:
    with mariadb_server.admin.connect() as connection:
        yield connection


@pytest.fixture(scope="module")
def sites(
    new_mariadb: Callable[[], PostfixAdminDatabase], tmp_path_factory: pytest.TempPathFactory
) -> Mapping[int, tuple[BenchSite, URL]]:
    """One of each size, and its database."""
    urls = {size: new_mariadb().full_url for size in SIZES}
    folders = {size: tmp_path_factory.mktemp(f"bench-{size}") for size in SIZES}
    return {size: (build(folders[size], url, size=size, new=NEW), url) for size, url in urls.items()}


@pytest.fixture(scope="module")
def results(sites: Mapping[int, tuple[BenchSite, URL]], server: Connection) -> Results:
    """Every case at two sizes; each ends with the exit status that `run` expects of it."""
    return {size: measure_site(site, server, repeat=1) for size, (site, _) in sites.items()}


# with --only it depends on what leads to the account
@pytest.mark.parametrize("case", [name for name in COMMANDS if "--only" not in name])
def test_statements_and_commands_do_not_grow_with_the_site(results: Results, case: str) -> None:
    small, big = (results[size][case] for size in SIZES)
    assert small.statements == big.statements
    assert small.commands == big.commands


def test_validate_touches_nothing_live(results: Results) -> None:
    """It opens neither register nor live systems."""
    validate = results[SIZES[0]]["validate"]
    assert validate.statements == 0
    assert validate.commands == {}


def test_a_plan_lists_the_context_once(results: Results) -> None:
    for case in (case.name for case in CASES if case.arguments[0] == "plan"):
        assert results[SIZES[0]][case].commands["listuser"] == 1
        assert results[SIZES[0]][case].statements > 0


def test_an_account_is_one_createuser(results: Results) -> None:
    for size in SIZES:
        # and one before the first effect asks whether the tool is there
        assert results[size]["apply, new accounts"].commands["createuser"] == NEW + 1


def test_memory_and_time_are_seen(results: Results) -> None:
    for found in results[SIZES[0]].values():
        assert found.wall > 0
        assert found.cpu > 0
        assert found.peak > 10
    assert results[SIZES[0]]["apply, new accounts"].child_peak > 1


@pytest.mark.usefixtures("results")  # which make the ledger that is read
def test_the_floor_reads_what_a_plan_reads(sites: Mapping[int, tuple[BenchSite, URL]], server: Connection) -> None:
    small, big = (measure_floor(*sites[size], server, repeat=1) for size in SIZES)
    assert 2 < big.events / small.events < 5
    for part in (small.yaml, small.rows, small.listuser, small.files):
        assert part.wall > 0
    site, url = sites[SIZES[0]]
    with pytest.raises(CalledProcessError, match="mariadb"):
        measure_floor(site, url.set(database="none"), server, repeat=1)


def test_page_shows_every_number(results: Results, server: Connection) -> None:
    machine = describe_machine(str(server.execute(text("SELECT VERSION()")).scalar_one()))
    floor = Floor(Spent(2, 4), 123, Spent(0.5, 0.5), Spent(0.5, 0.5), Spent(0, 0))
    measured = {size: Result(cases, floor) for size, cases in results.items()}
    written = page(measured, machine, 1, START)
    for case in COMMANDS:
        assert f"## {case}\n" in written
    for size in SIZES:
        rows = len(COMMANDS) + 1 + sum(bool(case.against) for case in CASES)
        assert written.count(f"\n| {size:>9,} |") == rows
        plan = results[size][QUIET]
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
    assert "1 % changed" in capsys.readouterr().out


def test_sizes() -> None:
    assert sizes("1000,50") == (1000, 50)
    for wrong in ("", "0", "1000;50", "-1", "²"):
        with pytest.raises(argparse.ArgumentTypeError):
            sizes(wrong)
