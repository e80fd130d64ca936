"""What a real smtpd answers after we wrote: the only thing that counts."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from reconciler.model.declared import DesiredState
from reconciler.planning.changes import Result
from reconciler.systems.postfix.map_entries import ActionEffect, KeyRules, dead_key_hint, effect
from tests.services.mail import Postfix, empty_map
from tests.services.needs import require
from tests.systems.plans import changes_of, review_of
from tests.systems.postfix.site import TODAY, WatchedHost, blocks, converge, section, system_on


async def test_blocked_senders_are_refused_and_others_accepted(any_postfix: Postfix) -> None:
    any_postfix.write_by_hand("friend@example.com OK\n")
    outcomes = await converge(section(any_postfix), blocks("spam@example.net", "example.org"))
    assert {o.result for o in outcomes} == {Result.DONE}
    for sender in ("spam@example.net", "SPAM@Example.NET", "spam+x@example.net", "a@example.org", "a@b.c.example.org"):
        assert any_postfix.refuses(sender), sender
    for sender in ("ham@example.net", "a@notexample.org", "a@sub.example.net", "friend@example.com"):
        assert not any_postfix.refuses(sender), sender


async def test_the_reason_is_not_told_to_the_sender(postfix: Postfix) -> None:
    """docs/postfix.md: the reason stays in the file."""
    await converge(section(postfix), blocks("spam@example.net"))
    _, text = postfix.answer("spam@example.net")
    assert "phishing" not in text
    assert "phishing wave (2026-11-24)" in postfix.map.read_text()


async def test_both_spellings_of_a_domain_are_refused(any_postfix: Postfix) -> None:
    """facts/postfix.md 1.4: Postfix does not convert; and `ß` must not block the other domain."""
    await converge(section(any_postfix), blocks("xn--bcher-kva.test", "xn--strae-oqa.test"))
    assert any_postfix.refuses("a@xn--bcher-kva.test")
    assert any_postfix.refuses("a@bücher.test")
    assert any_postfix.refuses("a@sub.bücher.test")
    assert any_postfix.refuses("a@xn--strae-oqa.test")
    assert not any_postfix.refuses("a@strasse.test")


async def test_two_runs_in_one_second_are_both_seen(any_postfix: Postfix) -> None:
    """facts/postfix.md 3.4: rebuilt in place, the second change would go unnoticed."""
    for keys in (("one.test",), ("one.test", "two.test"), ("two.test",), ("three.test",)):
        await converge(section(any_postfix), blocks(*keys))
        for key in ("one.test", "two.test", "three.test"):
            assert any_postfix.refuses(f"a@{key}") is (key in keys), keys


async def test_an_expired_block_is_lifted(postfix: Postfix) -> None:
    state = blocks("example.org", expires=TODAY)
    await converge(section(postfix), state)
    assert postfix.refuses("a@example.org")
    tomorrow = DesiredState(TODAY + timedelta(days=1), sender_blocks=state.sender_blocks)
    await converge(section(postfix), tomorrow)
    assert not postfix.refuses("a@example.org")


@pytest.fixture
def dotted(postfix: Postfix) -> Iterator[Postfix]:
    """A Postfix on which a domain's key does not cover its subdomains."""
    _set(postfix, "parent_domain_matches_subdomains = debug_peer_list")
    yield postfix
    _set(postfix, "parent_domain_matches_subdomains = debug_peer_list, smtpd_access_maps")


def _set(instance: Postfix, *settings: str) -> None:
    postconf, postfix = require("postfix", "postconf", "postfix")
    os.utime(Path(instance.config) / "main.cf", (0, 0))  # postconf waits until a fresh one has cooled down
    subprocess.run([postconf, "-c", instance.config, "-e", *settings], check=True, timeout=60)
    os.utime(Path(instance.config) / "main.cf", (0, 0))
    subprocess.run([postfix, "-c", str(instance.config), "reload"], check=True, capture_output=True, timeout=60)


async def test_subdomains_are_covered_where_postfix_wants_a_key_of_their_own(dotted: Postfix) -> None:
    """facts/postfix.md 1.2, the second half."""
    await converge(section(dotted), blocks("example.org"))
    assert "\nexample.org REJECT\n.example.org REJECT\n" in dotted.map.read_text()
    assert dotted.refuses("a@example.org")
    assert dotted.refuses("a@b.example.org")
    assert await changes_of(system_on(section(dotted)), blocks("example.org")) == []
    # without the second key it is not the block that was declared
    dotted.write_by_hand(dotted.map.read_text().replace("\n.example.org REJECT", ""))
    (change,) = await changes_of(system_on(section(dotted)), blocks("example.org"))
    assert change.fields() == [("action", "example.org REJECT, .example.org missing", "REJECT")]


