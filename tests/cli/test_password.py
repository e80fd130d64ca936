"""`reconciler password`: where the password gets to, what is refused, and what a run that died leaves."""

from __future__ import annotations

import io
import re
import sys
from pathlib import Path

import pytest
from passlib.hash import sha512_crypt  # type: ignore[import-untyped]  # libpass has no stubs

from reconciler.sandbox.openxchange import control
from tests.cli.conftest import Command, Open
from tests.cli.running import Answer, eventually
from tests.cli.site import ANNA, ANNA_DECLARED, DOMAIN, StandInSite, password_in, today
from tests.cli.test_kept_secret import holders
from tests.cli.test_letters import FROM
from tests.services.smtp import Fault, running_server

INFO = f"info@{DOMAIN}"
INFO_DECLARED = "info: {given_name: Info, surname: Stelle}"
TYPED = 'Gruener-Wal-87 "x"'
LETTER = "anna@gmx.example"


@pytest.fixture
def live(site: StandInSite, command: Command) -> StandInSite:
    """Anna, who has a letter, and a functional mailbox, which has none, in both systems."""
    site.declare(ANNA_DECLARED, INFO_DECLARED)
    answer = command("apply", "--yes")
    assert answer.status == 0, answer.words
    return site


@pytest.fixture
def typed(command: Command, monkeypatch: pytest.MonkeyPatch) -> Command:
    """`reconciler password ADDRESS < PASSWORD`."""

    def call(address: str, password: bytes | str = TYPED, *options: str) -> Answer:
        content = password if isinstance(password, bytes) else f"{password}\n".encode()
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
        return command("password", address, *options)

    return call


def opens(site: StandInSite, address: str, password: str) -> tuple[bool, bool]:
    """Whether it is the password of the mailbox, and of the OX user."""
    row = site.mailbox(address)
    assert row is not None
    stored = re.fullmatch(r"\{SHA512-CRYPT\}(.*)", row["password"])
    mail = stored is not None and sha512_crypt.verify(password, stored[1])
    return mail, control.check_password(site.ox, address.partition("@")[0], password)


def test_a_functional_mailbox_gets_it_in_both_systems_and_no_letter_goes_out(
    live: StandInSite, typed: Command, command: Command
) -> None:
    letters = live.letters()
    answer = typed("info")
    assert answer.status == 0, answer.words
    assert "a typed password, which no letter tells" in answer.words
    assert opens(live, INFO, TYPED) == (True, True)
    assert live.letters().keys() == letters.keys()
    assert command("plan").status == 0


def test_it_is_in_no_output_file_or_table(live: StandInSite, typed: Command, command: Command) -> None:
    """Also where OX fails and where it is refused; the ledger knows that it was set, by a step."""
    spoken = [typed(INFO, TYPED, "--format", "json"), typed(INFO, TYPED * 9), typed(INFO, f"{TYPED}\n{TYPED}")]
    live.fault("storage_error", tool="changeuser")
    spoken += [typed(INFO), command("plan", "--format", "json")]
    live.sound()
    assert [answer.status for answer in spoken] == [0, 2, 2, 8, 4]
    spoken += [command("history", "3", "--format", "json"), command("history", INFO), command("resume", "--yes")]
    assert '"given_password"' in spoken[5].out
    assert not [answer for answer in spoken if TYPED in answer.out + answer.err or "Wal" in answer.out + answer.err]
    assert holders(live.folder, "Wal-87") == set()


def test_on_the_terminal_it_is_asked_for_twice_and_not_shown(live: StandInSite, terminal: Open) -> None:
    """Two that differ, and one that the site does not take, are asked for again."""
    shown = terminal("password", INFO)
    for first, second in ((TYPED, "another-one-9"), ("short", "short"), (TYPED, TYPED)):
        shown.seen = ""
        shown.read_until("New password for info")
        shown.type(f"{first}\n")
        shown.read_until("once more: ")
        shown.type(f"{second}\n")
    assert shown.status() == 0
    assert opens(live, INFO, TYPED) == (True, True)
    assert "Wal" not in shown.seen
    assert "another-one" not in shown.seen


