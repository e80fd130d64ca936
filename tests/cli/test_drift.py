"""`reconciler drift` says of each line which side moved, since when, who did it, and what it means for mail."""

from __future__ import annotations

import errno
import json
import stat
from pathlib import Path
from typing import Any

import pytest

from reconciler.cli import saved_plan
from tests.cli.conftest import Command
from tests.cli.site import ANNA, ANNA_DECLARED, DOMAIN, StandInSite
from tests.cli.test_edit import done

TECHNIK = "technik: {groupware: false, quota: 512 MB}"
VORSTAND, PRESSE = f"vorstand@{DOMAIN}", f"presse@{DOMAIN}"
ALIASES = ("vorstand: [anna.beispiel, technik]", "presse: anna.beispiel")
BLOCK = "domain: example.org, reason: spam"


@pytest.fixture
def applied(site: StandInSite, command: Command) -> StandInSite:
    site.declare(ANNA_DECLARED, TECHNIK, aliases=ALIASES, blocks=[BLOCK])
    done(command("apply", "--yes"))
    return site


def directions(command: Command, *options: str) -> dict[str, str]:
    """Subject → which side moved."""
    return {t["subject"]: t["direction"] for t in document(command, *options)["transitions"]}


def document(command: Command, *options: str) -> dict[str, Any]:
    found: dict[str, Any] = command("drift", "--format", "json", *options).json
    return found


def lead(site: StandInSite, alias: str, *targets: str, who: str = "") -> None:
    """Somebody edits an alias, in PostfixAdmin when it is said who."""
    site.sql("UPDATE alias SET goto = ? WHERE address = ?", ",".join(targets), alias)
    if who:
        log(site, who, "edit_alias", alias)


def log(site: StandInSite, who: str, action: str, address: str, when: str = "datetime('now')") -> None:
    site.sql(
        f"INSERT INTO log (timestamp, username, domain, action, data) VALUES ({when}, ?, ?, ?, ?)",
        *(f"{who} (127.0.0.1)", DOMAIN, action, address),
    )


def test_each_line_has_its_direction(applied: StandInSite, command: Command) -> None:
    """By what was last applied: of two lists entry by entry, since either side may have changed its part."""
    applied.declare(
        ANNA_DECLARED.replace("10240", "20480"),
        TECHNIK,
        aliases=("vorstand: [anna.beispiel, technik, klaus@extern.example]", "presse: anna.beispiel"),
        blocks=[BLOCK, "sender: spam@example.net, reason: phishing"],
    )
    assert directions(command) == {ANNA: "pending", VORSTAND: "pending", "spam@example.net": "pending"}
    lead(applied, VORSTAND, ANNA, "x@extern.example")
    applied.sql("DELETE FROM alias WHERE address = ?", PRESSE)
    applied.sql("UPDATE mailbox SET active = 0 WHERE username = ?", f"technik@{DOMAIN}")
    applied.change_ox_user("anna.beispiel", "-s", "Muster")
    applied.map.write_text(applied.map.read_text("utf-8").replace("example.org REJECT", "example.com REJECT"), "utf-8")
    assert directions(command) == {
        ANNA: "conflict",
        VORSTAND: "conflict",
        PRESSE: "drift",
        f"technik@{DOMAIN}": "drift",
        "example.org": "drift",
        "example.com": "drift",
        "spam@example.net": "pending",
    }
    shown = command("drift").out
    headings = [
        line for line in shown.splitlines() if (line.endswith(":") and "apply" in line) or "not applied" in line
    ]
    assert headings[:3] == [
        "changed by hand since the last apply:",
        "changed by hand and in git, both since the last apply:",
        "in git and not applied yet:",
    ]
    assert all(f"\n\n{heading}" in shown for heading in headings[:3])
    by_hand, both, pending = (shown.index(heading) for heading in headings[:3])
    assert (
        by_hand < shown.index(PRESSE) < both < shown.index(f"~ {VORSTAND}") < pending < shown.index("spam@example.net")
    )
    assert " ".join(shown.split()).endswith(
        "next: reconciler apply puts the declared state back and carries out what is not applied yet; "
        "reconciler drift --patch takes over what is live"
    )
    assert command("apply", "--yes").status == 0
    assert directions(command) == {}


def test_what_git_says_otherwise_while_it_is_gone_live_is_a_conflict(applied: StandInSite, command: Command) -> None:
    applied.sql("DELETE FROM alias WHERE address = ?", PRESSE)
    applied.declare(ANNA_DECLARED, TECHNIK, aliases=(ALIASES[0], "presse: technik"), blocks=[BLOCK])
    assert directions(command) == {PRESSE: "conflict"}
    applied.declare(ANNA_DECLARED, TECHNIK, aliases=ALIASES[:1], blocks=[])
    assert directions(command) == {"example.org": "pending"}


