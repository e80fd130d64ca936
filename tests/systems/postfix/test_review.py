"""What the plan says about hand-made lines."""

from __future__ import annotations

from datetime import timedelta

import pytest

from reconciler.model.declared import DesiredState
from reconciler.planning.finding import Finding, Severity
from tests.services.mail import Postfix
from tests.systems.plans import review_of
from tests.systems.postfix.site import TODAY, WatchedHost, blocks, section, system_on


async def findings(instance: Postfix, text: str, state: DesiredState, **changed: object) -> list[Finding]:
    instance.write_by_hand(text)
    system = system_on(section(instance, **changed), WatchedHost())
    return list(review_of(system, state, await system.observe()))


async def test_the_trap_of_the_wiki_is_shown_with_the_line_that_works(postfix: Postfix) -> None:
    """facts/postfix.md 1.1."""
    (finding,) = await findings(postfix, "# spam\n@example.org REJECT\n", blocks())
    assert finding.rule == "unmanaged-line-never-matches"
    assert finding.severity is Severity.NOTE
    assert f"{postfix.map}, line 2, `@example.org REJECT`, never matches any sender" in finding.message
    assert "`example.org`" in finding.hint


@pytest.mark.parametrize(
    ("line", "rule", "said"),
    [
        ("a@example.com RJECT", "unmanaged-line-broken", "the sender gets 451"),
        ("a@example.com 550", "unmanaged-line-digits", "accepts the mail"),
        ("a@example.com 554 5.7.1", "unmanaged-line-leaks", "belongs to another entry"),
        ("a@example.com", "unmanaged-line-refused", "is not an entry"),
        ("a@example.com: OK", "unmanaged-line-refused", "ends in a colon"),
        ("b@example.com OK\nB@example.com REJECT", "unmanaged-line-refused", "repeats the key of line 1"),
        ("spam@example.net DUNNO", "unmanaged-line-repeats", "repeats a key of the declared block spam@example.net"),
        ("bücher.test DUNNO", "unmanaged-line-repeats", "repeats a key of the declared block xn--bcher-kva.test"),
        ("vip@example.org OK", "unmanaged-line-shadows", "the declared block example.org should stop"),
        ("good.example.org DUNNO", "unmanaged-line-shadows", "the declared block example.org should stop"),
        ("vip@a.b.example.org permit_mynetworks", "", ""),
        ("spam+friend@example.net 123", "unmanaged-line-shadows", "the declared block spam@example.net should stop"),
        ("vip@example.org REJECT go away", "", ""),
        ("vip@example.com OK", "", ""),
        ("org DUNNO", "", ""),
        ("vip@ OK", "", ""),
    ],
)
async def test_every_remark(postfix: Postfix, line: str, rule: str, said: str) -> None:
    state = blocks("example.org", "spam@example.net", "xn--bcher-kva.test")
    found = [
        f for f in await findings(postfix, f"{line}\n", state) if f.rule != "unmanaged-line-digits" or rule == f.rule
    ]
    assert [f.rule for f in found] == ([rule] if rule else [])
    for finding in found:
        assert finding.severity is Severity.WARNING
        assert said in finding.message
        assert finding.hint
        assert finding.owner is None


async def test_a_line_that_says_what_a_block_says_is_replaced_by_it(postfix: Postfix) -> None:
    (finding,) = await findings(postfix, "bücher.test REJECT not you\n", blocks("xn--bcher-kva.test"))
    assert (finding.severity, finding.rule) == (Severity.NOTE, "unmanaged-line-replaced")
    assert "says what the declared block xn--bcher-kva.test says, which takes its place" in finding.message


async def test_a_shadow_is_what_smtpd_really_does(postfix: Postfix) -> None:
    """The remark is true: above or below, the more specific key is asked for first (facts 1.2)."""
    postfix.write_by_hand("example.org REJECT\nvip@example.org OK\ngood.example.org DUNNO\norg DUNNO\n")
    assert postfix.refuses("a@example.org")
    assert not postfix.refuses("vip@example.org")
    assert not postfix.refuses("a@good.example.org")


async def test_an_expired_block_is_neither_repeated_nor_shadowed(postfix: Postfix) -> None:
    expired = blocks("example.org", expires=TODAY - timedelta(days=1))
    assert await findings(postfix, "vip@example.org OK\nexample.org DUNNO\n", expired) == []


async def test_a_line_that_was_never_built_is_told(postfix: Postfix) -> None:
    postfix.map.write_text("mine.test REJECT\n")
    system = system_on(section(postfix))
    (finding,) = review_of(system, blocks(), await system.observe())
    assert finding.rule == "unmanaged-line-not-in-force"
    assert f"postmap {postfix.sender_access}" in finding.hint


async def test_a_map_that_nothing_names_is_told(postfix: Postfix) -> None:
    other = f"hash:{postfix.map}-other"
    (finding,) = await findings(postfix, "", blocks("example.org"), sender_access=other)
    assert finding.rule == "map-unused"
    assert f"check_sender_access {other}" in finding.hint