@pytest.mark.parametrize("keys", ["\x03", "\x04"], ids=repr)
def test_ctrl_c_and_ctrl_d_change_nothing(live: StandInSite, terminal: Open, keys: str) -> None:
    before = live.live()
    shown = terminal("password", INFO)
    shown.read_until("New password for info")
    shown.type(keys)
    assert shown.status() == 4
    assert "nothing was changed" in shown.plain
    assert live.live() == before


@pytest.mark.parametrize(
    ("password", "why"),
    [
        ("Wal-87-Wal", "shorter than 12 characters"),
        ("Wal-87-" * 11, "longer than 72 characters"),
        ("Grüner-Wal-8765", "other characters than"),
        ("Wal-8765\t-Wal-8765", "other characters than"),
        (" Gruener-Wal-8765", "begins or ends with a space"),
        ("abababababababab", "fewer than 5 different"),
        ("8765-Beispiel-Wal", "a part of the address, of the name, or the member number"),
        ("wal-ANNA.beispiel-4", "a part of the address"),
        ("Wal-10042-Wal-Wal", "a part of the address, of the name, or the member number"),
        ("Wal-Piraten-8765-x", "`passwords.forbidden`"),
    ],
)
def test_the_site_takes_no_password_that_is_easily_guessed_or_not_taken_by_all(
    site: StandInSite, typed: Command, password: str, why: str
) -> None:
    site.write(passwords={"forbidden": ["piraten"]})
    site.declare(ANNA_DECLARED)
    before = site.live()
    answer = typed(ANNA, password)
    assert answer.status == 2
    assert why in answer.words
    assert "nothing was changed" in answer.words
    assert password.strip() not in answer.out + answer.err
    assert site.live() == before


@pytest.mark.parametrize("content", [b"", b"\n", b"Gr\xfcner-Wal-8765\n", b"Wal-8765-Wal\nWal-8765-Wal\n"], ids=repr)
def test_standard_input_is_one_line(live: StandInSite, typed: Command, content: bytes) -> None:
    before = live.live()
    answer = typed(INFO, content)
    assert (answer.status, "standard input" in answer.words) == (2, True)
    assert live.live() == before


def test_an_address_that_gets_no_password_is_answered(site: StandInSite, typed: Command) -> None:
    """Not declared, an alias, a former address, being removed, switched off, not made yet: each with what to do."""
    renamed = [{"from": "alt", "to": "neu", "date": str(today())}]
    removed = [{"mailbox": "weg", "date": str(today()), "reason": "left"}]
    boxes = (
        INFO_DECLARED,
        "aus: {groupware: false, active: false}",
        "neu: {groupware: false}",
        "frei: {groupware: false}",
    )
    site.declare(*boxes, aliases=["vorstand: [info]"], more={"renames": renamed, "removals": removed})
    site.add_mailbox(f"alt@{DOMAIN}")
    site.add_mailbox(f"frei@{DOMAIN}", active=0)
    before = site.live()
    for asked, why, what in (
        ("infi", "is not declared as a mailbox", f"did you mean {INFO}"),
        ("zebra", "is not declared as a mailbox", "reconciler add mailbox"),
        ("vorstand", f"is an alias to {INFO}", "name the mailbox"),
        ("alt", f"is a former address of neu@{DOMAIN}", f"reconciler password neu@{DOMAIN}"),
        ("weg", "the removal of", "`removals:`"),
        ("aus", "is switched off (", "`active: true`"),
        ("neu", f"the mailbox is still alt@{DOMAIN}", "reconciler apply"),
        (INFO, "there is none yet", "reconciler apply"),
        ("frei", "is switched off in PostfixAdmin", "reconciler apply"),
    ):
        answer = typed(asked)
        assert (answer.status, why in answer.words, what in answer.words) == (2, True, True), answer.words
    assert site.live() == before