def test_only_not_applied_is_no_change_by_hand(applied: StandInSite, command: Command) -> None:
    applied.declare(ANNA_DECLARED, TECHNIK, aliases=(*ALIASES, "neu: technik"), blocks=[BLOCK])
    shown = command("drift")
    assert shown.status == 4
    assert "by hand" not in shown.words
    assert shown.words.endswith("next: reconciler apply carries out what is not applied yet")
    planned = command("plan").words
    assert "in git and not applied yet" not in planned  # a plan is about just that


def test_without_a_ledger_no_side_is_blamed(site: StandInSite, command: Command) -> None:
    site.declare(TECHNIK)
    for table in site.sql("SELECT name FROM sqlite_master WHERE name LIKE 'reconciler_%' AND type = 'table'"):
        site.sql(f"DROP TABLE {table['name']}")
    assert directions(command, "--remember", "seen.json") == {f"technik@{DOMAIN}": ""}
    assert not Path("seen.json").exists()
    assert "applied yet" not in command("drift").words


def test_since_when_and_what_healed(applied: StandInSite, command: Command) -> None:
    """The file knows since when; what is gone without a run is said once; what a run put back is not said."""
    remember = ("--remember", "seen.json")
    assert command("drift", "--quiet", *remember).out == ""
    for alias in (VORSTAND, PRESSE):
        lead(applied, alias, "x@extern.example")
    first = {t["subject"]: t["since"] for t in document(command, *remember)["transitions"]}
    assert all(first.values())
    file = Path("seen.json")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert sorted(entry["subject"] for entry in json.loads(file.read_text())["seen"]) == [PRESSE, VORSTAND]
    lead(applied, PRESSE, ANNA)  # somebody puts it right by hand
    healing = document(command, *remember)
    assert {t["subject"]: t["since"] for t in healing["transitions"]} == {VORSTAND: first[VORSTAND]}
    assert [(h["id"], h["since"]) for h in healing["healed"]] == [(f"alias:{PRESSE}", first[PRESSE])]
    assert document(command, *remember)["healed"] == []
    assert "first seen" in command("drift", *remember).words
    assert command("apply", "--yes").status == 0
    assert document(command, *remember)["healed"] == []
    assert json.loads(file.read_text())["seen"] == []


@pytest.mark.parametrize("full", ["seen.json", "d.json"])
def test_a_full_disk_keeps_nobody_from_seeing_drift(
    applied: StandInSite, command: Command, monkeypatch: pytest.MonkeyPatch, full: str
) -> None:
    lead(applied, PRESSE, "x@extern.example")
    replace = saved_plan._replace

    def until_it_is_full(out: Path, text: str) -> None:
        if out.name == full:
            raise OSError(errno.ENOSPC, "No space left on device")
        replace(out, text)

    monkeypatch.setattr(saved_plan, "_replace", until_it_is_full)
    answer = command("drift", "--quiet", "--remember", "seen.json", "--out", "d.json")
    assert answer.status == 2
    assert answer.out.partition("\n")[0].endswith("a file that cannot be read or written (exit status 2)")
    assert PRESSE in answer.out
    assert f"{full} cannot be written: No space left on device" in answer.err
    assert (applied.folder / "d.json").exists() == (full == "seen.json")


def test_a_quiet_drift_is_silent_about_what_healed(applied: StandInSite, command: Command) -> None:
    remember = ("--remember", "seen.json")
    lead(applied, PRESSE, "x@extern.example")
    assert command("drift", "--quiet", *remember).status == 4
    lead(applied, PRESSE, ANNA)
    healed = command("drift", *remember)
    assert healed.status == 0
    assert f"gone without apply, was drift at an earlier look: ✓ {PRESSE}: it was seen first" in healed.words
    lead(applied, PRESSE, "x@extern.example")
    assert command("drift", "--quiet", *remember).status == 4
    lead(applied, PRESSE, ANNA)
    quiet = command("drift", "--quiet", *remember)
    assert (quiet.status, quiet.out, quiet.err) == (0, "", "")


