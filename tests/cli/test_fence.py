"""A run that lost its lock, or that somebody stopped, tells nobody anything more: real processes, signals and time."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from reconciler.sandbox.openxchange import control
from tests.cli.conftest import Command, Open
from tests.cli.running import COMMAND, Answer, Process, eventually, killed, start
from tests.cli.site import DOMAIN, OX_ENV, OX_PASSWORD, StandInSite, password_in, today
from tests.services.smtp import running_server

PEOPLE = tuple(f"mitglied{number}" for number in range(8))
NUMBERS = {name: 20001 + number for number, name in enumerate(PEOPLE)}
SHORT_LOCK = """
import sys
from datetime import timedelta
from reconciler.apply import session
from reconciler.apply.ledger import Ledger
acquire = Ledger.acquire
async def short(self, holder, host, pid, ttl=timedelta(seconds=2), **options):
    return await acquire(self, holder, host, pid, ttl=ttl, **options)
Ledger.acquire = short
"""


def declared(site: StandInSite, **more: str) -> None:
    """Eight people with groupware, of whom OX makes two at a time."""
    lines = [f"{n},active,{p}@gmx.example,{p.capitalize()},Muster" for p, n in NUMBERS.items()]
    (site.folder / "members.csv").write_text("member,status,email,given_name,surname\n" + "\n".join(lines) + "\n")
    extra = "".join(f", {key}: {value}" for key, value in more.items())
    site.declare(
        *(f"{p}: {{given_name: {p.capitalize()}, surname: Muster, member: {n}{extra}}}" for p, n in NUMBERS.items())
    )


@pytest.fixture
def crowd(site: StandInSite) -> StandInSite:
    """Nobody of them is there yet; each createuser takes a while."""
    site.write(openxchange={**site.sections["openxchange"], "parallel": 1})
    declared(site)
    site.fault("slow", tool="createuser", seconds=0.6)
    control.forget_calls(site.ox)
    return site


def begin(folder: Path, changes: str = "") -> Process:
    """An apply whose code is changed by this first."""
    return start(folder, "apply", "--yes", env={OX_ENV: OX_PASSWORD}, code=changes + COMMAND[2])


def made(site: StandInSite) -> int:
    """How many of them OX has."""
    return sum(user.ident in PEOPLE for user in control.users(site.ox))


def every_letter_opens_both_doors(site: StandInSite) -> None:
    letters = site.letters()
    assert set(letters) == {f"{person}@gmx.example" for person in PEOPLE}
    for person in PEOPLE:
        password = password_in(letters[f"{person}@gmx.example"])
        assert control.check_password(site.ox, person, password), person


def test_ctrl_c_ends_a_run_before_the_next_user_of_ox(crowd: StandInSite, command: Command) -> None:
    process = begin(crowd.folder)
    eventually(lambda: made(crowd) >= 1, process)
    process.send_signal(signal.SIGINT)
    stopped = process.wait()
    assert stopped.status == 8
    assert made(crowd) < len(PEOPLE)
    assert crowd.letters() == {}
    crowd.sound()
    assert command("resume", "--yes").status == 0
    every_letter_opens_both_doors(crowd)


def test_a_second_ctrl_c_cancels_what_is_under_way(crowd: StandInSite, command: Command) -> None:
    crowd.fault("slow", tool="createuser", seconds=30)
    process = begin(crowd.folder)
    eventually(lambda: "createuser" in control.calls(crowd.ox), process)
    process.send_signal(signal.SIGINT)
    eventually(lambda: "once more cancels" in process.err, process)  # two at the same moment are one signal
    process.send_signal(signal.SIGINT)
    stopped = process.wait(15)
    assert stopped.status == 8
    assert "next: reconciler resume" in stopped.words
    crowd.sound()
    assert command("resume", "--yes").status == 0
    every_letter_opens_both_doors(crowd)


def test_a_stop_after_the_last_step_is_no_interruption(site: StandInSite, command: Command) -> None:
    """The last tool is at work when it comes, and nothing is left after it."""
    site.declare("technik: {given_name: AG, surname: Technik}")
    site.write(letters=None, register=None, postfixadmin={**site.sections["postfixadmin"], "welcome_mail": False})
    site.fault("slow", tool="createuser", seconds=1)
    control.forget_calls(site.ox)
    process = begin(site.folder)
    eventually(lambda: "createuser" in control.calls(site.ox), process)
    process.send_signal(signal.SIGINT)
    assert process.wait().status == 0
    assert command("plan").status == 0


def test_a_run_that_slept_tells_nobody_anything_after_another_took_over(crowd: StandInSite, command: Command) -> None:
    """SIGSTOP for longer than the lock lives; the second run finishes, the first one wakes."""
    process = begin(crowd.folder, SHORT_LOCK)
    eventually(lambda: made(crowd) >= 2, process)
    os.kill(process.pid, signal.SIGSTOP)
    crowd.sound()

    def taken_over() -> bool:
        answer = command("apply", "--yes")
        assert answer.status in (0, 7), answer.words
        return answer.status == 0

    eventually(taken_over)
    letters = len(list((crowd.folder / "outbox").iterdir()))
    calls = control.calls(crowd.ox)
    os.kill(process.pid, signal.SIGCONT)
    slept = process.wait()
    assert slept.status == 7, slept.words
    assert "has lost its lock and writes nothing more" in slept.words
    assert len(list((crowd.folder / "outbox").iterdir())) == letters
    changed = {tool: count for tool, count in control.calls(crowd.ox).items() if tool != "listuser"}
    assert changed == {tool: count for tool, count in calls.items() if tool != "listuser"}
    # whom it may have told something meanwhile is told anew
    assert command("apply", "--yes").status == 0
    assert command("plan").status == 0
    every_letter_opens_both_doors(crowd)


def test_unlock_ends_a_run_that_is_alive(crowd: StandInSite, command: Command) -> None:
    process = begin(crowd.folder)
    eventually(lambda: made(crowd) >= 1, process)
    unlocked = command("unlock", "--yes")
    assert unlocked.status == 0
    assert "its process is alive" in unlocked.words
    lost = process.wait()
    assert lost.status == 7, lost.words
    assert made(crowd) < len(PEOPLE)
    assert crowd.letters() == {}
    crowd.sound()
    assert command("resume", "--yes").status == 0
    every_letter_opens_both_doors(crowd)


def test_the_lock_is_renewed_while_somebody_reads_the_question(site: StandInSite, terminal: Open) -> None:
    site.declare("technik: {groupware: false}")
    shown = terminal("apply", program=SHORT_LOCK + COMMAND[2])
    shown.read_until("[y/N]")

    def expires() -> int:
        return int(site.sql("SELECT expires FROM reconciler_lock")[0]["expires"])

    first = expires()
    eventually(lambda: expires() > first + 3_000)  # longer than it lives
    shown.type("y\n")
    assert shown.status() == 0
    assert site.mailbox(f"technik@{DOMAIN}") is not None


def test_letters_are_remembered_one_by_one(crowd: StandInSite, command: Command) -> None:
    """Killed between two letters: whoever has one keeps their password, and gets no second one."""
    crowd.sound()
    outbox = crowd.folder / "outbox"
    outbox.mkdir()

    def letters() -> int:
        return sum(f"@{DOMAIN}" not in file.name for file in outbox.glob("*.eml"))

    process = begin(crowd.folder)
    eventually(lambda: letters() >= 2, process)
    killed(process)
    before = {file.name for file in outbox.glob("*.eml")}
    sent = len({name.partition("-")[2] for name in before if f"@{DOMAIN}" not in name})
    assert sent >= 2
    answer: Answer = command("resume", "--yes")
    assert answer.status == 0, answer.words
    again = [f.name for f in outbox.glob("*.eml") if f.name not in before and f"@{DOMAIN}" not in f.name]
    # the one that was under way may be told twice
    assert len(again) <= len(PEOPLE) - sent + 1
    every_letter_opens_both_doors(crowd)


def test_resume_is_stopped_neither_by_others_nor_by_its_own_run(crowd: StandInSite, command: Command) -> None:
    """Other people's changes are beyond a limit, and the new passwords of the run's own accounts would be, too."""
    crowd.write(policy={"limits": {"changes": {"number": 1}, "creations": {"number": 10}}})
    process = begin(crowd.folder)
    eventually(lambda: made(crowd) >= 2, process)
    process.send_signal(signal.SIGINT)
    assert process.wait().status == 8
    crowd.sound()
    state = crowd.folder / "state" / "others.yaml"
    crowd.add_mailbox(f"alt1@{DOMAIN}")
    crowd.add_mailbox(f"alt2@{DOMAIN}")
    state.write_text(
        f"domain: {DOMAIN}\nmailboxes:\n  alt1: {{groupware: false, quota: 5 MB}}\n"
        "  alt2: {groupware: false, quota: 5 MB}\naliases:\n  info: extern@else.example\n"
    )
    assert command("apply", "--yes").status == 5
    resumed = command("resume", "--yes")
    assert resumed.status == 0, resumed.words
    assert crowd.goto(f"info@{DOMAIN}") is None
    every_letter_opens_both_doors(crowd)


def test_a_saved_plan_outlives_a_resume(crowd: StandInSite, command: Command) -> None:
    """It was saved between the two, and holds what resume does as well."""
    process = begin(crowd.folder)
    eventually(lambda: made(crowd) >= 2, process)
    process.send_signal(signal.SIGINT)
    assert process.wait().status == 8
    crowd.sound()
    others = f"domain: {DOMAIN}\naliases:\n  info: extern@else.example\n"
    (crowd.folder / "state" / "others.yaml").write_text(others, encoding="utf-8")
    assert command("plan", "--out", "saved.json").status == 4
    assert command("resume", "--yes").status == 0
    letters = sorted(file.name for file in (crowd.folder / "outbox").iterdir())
    saved = command("apply", "saved.json", "--yes")
    assert saved.status == 0, saved.words
    assert crowd.goto(f"info@{DOMAIN}") == "extern@else.example"
    assert sorted(file.name for file in (crowd.folder / "outbox").iterdir()) == letters
    every_letter_opens_both_doors(crowd)


SLOW_HASHES = """
import time
from pathlib import Path
from reconciler.systems.postfixadmin import password_hashes
one_hash = password_hashes.hash_password
def slow(scheme, password):
    Path("hashing").touch()
    time.sleep({seconds})
    return one_hash(scheme, password)