def test_without_the_ox_user_that_is_declared_nothing_is_set(
    live: StandInSite, typed: Command, command: Command
) -> None:
    live.declare(ANNA_DECLARED, INFO_DECLARED, "frei: {groupware: false}")
    assert command("apply", "--yes").status == 0
    assert typed("frei").status == 0  # it has no OX user, and is to have none
    live.declare(ANNA_DECLARED, INFO_DECLARED, "frei: {given_name: Frei, surname: Haus}")
    before = live.live()
    answer = typed("frei")
    assert (answer.status, "has no OX user yet" in answer.words) == (2, True)
    live.fault("down", tool="listuser")
    answer = typed("info")
    assert answer.status == 9, answer.words
    assert live.live() == before


def test_nothing_else_that_is_pending_is_done(live: StandInSite, typed: Command, command: Command) -> None:
    """And a declared reset of the same account is said, which would make another password."""
    reset = ANNA_DECLARED.replace("10240 MB}", f"77 MB, password_reset: {today()}}}")
    live.declare(reset, INFO_DECLARED, "neu: {groupware: false}", blocks=["domain: example.org, reason: spam"])
    answer = typed(ANNA)
    assert answer.status == 0, answer.words
    assert "the next apply makes another password" in answer.words
    assert opens(live, ANNA, TYPED) == (True, True)
    assert live.mailbox(f"neu@{DOMAIN}") is None
    assert "example.org" not in live.map.read_text()
    assert len([file for file in (live.folder / "outbox").glob("*.eml") if LETTER in file.read_text()]) == 1
    assert command("plan").status == 4


def test_an_old_mailbox_gets_it_too(site: StandInSite, typed: Command, command: Command) -> None:
    """The web interface opens the old mailbox with the password of the account."""
    control.set_switches(site.ox, USERNAME_CHANGEABLE=True)
    site.declare(ANNA_DECLARED)
    assert command("apply", "--yes").status == 0
    renamed = [{"from": "anna.beispiel", "to": "anna.neu", "date": str(today())}]
    site.declare("anna.neu: {given_name: Anna, surname: Beispiel, member: 10042}", more={"renames": renamed})
    answer = command("apply", "--yes")
    assert answer.status == 0, answer.words
    assert typed("anna.neu").status == 0
    new, old = site.mailbox(f"anna.neu@{DOMAIN}"), site.mailbox(ANNA)
    assert new is not None
    assert old is not None
    for row in (new, old):
        assert sha512_crypt.verify(TYPED, row["password"].removeprefix("{SHA512-CRYPT}"))
    assert control.check_password(site.ox, "anna.neu", TYPED)


def test_a_crash_between_the_systems_is_said_until_it_is_set_in_both(
    live: StandInSite, typed: Command, command: Command, terminal: Open
) -> None:
    """No run makes a password of its own meanwhile: nobody would be told it."""
    live.fault("slow", tool="changeuser", first=1, seconds=1)
    control.forget_calls(live.ox)
    shown = terminal("password", INFO)
    for question in ("New password for info", "once more: "):
        shown.read_until(question)
        shown.type(f"{TYPED}\n")
    eventually(lambda: "changeuser" in control.calls(live.ox))
    shown.kill()
    half = opens(live, INFO, TYPED)
    assert half[0]
    for name in ("plan", "drift"):
        answer = command(name)
        assert answer.status == 4, answer.words
        assert f"reconciler password {INFO}" in answer.words
    for name in ("apply", "resume"):
        answer = command(name, "--yes")
        assert f"reconciler password {INFO}" in answer.words
        assert answer.status == 4
    assert opens(live, INFO, TYPED)[0]
    other = TYPED[::-1]
    assert typed(INFO, other).status == 0
    assert opens(live, INFO, other) == (True, True)
    for name in ("plan", "resume"):
        answer = command(name)
        assert (answer.status, "reconciler password" in answer.words) == (0, False)


