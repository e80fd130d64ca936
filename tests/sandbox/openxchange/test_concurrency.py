"""Several tools at once on one store: nothing is lost, nothing is given twice."""

from __future__ import annotations

import subprocess

from reconciler.sandbox.openxchange.bulk import import_users
from reconciler.sandbox.openxchange.control import calls, users
from tests.sandbox.openxchange.conftest import PASSWORD, Ox

TOGETHER = 8


def at_once(ox: Ox, *command_lines: list[str]) -> list[tuple[int, str, str]]:
    """Starts all of them before it waits for the first."""
    environment = {**ox.environment, "NEW_USER_PASSWORD": PASSWORD}
    started = [
        subprocess.Popen(argv, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for argv in command_lines
    ]
    said = [process.communicate(timeout=60) for process in started]
    return [(process.returncode, *streams) for process, streams in zip(started, said, strict=True)]


def person(number: int, mail: str = "") -> tuple[str, ...]:
    address = mail or f"u{number}@pirat.alt"
    return ("-u", f"u{number}", "-d", f"User {number}", "-g", "U", "-s", "S", "-e", address)


def test_3_2_ids_are_unique_when_users_are_created_at_once(ox: Ox) -> None:
    ended = at_once(ox, *(ox.argv("createuser", *person(number)) for number in range(TOGETHER)))
    assert {status for status, _, _ in ended} == {0}
    wanted = {f"user {number} in context 1 created\n" for number in range(3, 3 + TOGETHER)}
    assert {out for _, out, _ in ended} == wanted
    assert calls(ox.folder) == {"createuser": TOGETHER}


def test_4_only_one_of_many_gets_the_address(ox: Ox) -> None:
    ended = at_once(ox, *(ox.argv("createuser", *person(number, "same@pirat.alt")) for number in range(TOGETHER)))
    assert sorted(status for status, _, _ in ended) == [0] + [103] * (TOGETHER - 1)
    assert len(users(ox.folder)) == 2


def test_changes_of_different_attributes_at_once_are_all_there(ox: Ox) -> None:
    ox.create(*person(1))
    options = [f"--userfield{number:02d}" for number in range(1, TOGETHER + 1)]
    ended = at_once(ox, *(ox.argv("changeuser", "-i", "3", option, "x") for option in options))
    assert {status for status, _, _ in ended} == {0}
    fields = ox.user("u1").fields
    assert all(fields[option.removeprefix("--").capitalize()] == "x" for option in options)


def test_a_fault_for_the_first_calls_is_counted_exactly(ox: Ox) -> None:
    ox.fault("down", tool="listuser", first=3)
    ended = at_once(ox, *(ox.argv("listuser") for _ in range(TOGETHER)))
    assert sorted(status for status, _, _ in ended) == [0] * (TOGETHER - 3) + [105] * 3


def test_reading_sees_one_moment_while_others_write(ox: Ox) -> None:
    """Each listing is whole: no user without the aliases that were written with it."""
    import_users(ox.folder, ({"Name": f"x{n}", "PrimaryEmail": f"x{n}@pirat.alt"} for n in range(500)))
    writers = [ox.argv("createuser", *person(number)) for number in range(TOGETHER)]
    readers = [ox.argv("listuser", "--csv") for _ in range(3)]
    ended = at_once(ox, *writers[:4], *readers, *writers[4:])
    assert {status for status, _, _ in ended} == {0}
    assert all(user.fields["PrimaryEmail"] in user.aliases for user in users(ox.folder))
    assert all(out.count("\n") >= 502 for _, out, _ in ended[4:7])