password_hashes.hash_password = slow
"""


@pytest.fixture(params=["beside PostfixAdmin's tables", "elsewhere"])
def hashing(request: pytest.FixtureRequest, site: StandInSite, command: Command) -> StandInSite:
    """Eight accounts that are to have new passwords, and the ledger in PostfixAdmin's database or in one of its own."""
    if request.param == "elsewhere":
        site.write(ledger={"url": "sqlite:///ledger.sqlite"})
        assert command("ledger", "init").status == 0
    declared(site)
    assert command("apply", "--yes").status == 0
    declared(site, password_reset=str(today()))
    return site


def begin_hashing(site: StandInSite, seconds: float = 1) -> Process:
    """A run whose passwords are being hashed: nothing is written yet."""
    process = begin(site.folder, SLOW_HASHES.format(seconds=seconds) + SHORT_LOCK)
    eventually((site.folder / "hashing").exists, process)
    return process


def passwords(site: StandInSite) -> list[dict[str, object]]:
    return site.sql("SELECT username, password FROM mailbox ORDER BY username")


def test_a_run_that_slept_writes_no_password_after_another_took_over(hashing: StandInSite, command: Command) -> None:
    process = begin_hashing(hashing)
    os.kill(process.pid, signal.SIGSTOP)

    def taken_over() -> bool:
        answer = command("apply", "--yes")
        assert answer.status in (0, 7), answer.words
        return answer.status == 0

    eventually(taken_over)
    of_the_second = passwords(hashing)
    os.kill(process.pid, signal.SIGCONT)
    assert process.wait().status == 7
    assert passwords(hashing) == of_the_second