def test_after_a_lost_answer_of_ox_it_is_set_again(live: StandInSite, typed: Command) -> None:
    """Setting it twice harms nobody."""
    control.forget_calls(live.ox)
    live.fault("dies_after_effect", tool="changeuser", first=1)
    assert typed(INFO).status == 0
    assert control.calls(live.ox)["changeuser"] == 2
    assert opens(live, INFO, TYPED) == (True, True)


@pytest.mark.parametrize(("fault", "status"), [(Fault.REFUSES_DATA, 4), (Fault.DROPS_AFTER_DATA, 0)])
def test_it_ends_what_a_run_owed(
    site: StandInSite, typed: Command, command: Command, fault: Fault, status: int
) -> None:
    """A letter that did not leave, or may not have arrived, tells another password: none is made any more."""
    site.declare(ANNA_DECLARED)
    site.write(postfixadmin={**site.sections["postfixadmin"], "welcome_mail": False})
    with running_server() as server:
        site.write(letters={"smtp": {"host": server.host, "port": server.port}, "from": FROM})
        server.faults = {fault}
        assert command("apply", "--yes").status == 8
        server.faults = set()
        before = command("plan")
        assert before.status == status
        assert ANNA in before.words
        assert typed(ANNA).status == 0
        after = command("plan")
        assert (after.status, ANNA in after.words) == (0, False), after.words
        sent = len(server.to(LETTER))
        assert command("apply", "--yes").status == 0
        assert command("resume", "--yes").status == 0
        assert len(server.to(LETTER)) == sent
    assert opens(site, ANNA, TYPED) == (True, True)


def test_a_password_by_letter_ends_what_was_typed(live: StandInSite, typed: Command, command: Command) -> None:
    live.fault("storage_error", tool="changeuser")
    assert typed(ANNA).status == 8
    live.sound()
    assert command("plan").status == 4
    live.declare(ANNA_DECLARED.replace("}", f", password_reset: {today()}}}"), INFO_DECLARED)
    assert command("apply", "--yes").status == 0
    assert command("plan").status == 0
    assert opens(live, ANNA, password_in(live.letters()[LETTER])) == (True, True)


def test_no_limit_on_changes_stops_it(live: StandInSite, typed: Command) -> None:
    live.write(policy={"limits": {"changes": {"number": 0, "share": 0.0, "at_least": 0}}})
    assert typed(INFO).status == 0


def test_it_is_in_no_argument_or_environment_of_ours(live: StandInSite, terminal: Open) -> None:
    """While OX' tool is at work: the tool itself has it in its environment, which is the only way that it takes it
    beside its arguments."""
    live.fault("slow", tool="changeuser", first=1, seconds=0.6)
    control.forget_calls(live.ox)
    shown = terminal("password", INFO)
    for question in ("New password for info", "once more: "):
        shown.read_until(question)
        shown.type(f"{TYPED}\n")
    eventually(lambda: "changeuser" in control.calls(live.ox))
    processes = [folder for folder in Path("/proc").iterdir() if folder.name.isdigit()]
    lines = [content for folder in processes if (content := content_of(folder / "cmdline"))]
    own = Path(f"/proc/{shown.pid}")
    assert content_of(own / "cmdline")
    assert not [line for line in lines if TYPED.encode() in line]
    assert TYPED.encode() not in content_of(own / "environ")
    assert shown.status() == 0


def content_of(file: Path) -> bytes:
    """Empty for a process that has ended."""
    try:
        return file.read_bytes()
    except OSError:
        return b""


def test_who_lost_the_lock_while_typing_sets_nothing(live: StandInSite, terminal: Open, command: Command) -> None:
    shown = terminal("password", INFO)
    shown.read_until("New password for info")
    assert command("apply", "--yes").status == 7
    assert command("unlock", "--yes").status == 0
    before = live.live()
    shown.type(f"{TYPED}\n")
    shown.read_until("once more: ")
    shown.type(f"{TYPED}\n")
    assert shown.status() == 7
    assert live.live() == before