ACTIONS = """
REJECT|Reject no thanks|REJECT 5.7.99 text|550 go away|450 later|599 odd|DEFER|DEFER_IF_PERMIT|DISCARD|HOLD|OK|PERMIT
RELAY|DUNNO|550|123|WARN text|INFO text|PREPEND X-Test: yes|PREPEND nonsense|REDIRECT other|REDIRECT a@b.test
FILTER discard:|permit_mynetworks|reject_unknown_sender_domain, permit|RJECT|REJECTED|STRIP|600 x|250 fine|5xx foo
550-multi|permit_mynetwork|"REJECT x"|= REJECT|554 5.7.1|REJECT 5.7.1|check_sender_access hash:/etc/aliases
DEFER_IF_REJECT|permit_mynetworks,reject
"""


def test_every_action_does_what_we_say_of_it(postfix: Postfix) -> None:
    """facts/postfix.md section 2, asked of the real smtpd: `effect` never calls a hole a block."""
    actions = [action for line in ACTIONS.strip().splitlines() for action in line.split("|")]
    postfix.write_by_hand("".join(f"s{number}@example.net {action}\n" for number, action in enumerate(actions)))
    for number, action in enumerate(actions):
        code, text = postfix.answer(f"s{number}@example.net")
        accepted = code == 250
        match effect(action):
            case ActionEffect.BROKEN:
                assert code == 451, f"{action}: {code} {text}"
            case ActionEffect.PASSES | ActionEffect.DIGITS:
                assert accepted, f"{action}: {code} {text}"
            case ActionEffect.LEAKS:
                assert code == 554, f"{action}: {code} {text}"
            case ActionEffect.STOPS:
                quietly = action.split()[0] in ("DISCARD", "HOLD", "REDIRECT")
                assert accepted is quietly, f"{action}: {code} {text}"
            case ActionEffect.DEPENDS:
                assert code != 451, f"{action}: {code} {text}"


DEAD = ["@plain.test", "*@plain.test", ".plain.test", "<bad@plain.test>", '"bad"@plain.test', "bad@plain.test."]
ALIVE = ["bad@plain.test", "plain.test", "bad@", "test", "BAD@PLAIN.TEST"]


@pytest.mark.parametrize("key", [*DEAD, *ALIVE])
def test_a_key_matches_exactly_when_we_say_so(postfix: Postfix, key: str) -> None:
    """The trap of the wiki first: facts/postfix.md 1.1."""
    postfix.write_by_hand(f"{key} REJECT\n")
    assert postfix.refuses("bad@plain.test") is not bool(dead_key_hint(key, KeyRules()))


USES = {
    "in a union": "check_sender_access unionmap:{{{map}, inline:{{friend@example.org=OK}}}}",
    "in a pipe": "check_sender_access pipemap:{{{map}, inline:{{REJECT=REJECT}}}}",
    "named twice": "check_sender_access {map}, check_sender_access {map}",
    "in a variable": "check_sender_access $our_map",
    "in a class": "our_class",
}


@pytest.mark.parametrize("use", USES)
async def test_a_text_that_postfix_reads_itself_is_loaded_wherever_it_is_named(
    new_postfix: Callable[[str], Postfix], use: str
) -> None:
    """Without the reload every sender would still be answered 250 while the plan is empty."""
    instance = new_postfix("texthash")
    empty_map(instance)
    table = instance.sender_access
    named = [f"our_map = {table}", "smtpd_restriction_classes = our_class", f"our_class = check_sender_access {table}"]
    try:
        _set(instance, *named, f"smtpd_recipient_restrictions = {USES[use].format(map=table)}, permit")
        system = system_on(section(instance))
        warned = [f.rule for f in review_of(system, blocks(), await system.observe())]
        assert not {"map-unused", "map-not-recognised"} & set(warned)
        outcomes = await converge(section(instance), blocks("example.org"))
        assert {o.result for o in outcomes} == {Result.DONE}
        assert instance.refuses("a@example.org")
        assert await changes_of(system_on(section(instance)), blocks("example.org")) == []
    finally:
        usual = f"smtpd_recipient_restrictions = check_sender_access {table}, permit"
        _set(instance, usual, "our_class = permit", "our_map =")


async def test_a_use_that_is_not_recognised_is_said_and_loaded(
    new_postfix: Callable[[str], Postfix], tmp_path: Path
) -> None:
    """By another path, which is a link to the same file."""
    instance = new_postfix("texthash")
    empty_map(instance)
    (tmp_path / "link").symlink_to(instance.map.parent)
    tmp_path.chmod(0o755)
    try:
        _set(
            instance,
            f"smtpd_recipient_restrictions = check_sender_access texthash:{tmp_path}/link/sender_access, permit",
        )
        system = system_on(section(instance))
        assert "map-not-recognised" in [f.rule for f in review_of(system, blocks(), await system.observe())]
        host = WatchedHost()
        await converge(section(instance), blocks("example.org"), host)
        assert any("reload" in argv for argv in host.ran)
    finally:
        _set(instance, f"smtpd_recipient_restrictions = check_sender_access {instance.sender_access}, permit")