def test_unlock_ends_a_run_before_it_writes_a_password(hashing: StandInSite, command: Command) -> None:
    before = passwords(hashing)
    process = begin_hashing(hashing)
    assert command("unlock", "--yes").status == 0
    assert process.wait().status == 7
    assert passwords(hashing) == before


def test_ctrl_c_ends_a_run_that_hashes(hashing: StandInSite, command: Command) -> None:
    """Between two of its passwords, and before any of them is written."""
    before = passwords(hashing)
    process = begin_hashing(hashing)
    process.send_signal(signal.SIGINT)
    assert process.wait().status == 8
    assert passwords(hashing) == before
    assert command("resume", "--yes").status == 0
    every_letter_opens_both_doors(hashing)


def test_a_second_ctrl_c_gives_the_lock_back_and_nothing_is_written_behind_it(
    hashing: StandInSite, command: Command
) -> None:
    before = passwords(hashing)
    process = begin_hashing(hashing, seconds=1.5)
    process.send_signal(signal.SIGINT)
    eventually(lambda: "once more cancels" in process.err, process)
    process.send_signal(signal.SIGINT)
    assert process.wait().status == 8
    assert passwords(hashing) == before


def test_a_stop_between_two_letters(site: StandInSite, command: Command) -> None:
    with running_server() as server:
        server.slow = 0.5
        smtp = {"host": server.host, "port": server.port}
        site.write(letters={"smtp": smtp, "from": f"AG Technik <technik@{DOMAIN}>"})
        declared(site)
        process = begin(site.folder)
        eventually(lambda: len(server.mails) >= 2, process)
        process.send_signal(signal.SIGINT)
        assert process.wait().status == 8
        sent = len(server.mails)
        assert sent < 2 * len(PEOPLE), "a welcome mail and a letter for each"
        server.slow = 0
        assert command("resume", "--yes").status == 0
        assert len(server.mails) >= 2 * len(PEOPLE)


