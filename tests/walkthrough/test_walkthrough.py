"""A volunteer takes the demo's live systems under management and works a day with them, on a terminal of 80 by 24: all
of it from what `--help`, the reports and each `next:` say. The mail queue is a real Postfix'."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.running import environment
from tests.services.mail_queue import QueuePostfix
from tests.walkthrough.screen import PROMPT, Screen
from tests.walkthrough.volunteer import Volunteer

ROOT = Path(__file__).parents[2]
FRIEDA, NEW = "frieda.beispiel@mail-sued.example", "frieda.muster@mail-sued.example"
JOERG = "joerg.mueller@mail-sued.example"
SPAM = "spam@bad.example"


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo site, at whose systems others have worked by hand so far; and a register with one member more."""
    folder = tmp_path_factory.mktemp("walk") / "live"
    command = [sys.executable, "-m", "reconciler", "demo", str(folder), "--state", str(ROOT / "state")]
    subprocess.run(command, check=True, capture_output=True, env=environment(), cwd=ROOT)
    members = folder / "state" / "members.csv"
    register = members.read_text(encoding="utf-8")
    members.write_text(f"{register}10777,active,joerg@extern.example,Jörg,Müller\n", encoding="utf-8")
    return folder


@pytest.fixture
def volunteer(tmp_path: Path) -> Iterator[Volunteer]:
    """At a terminal in an empty folder, with `reconciler` on the PATH."""
    programs = tmp_path / "bin"
    programs.mkdir()
    program = programs / "reconciler"
    program.write_text(f"#!{sys.executable}\nfrom reconciler.cli.main import main\n\nmain()\n", encoding="utf-8")
    program.chmod(0o755)
    who = {
        f"GIT_{role}_{what}": "volunteer@mail.example" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
    }
    env = {"PATH": f"{programs}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT), "HOME": str(tmp_path), **who}
    desk = tmp_path / "desk"
    desk.mkdir()
    screen = Screen(desk, {**env, "PS1": f"{PROMPT} ", "LC_ALL": "C.UTF-8", "GIT_PAGER": "cat"})
    yield Volunteer(screen)
    screen.close()


def test_a_day_of_a_volunteer(volunteer: Volunteer, live: Path, mail_queue: QueuePostfix) -> None:
    _init(volunteer, live, mail_queue)
    _import(volunteer)
    _add(volunteer, live)
    _rename(volunteer, live)
    _block_and_unblock(volunteer, live)
    _remove_and_undo(volunteer)
    _queue(volunteer, mail_queue)
    _look_back(volunteer)


def _init(v: Volunteer, live: Path, postfix: QueuePostfix) -> None:
    listed = v.asks_for_help()
    assert "Usage: reconciler" in listed
    v.asks_for_help("init")
    told = {
        "register.csv": live / "state" / "members.csv",
        "letters.outbox": live / "outbox",
        "letters.from": "technik@mail.example",
        "postfix.config_directory": postfix.config,
    }
    line = " ".join(["reconciler init mail", *(f"--set {key}={value}" for key, value in told.items())])
    v.begins(line)
    assert "left at a question: nothing was written" in v.leaves("[mail]:")
    v.begins(line)
    v.answers("[mail]:", "nord")
    v.answers("PostfixAdmin's database? [Y/n]:", "")
    v.answers("[-]:", f"sqlite:///{live}/no-such.sqlite")
    v.answers("[", f"sqlite:///{live}/postfixadmin.sqlite")
    v.answers("Open-Xchange? [Y/n]:", "y")
    for question, answer in (
        ("[-]:", ""),
        ("[/opt/open-xchange/sbin]:", f"{live}/openxchange/sbin"),
        ("[1]:", ""),
        ("[oxadmin]:", ""),
        ("[RECONCILER_OX_PASSWORD]:", f"{live}/ox-password"),
        ("sender map? [Y/n]:", ""),
        ("[-]:", ""),
        ("[-]:", f"texthash:{live}/sender_access"),
        ("[sudo]:", "direct"),
    ):
        v.answers(question, answer)
    shown = v.ends()
    assert "7 OX users" in shown
    assert shown.rstrip().endswith("reconciler plan")
    v.screen.run("cd mail")
    v.does("reconciler ledger init")


def _import(v: Volunteer) -> None:
    shown = v.does("reconciler import --into state")
    assert "15 mailboxes" in shown
    assert "the plan holds 4 repairs" in shown
    v.screen.run("git init -q -b main . && git add -A && git commit -q -m State")
    plan = v.does("reconciler plan", 4)
    assert '"Anna Beispiel" → "Changed By Hand"' in plan
    v.begins("reconciler apply")
    left = v.leaves("[y/N]:")
    assert "nothing was changed" in left
    assert "next: reconciler apply" not in left  # that is what they typed
    v.begins("reconciler apply")
    v.answers("[y/N]:", "y")
    done = v.ends()
    assert "4 done" in done
    assert "everything is as declared" in v.goes_on(done)


def _add(v: Volunteer, live: Path) -> None:
    v.asks_for_help("add")
    v.asks_for_help("add mailbox")
    wrong = v.does("reconciler add mailbox jörg.müller@mail-sued.example --member 10777", 2)
    assert "joerg.mueller@mail-sued.example" in wrong
    shown = v.does(f"reconciler add mailbox {JOERG} --member 10777 --reason 'RT 1' --commit")
    assert "+    surname: Müller" in shown
    _plan_and_apply(v, shown, f"+ {JOERG}")
    assert "Jörg Müller" in v.does(f"reconciler show {JOERG}")
    assert any("joerg@extern.example" in file.read_text("utf-8") for file in (live / "outbox").glob("*.eml"))


def _rename(v: Volunteer, live: Path) -> None:
    v.asks_for_help("rename")
    shown = v.does(f"reconciler rename {FRIEDA} {NEW} --surname Muster --ticket 'RT 2' --commit")
    _plan_and_apply(v, shown, f"{FRIEDA.partition('@')[0]}@ → {NEW}")
    assert NEW in v.does(f"reconciler show {NEW}")


def _block_and_unblock(v: Volunteer, live: Path) -> None:
    v.asks_for_help("add block")
    shown = v.does("reconciler add block werbung@example.net --reason 'phishing wave' --commit")
    _plan_and_apply(v, shown, "+ werbung@example.net")
    assert "werbung@example.net REJECT" in (live / "sender_access").read_text()
    v.asks_for_help("unblock")
    shown = v.does("reconciler unblock werbung@example.net --reason 'it is over' --commit")
    _plan_and_apply(v, shown, "− werbung@example.net")
    assert "werbung@example.net" not in (live / "sender_access").read_text()


def _remove_and_undo(v: Volunteer) -> None:
    v.asks_for_help("remove")
    shown = v.does(f"reconciler remove {JOERG} --reason 'left, RT 3' --commit")
    _plan_and_apply(v, shown, JOERG)
    v.screen.run("git revert --no-edit HEAD")
    assert JOERG in v.does("reconciler plan", 4)
    v.begins("reconciler apply")
    v.answers("[y/N]:", "y")
    assert "everything is as declared" in v.goes_on(v.ends())


def _queue(v: Volunteer, postfix: QueuePostfix) -> None:
    mine = postfix.send_deferred("anna.beispiel@mail-sued.example")
    spam = {postfix.send_deferred(SPAM) for _ in range(2)}
    v.asks_for_help("queue")
    shown = v.does("reconciler queue list")
    assert all(queue_id in shown for queue_id in (mine, *spam))
    v.asks_for_help("queue delete")
    line = f"reconciler queue delete --sender {SPAM} --block --reason 'phishing wave' --commit"
    v.begins(line)
    v.leaves("[y/N]:")
    assert postfix.ids(SPAM) == spam
    v.begins(line)
    v.answers("[y/N]:", "y")
    _plan_and_apply(v, v.ends(), f"+ {SPAM}")
    assert set(postfix.listed()) == {mine}


def _look_back(v: Volunteer) -> None:
    v.asks_for_help("doctor")
    assert "mail doctor for nord" in v.does("reconciler doctor", None)  # a site of stand-ins is not well
    v.asks_for_help("history")
    shown = v.does("reconciler history")
    number = re.search(r"^ . (\d+)  ", shown, re.MULTILINE)
    assert number
    assert f"create block {SPAM}" in v.does(f"reconciler history {number[1]}")
    assert f"{NEW}: 1 change, newest first" in v.does(f"reconciler history {NEW}")


def _plan_and_apply(v: Volunteer, shown: str, line: str) -> None:
    """What each edit says is next."""
    plan = v.goes_on(shown, 4)
    assert line in " ".join(plan.split())
    v.begins("reconciler apply")
    v.answers("[y/N]:", "y")
    assert "everything is as declared" in v.goes_on(v.ends())
