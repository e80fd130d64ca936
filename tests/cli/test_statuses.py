"""Every exit status of docs/exit-statuses.md, through the command."""

from __future__ import annotations

import errno
import os
import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import IO

import pytest
from typer import Typer

from reconciler.cli import main
from tests.cli.conftest import Command
from tests.cli.running import COMMAND, environment
from tests.cli.site import ANNA, ANNA_DECLARED, BERND, BERND_DECLARED, DOMAIN, OX_ENV, StandInSite, password_in, today


def test_an_account_from_yaml_to_three_systems(site: StandInSite, command: Command) -> None:
    """4, 0, 0, 0: the main story; the letter's password is in it, and nowhere in what was printed."""
    site.declare(ANNA_DECLARED, aliases=["vorstand: [anna.beispiel]"], blocks=["domain: example.org, reason: spam"])
    assert command("plan").status == 4
    applied = command("apply", "--yes")
    assert applied.status == 0
    password = password_in(site.letters()["anna@gmx.example"])
    assert password not in applied.words
    assert site.mailbox(ANNA) is not None
    assert site.goto(f"vorstand@{DOMAIN}") == ANNA
    assert "\nexample.org REJECT\n" in site.map.read_text()
    for name in ("plan", "drift", "validate"):
        assert command(name).status == 0
    again = command("apply", "--yes")
    assert (again.status, len(site.letters())) == (0, 1)


def test_0_although_there_are_unmanaged_objects_but_not_with_strict(site: StandInSite, command: Command) -> None:
    """Unmanaged objects change no status; `drift --strict` makes them count."""
    site.declare("technik: {groupware: false}")
    site.add_mailbox(f"technik@{DOMAIN}")
    site.add_mailbox(BERND)
    assert command("plan").status == 0
    assert command("drift").status == 0
    assert command("drift", "--strict").status == 4
    strict = command("drift", "--strict", "--format", "json").json
    assert (strict["purpose"], strict["status"]) == ("drift", 4)


@pytest.mark.parametrize(
    "arguments", [("plam",), ("plan", "--nonsense"), ("plan", "--format", "xml"), ("show",), ("apply", "a", "b")]
)
def test_2_wrong_usage(command: Command, arguments: tuple[str, ...]) -> None:
    answer = command(*arguments)
    assert answer.status == 2
    assert answer.out == ""
    assert "Usage:" in answer.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("plan --format xml", "'--format': 'xml' is not one of 'text', 'json', 'markdown'."),
        ("ci init svn", "'FORGE': 'svn' is not one of 'gitlab', 'github', 'forgejo'."),
        ("queue list --queue x", "'--queue': 'x' is not one of 'maildrop', 'incoming', 'active', 'deferred', 'hold'."),
        ("report x.json --merge-request x", "'RECONCILER_MERGE_REQUEST'): expected a whole number, got 'x'"),
        ("report x.json --merge-request 0", "'RECONCILER_MERGE_REQUEST'): expected at least 1, got '0'"),
        ("RECONCILER_FORGE_PLAIN_HTTP=x report x.json", "RECONCILER_FORGE_PLAIN_HTTP'): expected 1 or 0, got 'x'"),
        ("history --limit 99999999999999999999", "'--limit': expected at most 10000, got '99999999999999999999'"),
    ],
)
def test_2_a_value_that_is_none_in_our_words(
    command: Command, monkeypatch: pytest.MonkeyPatch, words: str, said: str
) -> None:
    for pair in [word for word in words.split() if word.startswith("RECONCILER_")]:
        monkeypatch.setenv(*pair.split("="))
        words = words.removeprefix(f"{pair} ")
    answer = command(*words.split())
    assert (answer.status, said in answer.words) == (2, True), answer


def test_2_without_a_site_file(site: StandInSite, command: Command) -> None:
    site.file.unlink()
    for name in (("validate",), ("plan",), ("apply", "--yes"), ("drift",), ("show", "10042")):
        answer = command(*name)
        assert answer.status == 2, name
        assert "error: " in answer.err
        assert "→" in answer.err


