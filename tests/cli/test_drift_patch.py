"""`reconciler drift --patch`: applied with git, the plan for what it takes over is empty; other bytes stay."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.cli.conftest import Command
from tests.cli.running import Answer
from tests.cli.site import ANNA, ANNA_DECLARED, BERND, BERND_DECLARED, DOMAIN, StandInSite
from tests.cli.test_edit import done

TECHNIK = "technik: {groupware: false, quota: 512 MB}  # of technik"
VORSTAND, PRESSE, T = f"vorstand@{DOMAIN}", f"presse@{DOMAIN}", f"technik@{DOMAIN}"
ALIASES = ("vorstand: [anna.beispiel, technik]  # the board", "presse: anna.beispiel")
BLOCKS = [f"domain: example{n}.org, reason: spam" for n in range(4)]


@pytest.fixture
def applied(site: StandInSite, command: Command) -> StandInSite:
    """A site in a repository, in a folder below its top."""
    site.declare(ANNA_DECLARED, BERND_DECLARED, TECHNIK, aliases=ALIASES, blocks=BLOCKS)
    git("init", "--quiet")
    commit(site)
    done(command("apply", "--yes"))
    return site


def git(*arguments: str, given: str | None = None) -> str:
    who = ("-c", "user.name=AG Technik", "-c", "user.email=technik@mail.example")
    run = subprocess.run(["git", *who, *arguments], input=given, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    return run.stdout


def commit(site: StandInSite) -> None:
    git("add", "state", site.file.name)
    git("commit", "--quiet", "-m", "State")


def state() -> str:
    return Path("state/state.yaml").read_text("utf-8")


def taken_over(command: Command, *subjects: str) -> Answer:
    """The patch, applied with git."""
    answer = command("drift", "--patch", *subjects)
    assert answer.out.startswith("diff --git a/state/state.yaml b/state/state.yaml\n"), answer
    git("apply", "--check", given=answer.out)
    git("apply", given=answer.out)
    return answer


def changed_by_hand(site: StandInSite) -> None:
    site.sql("UPDATE mailbox SET quota = ?, active = 0 WHERE username = ?", 1024 * 1024000, T)
    site.sql("UPDATE alias SET active = 0 WHERE address = ?", T)
    site.sql("UPDATE alias SET goto = ? WHERE address = ?", f"{BERND},k@extern.example", VORSTAND)
    site.sql("DELETE FROM alias WHERE address = ?", PRESSE)
    text = site.map.read_text("utf-8").replace("example0.org REJECT", "example9.org REJECT")
    site.map.write_text(text.replace("example2.org REJECT\n", ""), "utf-8")


def test_merged_the_plan_for_it_is_empty(applied: StandInSite, command: Command) -> None:
    changed_by_hand(applied)
    before = state()
    answer = taken_over(command)
    assert answer.status == 0, answer
    assert command("plan").status == 0, command("plan").words
    after = state()
    assert "technik: {groupware: false, quota: 1024 MB, active: false}  # of technik" in after
    assert "vorstand: [bernd.muster, k@extern.example]  # the board" in after
    assert "presse" not in after
    assert [line for line in after.splitlines() if "example" in line and "domain: example" in line] == [
        "  - {domain: example1.org, reason: spam}",
        "  - {domain: example3.org, reason: spam}",
        "  - {domain: example9.org, reason: spam}",
    ]
    assert set(before.splitlines()) & set(after.splitlines()) >= {f"  {ANNA_DECLARED}", f"domain: {DOMAIN}"}


def test_names_and_switches_too_and_what_has_no_entry_is_named(site: StandInSite, command: Command) -> None:
    """A member number that somebody took away, and domains, are no drift that an entry says."""
    domains = {"domains": {DOMAIN: {"max_mailboxes": 9}}}
    site.declare(ANNA_DECLARED, BERND_DECLARED, TECHNIK, aliases=ALIASES, more=domains)
    git("init", "--quiet")
    commit(site)
    done(command("apply", "--yes"))
    site.sql("UPDATE mailbox SET name = 'Anna Probe', active = 0 WHERE username = ?", ANNA)
    site.sql("UPDATE alias SET active = 0 WHERE address IN (?, ?)", ANNA, VORSTAND)
    site.change_ox_user("anna.beispiel", "-s", "Probe", "-d", "Anna Probe", "-g", "Anna")
    site.sql("DELETE FROM alias WHERE address = ?", f"10077@{DOMAIN}")
    site.sql("UPDATE domain SET mailboxes = 7 WHERE domain = ?", DOMAIN)
    answer = taken_over(command)
    assert answer.status == 4, answer
    after = state()
    assert "anna.beispiel: {given_name: Anna, surname: Probe, member: 10042, quota: 10240 MB, active: false}" in after
    assert "vorstand: {goto: [anna.beispiel, technik], active: false}  # the board" in after
    said = " ".join(answer.err.split())
    assert f"{DOMAIN} is not taken over: it is about a domain" in said
    assert f"{BERND} is not taken over: no entry says all of it; there would remain: alias 10077@" in said
    assert {t["subject"] for t in command("plan", "--format", "json").json["transitions"]} == {BERND, DOMAIN}


def test_only_what_is_chosen_or_was_changed_by_hand(applied: StandInSite, command: Command) -> None:
    """What git changed and nobody applied is not taken back, unless somebody asks for just that."""
    changed_by_hand(applied)
    applied.declare(ANNA_DECLARED.replace("10240", "20480"), BERND_DECLARED, TECHNIK, aliases=ALIASES, blocks=BLOCKS)
    assert taken_over(command, "technik").status == 0
    left = {t["subject"] for t in command("plan", "--format", "json").json["transitions"]}
    assert left == {ANNA, VORSTAND, PRESSE, "example0.org", "example2.org", "example9.org"}
    assert taken_over(command).status == 0
    assert {t["subject"] for t in command("plan", "--format", "json").json["transitions"]} == {ANNA}
    assert command("drift", "--patch").out == ""
    typo = command("drift", "--patch", "--write", ANNA, "ana.beispiel")
    assert typo.status == 2
    assert f"nothing that is declared or live is called ana.beispiel@{DOMAIN}" in typo.words
    same = command("drift", "--patch", "vorstand", f"10077@{DOMAIN}")
    assert (same.status, same.words.count("nothing differs from what git declares")) == (0, 2)
    assert taken_over(command, ANNA).status == 0
    assert command("plan").status == 0


def test_what_cannot_be_said_is_named_and_left(applied: StandInSite, command: Command) -> None:
    applied.sql("DELETE FROM alias WHERE address = ?", PRESSE)
    applied.sql("DELETE FROM mailbox WHERE username = ?", T)
    applied.sql("UPDATE mailbox SET quota = -1 WHERE username = ?", ANNA)
    applied.change_ox_user("bernd.muster", "-s", "Muster-Neu", "-d", "Anders Geschrieben", "-g", "Bernd")
    applied.sql("UPDATE alias SET goto = ? WHERE address = ?", ANNA, f"10077@{DOMAIN}")
    answer = taken_over(command)
    assert answer.status == 4
    said = " ".join(answer.err.split())
    assert f"{T} is not taken over: {T} is not live" in said
    assert f"{BERND} is not taken over: no entry says all of it; there would remain: " in said
    assert f"{ANNA} is not taken over: no entry says all of it; there would remain: " in said
    assert "(quota: it is -1 (disabled), which cannot be declared)" in said
    assert {t["subject"] for t in command("plan", "--format", "json").json["transitions"]} == {T, BERND, ANNA}
    assert "presse" not in state()


def test_private_forwards_never_get_in(applied: StandInSite, command: Command) -> None:
    applied.sql("UPDATE mailbox SET quota = 0 WHERE username = ?", ANNA)
    applied.sql("UPDATE alias SET goto = ? WHERE address = ?", f"{ANNA},privat@extern.example", ANNA)
    answer = taken_over(command)
    assert "quota: unlimited" in answer.out
    assert "privat" not in answer.out + answer.err
    assert command("plan").status == 0


def test_written_and_committed(applied: StandInSite, command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_AUTHOR_NAME", "AG Technik")
    for name in ("GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL"):
        monkeypatch.setenv(name, "technik@mail.example")
    changed_by_hand(applied)
    before = state()
    assert command("drift", "--patch", "--write", "--commit").status == 2  # without a reason
    assert state() == before
    answer = command("drift", "--patch", "--write", "technik", "vorstand", "--commit", "--reason", "the board asked")
    assert answer.status == 0, answer
    assert git("log", "-1", "--format=%s%n%b").split("\n")[:2] == [
        f"Take over as live: {T}, {VORSTAND}",
        "the board asked",
    ]
    left = {t["subject"] for t in command("plan", "--format", "json").json["transitions"]}
    assert {T, VORSTAND} & left == set()
    done(command("drift", "--patch", "--write"))
    assert command("plan").status == 0


def test_files_as_they_are(applied: StandInSite, command: Command) -> None:
    """Carriage returns, no newline at the end, a name with spaces and marks; from a folder below the top."""
    file = Path("state/state.yaml")
    odd = Path('state/die "alte" datei ü.yaml')
    odd.write_bytes(file.read_bytes().rstrip(b"\n").replace(b"\n", b"\r\n"))
    file.unlink()
    commit(applied)
    changed_by_hand(applied)
    for subject in (VORSTAND, PRESSE, "example9.org"):
        answer = command("drift", "--patch", subject)
        assert answer.status == 0, answer
        run = subprocess.run(["git", "apply"], input=answer.out.encode(), capture_output=True, check=False)
        assert run.returncode == 0, run.stderr
    assert odd.read_bytes().count(b"\r\n") > 5
    left = {t["subject"] for t in command("plan", "--format", "json").json["transitions"]}
    assert left == {T, "example0.org", "example2.org"}


def test_what_does_not_go_together_is_refused(site: StandInSite, command: Command) -> None:
    site.declare()
    patch = "--patch"
    for options in (("technik",), ("--write",), ("--reason", "x"), (patch, "--quiet"), (patch, "--out", "x.json")):
        answer = command("drift", *options)
        assert (answer.status, answer.out) == (2, ""), options


def test_what_is_unknown_is_not_taken_for_absent(applied: StandInSite, command: Command) -> None:
    changed_by_hand(applied)
    applied.map.unlink()
    applied.map.mkdir()
    answer = command("drift", "--patch")
    assert (answer.status, answer.out) == (9, "")


def test_without_a_ledger_only_what_is_named(site: StandInSite, command: Command) -> None:
    site.declare(TECHNIK)
    for table in site.sql("SELECT name FROM sqlite_master WHERE name LIKE 'reconciler_%' AND type = 'table'"):
        site.sql(f"DROP TABLE {table['name']}")
    site.add_mailbox(T, quota=0)
    refused = command("drift", "--patch")
    assert (refused.status, "no ledger says which side moved" in refused.err) == (2, True)
    answer = command("drift", "--patch", "technik")
    assert "quota: unlimited" in answer.out, answer
