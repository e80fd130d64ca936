"""`reconciler queue` on a real Postfix."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.cli.conftest import Command
from tests.cli.queue_site import OTHER, SPAM, write_site
from tests.cli.terminal import INTERRUPT, Terminal
from tests.cli.test_formats import valid
from tests.services.mail_queue import REASON, QueuePostfix
from tests.services.sshd import Sshd


@pytest.fixture
def site(queue_site: QueuePostfix) -> QueuePostfix:
    """A site with nothing but a Postfix."""
    return queue_site


# what the wiki says, without its end; and with the address alone, as it is passed on
WIKI = ("/ muster@muster.example$/", "/muster@muster.example/")


def selected_by(pattern: str, postfix: QueuePostfix) -> set[str]:
    pipeline = f"postqueue -c {postfix.config} -p | tail -n +2 | awk 'BEGIN {{ RS = \"\" }} {pattern} {{ print $1 }}'"
    path = f"{os.environ['PATH']}:/usr/sbin"
    done = subprocess.run(["sh", "-c", pipeline], env={"PATH": path}, capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_the_six_traps_of_the_wiki_in_a_queue_of_5000(site: QueuePostfix, command: Command) -> None:
    ours = {site.send_deferred(SPAM), site.send_deferred("Muster@Muster.Example")}  # trap: other letters
    to_the_sender = site.send_deferred(OTHER, SPAM)  # trap: a recipient
    strangers = {to_the_sender} | {
        site.send_deferred(sender)
        for sender in (
            "muster@musterxexample",  # trap: a dot is any character
            "xmuster@muster.example",  # trap: a part of an address
            "muster@muster.example.test",
            "muster+news@muster.example",
            "muster@sub.muster.example",
            '"to muster@muster.example x"@quoted.test',  # trap: blanks in a sender shift fields
            "",
        )
    }
    assert REASON.startswith(SPAM)  # trap: why it waits names the address, here of every message
    held = site.send_deferred(SPAM)
    site.call("postsuper", "-h", held)
    active = site.send(SPAM, "somebody@slow.test")
    site.wait(site.slow.waiting.is_set)
    ours |= {held, active} | site.copy(site.send_deferred(SPAM), 990)
    ours |= site.ids(SPAM)
    foreign = site.send_deferred(OTHER)
    strangers |= {foreign} | site.copy(foreign, 3_998, first=1_000)
    assert site.listed().keys() == ours | strangers
    assert len(ours | strangers) >= 5_000
    # trap: marks (`*` active, `!` on hold) make postsuper refuse an id
    assert {f"{active}*", f"{held}!"} <= selected_by(WIKI[1], site)
    assert selected_by(WIKI[0], site) == {to_the_sender}, "`$` is the end of an entry, where the last recipient stands"
    assert len(selected_by(WIKI[1], site) & strangers) > 3_998, "why each message waits names the address"

    answer = command("queue", "delete", "--sender", SPAM, "--yes", "--format", "json")

    assert answer.status == 0, answer.err
    assert site.listed().keys() == strangers
    results = {each["message"]["id"]: each["result"] for each in answer.json["messages"]}
    assert results == dict.fromkeys(ours, "deleted")
    (note,) = (each["note"] for each in answer.json["messages"] if each["message"]["id"] == active)
    assert "may have arrived all the same" in note


def test_a_list_is_oldest_first_and_has_what_is_asked_for(site: QueuePostfix, command: Command) -> None:
    spam, held = site.send_deferred(SPAM, "a@away.test", "b@away.test"), site.send_deferred(OTHER, "c@far.test")
    site.call("postsuper", "-h", held)
    assert [line.split()[:2] for line in table(command("queue", "list").out)] == [["deferred", spam], ["hold", held]]
    for arguments, ids in (
        (("--sender", "MUSTER@muster.example"), {spam}),
        (("--domain", "away.test"), {spam}),
        (("--domain", "mail.example"), {held}),
        (("--domain", "example"), None),
        (("--recipient", "b@away.test"), {spam}),
        (("--queue", "hold"), {held}),
        (("--queue", "hold", "--queue", "deferred"), {spam, held}),
        (("--older", "1h"), set()),
        (("--sender", SPAM, "--queue", "hold"), set()),
        (("--sender", "muster"), None),
        (("--sender", "*@muster.example"), None),
        (("--older", "soon"), None),
    ):
        answer = command("queue", "list", *arguments, "--format", "json")
        if ids is None:
            assert (answer.status, answer.out) == (2, "")
            assert "→" in answer.err
            continue
        valid(answer.json, "queue")
        assert {message["id"] for message in answer.json["messages"]} == ids
        assert (answer.status, answer.json["total"]) == (0, 2)


def table(text: str) -> list[str]:
    """The lines of messages in a list, without its heading and what stands below each."""
    return [line for line in text.splitlines() if line.startswith(("deferred ", "hold ", "active ", "incoming "))]


def test_a_list_says_why_and_a_message_is_shown_with_each_recipient(site: QueuePostfix, command: Command) -> None:
    many = [f"r{number}@away.test" for number in range(5)]
    queue_id = site.send_deferred(SPAM, *many, text="the secret of the letter")
    answer = command("queue", "list")
    assert f"{SPAM} → r0@away.test, r1@away.test, r2@away.test and 2 more {REASON}" in answer.words
    assert "1 message in the queue of this machine" in answer.words
    shown = command("queue", "show", queue_id)
    assert shown.status == 0
    assert all(f"→ {recipient} {REASON}" in shown.words for recipient in many)
    for output in ("text", "json", "markdown"):
        assert "secret" not in command("queue", "show", queue_id, "--format", output).words
    other = command("queue", "show", "4F40C212910")
    assert other.status == 2
    assert "reconciler queue list" in other.err


def test_an_empty_queue_is_said_to_be_empty(site: QueuePostfix, command: Command) -> None:
    assert "the queue of this machine is empty" in command("queue", "list").words
    assert command("queue", "list").status == 0
    assert "no mail of muster@muster.example is in the queue" in command("queue", "delete", "--sender", SPAM).words
    assert "no mail is deferred" in command("queue", "flush").words


def test_a_postfix_that_is_down_has_an_unknown_queue(tmp_path: Path, command: Command, site: QueuePostfix) -> None:
    (tmp_path / "etc").mkdir()
    write_site(tmp_path, site, config_directory=str(tmp_path / "etc"))
    for arguments in (("list",), ("flush",), ("delete", "--sender", SPAM, "--yes"), ("show", "4F40C212910")):
        answer = command("queue", *arguments)
        assert (answer.status, answer.out) == (9, "")
        assert "cannot be listed" in answer.err


def test_without_a_postfix_section_the_site_file_is_named(tmp_path: Path, command: Command, site: QueuePostfix) -> None:
    (tmp_path / "reconciler.yaml").write_text("site: nrw\n")
    answer = command("queue", "list")
    assert answer.status == 2
    assert "no `postfix` section" in answer.err


def test_flush_tries_deferred_mail_of_a_domain_and_no_other(site: QueuePostfix, command: Command) -> None:
    away, far, held = (site.send_deferred(OTHER, f"a@{name}.test") for name in ("away", "far", "held"))
    site.call("postsuper", "-h", held)

    def attempts(queue_id: str) -> int:
        log = (site.folder / "mail.log").read_text()
        return sum(f" {queue_id}: to=" in line and "status=deferred" in line for line in log.splitlines())

    assert (attempts(away), attempts(far)) == (1, 1)
    answer = command("queue", "flush", "--domain", "away.test", "--format", "json")
    valid(answer.json, "queue_run")
    assert [each["message"]["id"] for each in answer.json["messages"]] == [away]
    site.wait(lambda: attempts(away) == 2)
    assert attempts(far) == 1
    answer = command("queue", "flush")
    assert (answer.status, "2 to be tried again" in answer.words) == (0, True)
    site.wait(lambda: (attempts(away), attempts(far)) == (3, 2))
    assert attempts(held) == 1
    assert site.ids(OTHER, "hold") == {held}


def test_hold_keeps_mail_and_release_gives_back_whatever_is_on_hold(site: QueuePostfix, command: Command) -> None:
    spam, by_hand, other = site.send_deferred(SPAM), site.send_deferred(SPAM), site.send_deferred(OTHER)
    site.call("postsuper", "-h", by_hand)
    answer = command("queue", "hold", "--sender", SPAM, "--yes")
    assert answer.status == 0, answer.err
    assert [line.split()[1] for line in table(answer.out)] == [spam]
    assert "1 put on hold" in answer.words
    assert site.ids(SPAM, "hold") == {spam, by_hand}
    assert site.ids(OTHER, "deferred") == {other}
    assert "no mail of muster@muster.example that is not on hold" in command("queue", "hold", "--sender", SPAM).words
    answer = command("queue", "release", "--sender", SPAM, "--yes", "--format", "json")
    valid(answer.json, "queue_run")
    assert {each["message"]["id"]: each["result"] for each in answer.json["messages"]} == {
        spam: "released",
        by_hand: "released",
    }
    assert site.ids(SPAM, "hold") == set()
    assert site.ids(SPAM) == {spam, by_hand}


def test_bounces_are_deleted_by_their_empty_sender(site: QueuePostfix, command: Command) -> None:
    bounce, other = site.send_deferred(""), site.send_deferred("mailer-daemon@muster.example")
    answer = command("queue", "delete", "--sender", "<>", "--yes")
    assert "1 deleted" in answer.words
    assert site.listed().keys() == {other}
    assert bounce in answer.out


@pytest.mark.parametrize("sender", ["ALL", "all", "*", "muster", "@muster.example", "*@muster.example", "", " "])
def test_nothing_but_a_whole_address_is_deleted(site: QueuePostfix, command: Command, sender: str) -> None:
    queue_id = site.send_deferred(SPAM)
    for word in ("hold", "release", "delete"):
        answer = command("queue", word, "--sender", sender, "--yes")
        assert (answer.status, answer.out) == (2, ""), answer
    assert site.ids(SPAM, "deferred") == {queue_id}


def test_without_a_terminal_the_list_is_shown_and_nothing_is_done(site: QueuePostfix, command: Command) -> None:
    queue_id = site.send_deferred(SPAM)
    for word in ("hold", "delete"):
        answer = command("queue", word, "--sender", SPAM)
        assert answer.status == 2
        assert queue_id in answer.out
        assert f"reconciler queue {word} --sender {SPAM} --yes" in answer.err
    assert site.ids(SPAM, "deferred") == {queue_id}


def test_at_a_terminal_the_list_is_asked_about(site: QueuePostfix, tmp_path: Path) -> None:
    queue_id, other = site.send_deferred(SPAM), site.send_deferred(OTHER)
    for keys in (INTERRUPT, "y\n"):
        at = Terminal(tmp_path, "queue", "delete", "--sender", SPAM)
        at.read_until("[y/N]")
        assert queue_id in at.plain
        assert "Delete 1 message of muster@muster.example? This cannot be undone." in at.plain
        assert other not in at.plain
        assert site.ids(SPAM, "deferred") == {queue_id}, "nothing is held before the answer"
        at.type(keys)
        assert at.status() == 0
        at.close()
        assert site.ids(SPAM) == (set() if keys == "y\n" else {queue_id})
    assert site.ids(OTHER) == {other}


def test_block_adds_the_sender_block_to_the_state_first(site: QueuePostfix, command: Command, tmp_path: Path) -> None:
    arguments = ("queue", "delete", "--sender", "Muster@Muster.Example", "--yes", "--block")
    (tmp_path / "blocks.yaml").write_text(
        "# ours\nsender_blocks:\n  - {domain: example.org, reason: sells addresses}\n"
    )
    site.send_deferred(SPAM)
    for more in ((), ("--reason", "wave", "--format", "json"), ("--reason", "wave", "--state", "nowhere")):
        assert command(*arguments, *more).status == 2
    (tmp_path / "ours.yaml").write_text("domain: muster.example\naliases: {x: y@mail.example}\n")
    assert command(*arguments, "--reason", "wave").status == 3  # nobody blocks their own domain
    (tmp_path / "ours.yaml").unlink()
    assert len(site.ids(SPAM)) == 1, "where it cannot be blocked, nothing is deleted"
    answer = command(*arguments, "--reason", "phishing wave")
    assert (answer.status, site.ids(SPAM)) == (0, set()), answer.err
    written = (tmp_path / "blocks.yaml").read_text()
    assert written.startswith("# ours\n")
    assert "sender: muster@muster.example" in written
    assert "reason: phishing wave" in written
    site.send_deferred(SPAM)
    answer = command(*arguments, "--reason", "again")
    assert (answer.status, site.ids(SPAM)) == (0, set()), answer.err
    assert "is blocked already" in answer.words
    assert (tmp_path / "blocks.yaml").read_text() == written
    assert command(*arguments[:-1], "--reason", "x").status == 2, "--block was forgotten"
    site.send_deferred("")
    assert command("queue", "delete", "--sender", "<>", "--yes", "--block", "--reason", "x").status == 2
    assert len(site.listed()) == 1


def test_block_is_written_where_nothing_waits(site: QueuePostfix, command: Command, tmp_path: Path) -> None:
    assert site.ids(SPAM) == set()
    answer = command("queue", "delete", "--sender", SPAM, "--yes", "--block", "--reason", "phish")
    assert answer.status == 0, answer.err
    (written,) = (file for file in tmp_path.glob("*.yaml") if "sender_blocks" in file.read_text())
    assert f"sender: {SPAM}" in written.read_text()
    assert f"Block {SPAM}: written" in answer.words
    assert "next: reconciler plan" in answer.words
    assert f"no mail of {SPAM} is in the queue" in answer.words


def test_the_queue_of_another_machine_over_ssh(
    site: QueuePostfix, sshd: Sshd, tmp_path: Path, command: Command
) -> None:
    """As root there, with sudo: an ordinary user needs the main.cf of the whole machine for `-c`."""
    login = sshd.login("root")
    names = ("user", "port", "address", "key_file", "known_hosts")
    write_site(tmp_path, site, host="mail.example", privilege="sudo")
    document = json.loads((tmp_path / "reconciler.yaml").read_text())
    document["ssh"] = {"mail.example": {name: getattr(login, name) for name in names}}
    (tmp_path / "reconciler.yaml").write_text(json.dumps(document))
    spam, other = site.send_deferred('"o\'brien x"@muster.example'), site.send_deferred(OTHER)
    answer = command("queue", "delete", "--sender", "o'brien x@muster.example", "--yes")
    assert (answer.status, "1 deleted" in answer.words) == (0, True), answer.err
    assert spam in answer.out
    assert "1 of 2 messages in the queue of mail.example" in answer.words
    assert site.listed().keys() == {other}