def test_9_without_the_password_that_the_site_file_names(
    site: StandInSite, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.declare(ANNA_DECLARED)
    monkeypatch.delenv(OX_ENV)
    answer = command("plan")
    assert answer.status == 9
    assert f"the variable {OX_ENV} is not set, which `openxchange.admin_password_env`" in answer.words
    assert command("validate").status == 0  # which opens no live system


def test_2_when_nobody_is_there_to_ask(site: StandInSite, command: Command) -> None:
    site.declare(ANNA_DECLARED)
    answer = command("apply")
    assert answer.status == 2
    assert "reconciler apply --yes" in answer.err
    assert site.mailbox(ANNA) is None


@pytest.mark.parametrize("words", [("plan",), ("plan", "--format", "json"), ("validate",), ("apply", "--yes")])
def test_2_when_the_output_cannot_be_written(site: StandInSite, words: tuple[str, ...]) -> None:
    """Said in one line, and before anything is done: nobody would see what."""
    site.declare(ANNA_DECLARED, "wrong" if words == ("validate",) else BERND_DECLARED)
    run_in(site, "ledger", "init")
    with Path("/dev/full").open("w") as full:
        status, err = run_in(site, *words, out=full)
    assert status == 2
    assert "error: the output cannot be written: No space left on device" in err
    assert "bug" not in err
    assert site.mailbox(ANNA) is None


def test_a_closed_pipe_is_no_error_and_changes_no_status(site: StandInSite) -> None:
    site.declare(ANNA_DECLARED)
    run_in(site, "ledger", "init")
    for words, expected in ((("plan",), 4), (("apply", "--yes"), 0), (("plan",), 0)):
        reading, writing = os.pipe()
        os.close(reading)
        with os.fdopen(writing, "w") as pipe:
            assert run_in(site, *words, out=pipe) == (expected, ""), words
    assert site.mailbox(ANNA) is not None


def test_2_when_the_help_cannot_be_written(site: StandInSite) -> None:
    with Path("/dev/full").open("w") as full:
        status, err = run_in(site, "plan", "--help", out=full)
    assert (status, "bug" in err) == (2, False)
    assert "error: the output cannot be written: No space left on device" in err


def test_1_for_a_full_disk_that_is_not_the_outputs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(_app: Typer, prog_name: str) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Typer, "__call__", full)
    monkeypatch.setattr(sys, "argv", ["reconciler", "plan"])
    with pytest.raises(SystemExit) as left:
        main.run()
    assert left.value.code == 1
    assert "this is a bug" in capsys.readouterr().err


ALL_CLOSED = "<&- >&- 2>&-"


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", ALL_CLOSED])
def test_a_closed_stream_changes_no_status_and_no_file_becomes_it(site: StandInSite, closed: str) -> None:
    site.declare(ANNA_DECLARED)
    run_in(site, "ledger", "init")
    before = (site.folder / "postfixadmin.sqlite").read_bytes()
    line = " ".join(map(shlex.quote, COMMAND))
    every = (("plan", 4), ("drift --format json", 4), ("--help", 0), ("nonsense", 2))
    for words, expected in every if closed == ALL_CLOSED else every[:1]:
        done = subprocess.run(["sh", "-c", f"{line} {words} {closed}"], cwd=site.folder, env=environment(), check=False)
        assert done.returncode == expected, words
    assert (site.folder / "postfixadmin.sqlite").read_bytes() == before


def run_in(site: StandInSite, *words: str, out: IO[str] | None = None) -> tuple[int, str]:
    done = subprocess.run(
        [*COMMAND, *words],
        cwd=site.folder,
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=out or subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    return done.returncode, done.stderr


def test_0_when_there_is_nothing_to_ask_about(site: StandInSite, command: Command) -> None:
    site.declare()
    assert command("apply").status == 0


def test_3_shows_every_problem_with_its_place_and_reads_nothing_live(site: StandInSite, command: Command) -> None:
    site.declare("anna.beispiel: {given_name: Anna, surnam: Beispiel}", "'123': {groupware: false}")
    (site.folder / "postfixadmin.sqlite").unlink()  # else: status 9
    for name in (("validate",), ("plan",), ("apply", "--yes"), ("drift",)):
        answer = command(*name)
        assert answer.status == 3, name
        assert re.search(r"state/state\.yaml:3:\d+", answer.words)
        assert re.search(r"state/state\.yaml:4:\d+", answer.words)
        assert "surname" in answer.words


def test_3_for_a_site_file_with_an_unknown_key(site: StandInSite, command: Command) -> None:
    site.write(postfixadmin={"ur": "sqlite:///x"})
    answer = command("plan")
    assert answer.status == 3
    assert re.search(r"reconciler\.yaml:\d+:\d+", answer.words)


def test_4_for_drift(site: StandInSite, command: Command) -> None:
    site.declare(ANNA_DECLARED)
    command("apply", "--yes")
    site.sql("UPDATE mailbox SET quota = 512 * 1024000")
    answer = command("drift")
    assert answer.status == 4
    assert "quota 512 MB → 10240 MB" in answer.words


def test_5_applies_what_is_not_refused(site: StandInSite, command: Command) -> None:
    site.declare(ANNA_DECLARED, "UPPER__.x: {groupware: false}")
    assert command("plan").status == 5
    assert command("apply", "--yes").status == 5
    assert site.mailbox(ANNA) is not None
    assert len(site.sql("SELECT * FROM mailbox")) == 1


def test_6_for_a_stale_plan(site: StandInSite, command: Command) -> None:
    site.declare(ANNA_DECLARED)
    command("plan", "--out", "plan.json")
    site.declare(ANNA_DECLARED.replace("10042", "10077"), BERND_DECLARED.replace("10077", "10042"))
    answer = command("apply", "plan.json", "--yes")
    assert answer.status == 6
    assert f"alias 10042@{DOMAIN}" in answer.words
    assert "reconciler plan --out" in answer.words
    assert site.mailbox(ANNA) is None


def test_6_for_a_plan_of_another_site(site: StandInSite, command: Command) -> None:
    site.declare(ANNA_DECLARED)
    command("plan", "--out", "plan.json")
    site.write(site="other")
    answer = command("apply", "plan.json", "--yes")
    assert answer.status == 6
    assert "of the site nrw, not of other" in answer.words


def test_6_for_a_plan_that_was_applied_already(site: StandInSite, command: Command) -> None:
    site.declare(ANNA_DECLARED)
    command("plan", "--out", "plan.json")
    assert command("apply", "plan.json", "--yes").status == 0
    assert command("apply", "plan.json", "--yes").status == 6
    assert len(site.letters()) == 1


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"$schema": "run.schema.json", "version": 1}', "\x00"])
def test_2_for_a_file_that_is_no_plan(site: StandInSite, command: Command, content: str) -> None:
    site.declare(ANNA_DECLARED)
    Path("plan.json").write_text(content)
    answer = command("apply", "plan.json", "--yes")
    assert answer.status == 2
    assert "reconciler plan --out plan.json" in answer.words