def test_nothing_heals_while_a_system_is_unknown(applied: StandInSite, command: Command) -> None:
    remember = ("--remember", "seen.json")
    applied.map.write_text("", "utf-8")
    (since,) = [t["since"] for t in document(command, *remember)["transitions"]]
    content = applied.map.read_bytes()
    applied.map.unlink()
    applied.map.mkdir()
    unread = document(command, *remember)
    assert (unread["transitions"], unread["healed"]) == ([], [])
    applied.map.rmdir()
    applied.map.write_bytes(content)
    assert [t["since"] for t in document(command, *remember)["transitions"]] == [since]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "is not what --remember writes"),
        ('{"version": 2, "site": "nrw", "run": 1, "seen": []}', "is not what --remember writes"),
        ('{"version": 1, "site": "other", "run": 1, "seen": []}', "is of the site other, not of nrw"),
        (
            '{"version": 1, "site": "nrw", "run": 1, "seen": [{"scope": "x", "subject": "y", "since": "2026-11-22"}]}',
            "is not what --remember writes",
        ),
    ],
)
def test_another_file_is_refused_and_stays(site: StandInSite, command: Command, content: str, said: str) -> None:
    site.declare()
    Path("seen.json").write_text(content, "utf-8")
    refused = command("drift", "--remember", "seen.json")
    assert (refused.status, said in refused.err) == (2, True), refused.err
    assert Path("seen.json").read_text("utf-8") == content
    assert command("drift", "--remember", "nowhere/seen.json").status == 2
    Path("link.json").symlink_to("seen.json")
    assert command("drift", "--remember", "link.json").status == 2


def test_by_whom_is_what_the_log_has_since_our_apply(applied: StandInSite, command: Command) -> None:
    log(applied, "early@pirat.alt", "edit_alias", VORSTAND, "datetime('now', '-2 hours')")  # before the apply
    lead(applied, VORSTAND, "x@extern.example", who="admin@pirat.alt")
    log(applied, "user@pirat.alt", "edit_password", VORSTAND)
    log(applied, "other@pirat.alt", "edit_alias", PRESSE)  # its row is as it was applied
    (line,) = document(command)["transitions"]
    assert [(by["system"], by["who"], by["action"]) for by in line["by"]] == [
        ("postfixadmin", "admin@pirat.alt", "edit_alias")
    ]
    assert "PostfixAdmin's log since the last apply: edit_alias by admin@pirat.alt at 20" in command("drift").words
    assert command("apply", "--yes").status == 0
    lead(applied, VORSTAND, "y@extern.example")  # nobody's name in the log: nobody is named
    (line,) = document(command)["transitions"]
    assert (line["direction"], line["by"]) == ("drift", [])


def test_what_a_line_means_for_mail(applied: StandInSite, command: Command) -> None:
    """Counts; addresses only for who asks for them."""
    applied.sql("INSERT INTO quota2 (username, bytes) VALUES (?, 3210000000)", ANNA)
    applied.sql("CREATE TABLE last_login (username TEXT, domain TEXT, last_login INTEGER)")
    applied.sql("INSERT INTO last_login VALUES (?, ?, 1763800000)", ANNA, DOMAIN)
    lead(applied, ANNA, ANNA, "privat@extern.example")
    applied.sql("UPDATE mailbox SET quota = 0 WHERE username = ?", ANNA)
    lead(applied, VORSTAND, ANNA)
    meaning = {t["subject"]: t["meaning"] for t in document(command)["transitions"]}
    assert meaning == {
        ANNA: ["3.2 GB of mail", "last login 2025-11-22", "3 aliases lead here", "forwarded to 1 other address"],
        VORSTAND: [],
    }
    told = "3.2 GB of mail; last login 2025-11-22; 3 aliases lead here; forwarded to 1 other address"
    shown = command("drift")
    assert told in shown.words
    assert told in command("plan").words
    assert "(privat@extern.example" not in shown.out
    assert "forwarded to 1 other address (privat@extern.example)" in command("drift", "--verbose").words


def test_what_cannot_be_read_is_left_out_and_said_once(applied: StandInSite, command: Command) -> None:
    applied.sql("UPDATE mailbox SET quota = 0")
    applied.sql("ALTER TABLE quota2 RENAME COLUMN bytes TO octets")
    applied.sql("ALTER TABLE log RENAME TO log_of_old")
    shown = command("drift")
    assert shown.status == 4
    assert shown.words.count("not said beside the lines, since it could not be read") == 1
    assert "the sizes of mailboxes" in shown.words
    assert "who changed something by hand" in shown.words


def test_saved_with_what_strict_names(applied: StandInSite, command: Command) -> None:
    for number in range(22):
        applied.add_alias(f"extra{number:02}@{DOMAIN}", ANNA)
    lead(applied, PRESSE, "x@extern.example")
    answer = command("drift", "--strict", "--quiet", "--out", "drift.json")
    assert (answer.status, answer.err) == (4, "")
    file = Path("drift.json")
    saved = json.loads(file.read_text("utf-8"))
    assert (saved["purpose"], stat.S_IMODE(file.stat().st_mode)) == ("drift", 0o600)
    assert [t["direction"] for t in saved["transitions"]] == ["drift"]
    assert len([f for f in saved["findings"] if f["rule"] == "undeclared" and "extra" in f["subject"]]) == 22
    assert "and 2 more aliases" in answer.words  # on the terminal
    assert command("report", "drift.json", "--terraform-report", "counts.json").status == 0
    assert command("plan", "--format", "json").json["purpose"] == "plan"
