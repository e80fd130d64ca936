"""`history ADDRESS`: who changed this, when and why, in the site's time zone and the words of the plan.

Beside it `drift --quiet`, and what `show` says of what is declared and not live.
"""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from tests.cli.conftest import Command
from tests.cli.site import ANNA, ANNA_DECLARED, BERND, DOMAIN, StandInSite, today
from tests.services.git import git

NEW = f"anna.neu@{DOMAIN}"
PLAIN = ANNA_DECLARED.replace("}", ", groupware: false}")
RENAMED = PLAIN.replace("anna.beispiel", "anna.neu")


@pytest.fixture
def renamed(site: StandInSite, command: Command, monkeypatch: pytest.MonkeyPatch) -> StandInSite:
    """Anna is made by Klaus, changed by Petra, and renamed for a ticket; the board's alias comes and goes."""
    site.write(timezone="Pacific/Auckland")
    git(site.folder, "init", "-q", "-b", "main")
    rename = {"from": "anna.beispiel", "to": "anna.neu", "date": str(today()), "ticket": "RT 4711"}
    for who, mailbox, aliases, more in (
        ("klaus", PLAIN, ["vorstand: [anna.beispiel]"], {}),
        ("petra", PLAIN.replace("10240", "20480"), [], {}),
        ("klaus", RENAMED.replace("10240", "20480"), [], {"renames": [rename]}),
    ):
        monkeypatch.setenv("GITLAB_USER_LOGIN", who)
        site.declare(mailbox, aliases=aliases, more=more)
        git(site.folder, "add", "state")
        git(site.folder, "commit", "-q", "-m", f"As {who} wants it")
        answer = command("apply", "--yes")
        assert answer.status == 0, answer
    return site


def test_who_when_why_in_words(renamed: StandInSite, command: Command) -> None:
    """Newest first, through the rename, under either address."""
    for asked in (NEW, ANNA, "Anna.Neu"):
        answer = command("history", asked)
        assert answer.status == 0, answer
        words = answer.words
        assert "3 changes, newest first" in words
        assert words.index("rename: new mailbox") < words.index("quota 10240 MB → 20480 MB") < words.index("account:")
        assert "why: RT 4711" in words
        assert words.index("by klaus on") < words.index("by petra on")
        assert "declared at state/state.yaml:" in words
        assert "postfixadmin/mailbox" not in words  # no ids of steps
    commit = git(renamed.folder, "rev-parse", "--short=12", "HEAD")
    assert f"commit {commit}" in command("history", NEW).words


def test_times_are_the_sites(renamed: StandInSite, command: Command) -> None:
    here = datetime.now(ZoneInfo("Pacific/Auckland"))
    for arguments in (("history",), ("history", "1"), ("history", NEW)):
        out = command(*arguments).out
        assert f"{here:%z}" in out
        assert "UTC" not in out
    stamps = [run["started"] for run in command("history", "--format", "json").json["runs"]]
    assert all(stamp.endswith(f"{here:%z}"[:3] + ":00") for stamp in stamps)


def test_an_alias_that_went_says_which_commit_took_it_out(renamed: StandInSite, command: Command) -> None:
    answer = command("history", f"vorstand@{DOMAIN}", "--format", "json")
    gone, made = answer.json["changes"]
    commit = git(renamed.folder, "rev-parse", "--short", "HEAD~1")
    assert gone["why"].startswith(f"no longer declared ({commit}, Anna Beispiel, ")
    assert (gone["who"], made["who"]) == ("petra", "klaus")
    assert made["summary"] == f"alias → {ANNA}"
    assert {step["transition"] for run in answer.json["runs"] for step in run["steps"]} == {f"alias:vorstand@{DOMAIN}"}
    assert "| why |" in command("history", f"vorstand@{DOMAIN}", "--format", "markdown").out


def test_a_run_whose_plan_cannot_be_read_is_told_by_its_steps(renamed: StandInSite, command: Command) -> None:
    renamed.sql("UPDATE reconciler_plans SET text = 'cut'")
    words = command("history", f"vorstand@{DOMAIN}").words
    assert f"postfixadmin: create alias vorstand@{DOMAIN}" in words


def test_what_did_not_happen_is_not_told_as_done(site: StandInSite, command: Command) -> None:
    site.declare("anna.beispiel: {groupware: false}")
    assert command("apply", "--yes").status == 0
    site.sql("UPDATE reconciler_steps SET state = 'failed', message = 'no'")
    shown = command("history", ANNA, "--format", "json").json["changes"]
    assert [change["state"] for change in shown] == ["failed"]
    assert "✗" in command("history", ANNA).out


def test_nothing_and_nonsense(site: StandInSite, command: Command) -> None:
    answer = command("history", BERND)
    assert (answer.status, answer.out) == (0, f"{BERND}: the ledger knows of no change\n")
    for asked in ("a@b@c", "", "anna beispiel"):
        answer = command("history", asked)
        assert answer.status == 2
        assert "example: reconciler history" in answer.words
    for number in ("10042", "9" * 23, "9" * 5_000):  # more than a database or Python takes for a number
        assert "history ADDRESS" in command("history", number).words


def test_quiet_drift_prints_nothing_when_there_is_none(site: StandInSite, command: Command) -> None:
    """Cron mails whatever is printed, on either stream."""
    site.declare(ANNA_DECLARED)
    assert command("apply", "--yes").status == 0
    for form in ("text", "json", "markdown"):
        assert command("drift", "--quiet", "--format", form) == (0, "", "")
    site.sql("UPDATE mailbox SET quota = 512 * 1024000 WHERE username = ?", ANNA)
    loud = command("drift", "--quiet")
    assert loud.status == 4
    assert "512 MB → 10240 MB" in loud.words
    site.fault("down")
    assert "could not be read" in command("drift", "--quiet").words


def test_show_says_what_is_declared_and_not_live(site: StandInSite, command: Command) -> None:
    site.declare(ANNA_DECLARED, blocks=["sender: spam@example.net, reason: x"])
    missing = [fact for fact in command("show", ANNA, "--format", "json").json["facts"] if fact["missing"]]
    assert {(fact["system"], fact["kind"], fact["subject"]) for fact in missing} == {
        ("postfixadmin", "mailbox", ANNA),
        ("postfixadmin", "alias", ANNA),
        ("postfixadmin", "alias", f"10042@{DOMAIN}"),
        ("openxchange", "ox_user", ANNA),
    }
    assert f"✗ {ANNA}" in command("show", ANNA).out
    assert "OX user declared, but not live" in command("show", ANNA).words
    assert "✗ mailbox declared, but not live" in command("show", ANNA, "--format", "markdown").out
    assert "sender block declared, but not live" in command("show", "spam@example.net").words
    assert command("apply", "--yes").status == 0
    assert not any(fact["missing"] for fact in command("show", ANNA, "--format", "json").json["facts"])
    site.fault("down")
    site.sql("DELETE FROM mailbox")
    shown = command("show", ANNA, "--format", "json")
    assert shown.status == 9
    assert [(f["system"], f["kind"]) for f in shown.json["facts"] if f["missing"]] == [("postfixadmin", "mailbox")]