SLOW_MAP = """
import asyncio
from pathlib import Path
from reconciler.systems.postfix.publish_map import Rewriter
write_beside = Rewriter._write_beside
async def slow(self, *arguments):
    written = await write_beside(self, *arguments)
    Path("beside").touch()
    await asyncio.sleep(1)
    return written
Rewriter._write_beside = slow
"""


def test_unlock_ends_a_run_before_its_map_is_moved_over_the_live_one(site: StandInSite, command: Command) -> None:
    site.declare(blocks=["domain: example.org, reason: spam"])
    process = begin(site.folder, SLOW_MAP + SHORT_LOCK)
    eventually((site.folder / "beside").exists, process)
    assert command("unlock", "--yes").status == 0
    assert process.wait().status == 7
    assert "example.org" not in site.map.read_text(encoding="utf-8")
    assert command("apply", "--yes").status == 0
    assert "example.org" in site.map.read_text(encoding="utf-8")


def test_unlock_ends_a_run_before_it_tries_again(crowd: StandInSite, command: Command) -> None:
    """Each createuser fails for a while, and is tried again after a pause."""
    crowd.fault("down", tool="createuser")
    process = begin(crowd.folder)
    eventually(lambda: control.calls(crowd.ox).get("createuser", 0) >= len(PEOPLE), process)
    assert command("unlock", "--yes").status == 0
    crowd.sound()
    assert process.wait().status == 7
    assert (made(crowd), crowd.letters()) == (0, {})


def test_ox_is_listed_once_a_wave(site: StandInSite) -> None:
    """Eight accounts in waves of three: the list of the plan is the first wave's, too, and the one that reads a wave
    back is the next one's."""
    declared(site)
    control.forget_calls(site.ox)
    done = begin(site.folder, "from reconciler.apply import engine; engine.WAVE = 3\n").wait()
    assert done.status == 0, done.words
    # the plan, three waves, and `check`, which asks for the admin alone
    assert control.calls(site.ox) == {"listuser": 5, "createuser": len(PEOPLE)}
    every_letter_opens_both_doors(site)