def test_2_for_a_plan_that_is_not_there(site: StandInSite, command: Command) -> None:
    site.declare(ANNA_DECLARED)
    answer = command("apply", "no-such.json", "--yes")
    assert answer.status == 2
    assert "no-such.json cannot be read" in answer.words


def test_8_says_what_is_done_and_what_is_not(site: StandInSite, command: Command) -> None:
    """The display name is taken, on a server that the site file is wrong about: OX refuses one user; the block comes
    all the same."""
    site.write(openxchange={**site.sections["openxchange"], "unique_display_names": False})
    site.add_ox_user("other", f"other@{ANNA.partition('@')[2]}", "Anna Beispiel")
    site.declare(ANNA_DECLARED, blocks=["domain: example.org, reason: spam"])
    answer = command("apply", "--yes")
    assert answer.status == 8
    assert "is another OX user's" in answer.words
    assert "\nexample.org REJECT\n" in site.map.read_text()
    assert site.letters() == {}  # nobody is told before everything is in place
    site.declare(ANNA_DECLARED.replace("{", "{name: Anna Beispiel (NRW), "), blocks=["domain: example.org, reason: s"])
    assert command("apply", "--yes").status == 0
    assert password_in(site.letters()["anna@gmx.example"])
    assert command("plan").status == 0


def test_9_when_a_system_cannot_be_read(site: StandInSite, command: Command) -> None:
    site.declare(ANNA_DECLARED, blocks=["domain: example.org, reason: spam"])
    site.fault("down")
    for name in (("plan",), ("drift",), ("show", ANNA), ("apply", "--yes")):
        answer = command(*name)
        assert answer.status == 9, name
        assert "OX does not answer" in answer.words
    assert site.mailbox(ANNA) is None
    assert "\nexample.org REJECT\n" in site.map.read_text()


def test_5_wins_over_9_and_9_over_4(site: StandInSite, command: Command) -> None:
    """docs/exit-statuses.md, "Which status wins": 1, 2, 3, 7, 6, 5, 8, 9, 4, 0."""
    site.fault("down")
    site.declare(aliases=["vorstand: [nobody]"])
    assert command("plan").status == 5
    site.declare(aliases=["vorstand: [klaus@extern.example]"])
    assert command("plan").status == 9
    site.sound()
    assert command("plan").status == 4


def test_1_is_one_line_and_a_file(
    site: StandInSite, command: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A bug shows no traceback; the file has it, and no password."""
    site.declare(ANNA_DECLARED)

    async def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("an injected bug")

    monkeypatch.setattr("reconciler.cli.site_session.SiteSession.draft", broken)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    answer = command("plan")
    assert (answer.status, answer.out) == (1, "")
    said, hint = answer.err.splitlines()
    assert "ZeroDivisionError" in said
    (file,) = tmp_path.glob("reconciler-*.txt")
    assert file.name in hint
    content = file.read_text()
    assert "an injected bug" in content
    assert "Traceback" in content
    assert "only-for-the-stand-in" not in content
    assert file.stat().st_mode & 0o077 == 0


def test_a_date_of_today_counts_in_the_time_zone_of_the_site(site: StandInSite, command: Command) -> None:
    """A block that expired yesterday is lifted, one that expires today is not."""
    site.declare(blocks=[f"domain: example.org, reason: spam, expires: {today()}"])
    site.write(timezone="Etc/GMT+12")  # the last place on earth: today or yesterday there, never tomorrow
    assert command("plan").status == 4
    site.declare(blocks=["domain: example.org, reason: spam, expires: 2020-01-01"])
    assert command("plan").status == 0
