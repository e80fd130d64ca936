"""Questions to a real name server: what is there, what is not, and what nobody knows."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

import pytest

from reconciler.doctor.dns.lookup import Lookup
from reconciler.errors import Unreadable
from tests.services.name_server import BROKEN, NameServer, running_name_server, silent_server

LONG = " ".join(f'"{number:03}{"x" * 250}"' for number in range(20))


@pytest.fixture(scope="module")
def server() -> Iterator[NameServer]:
    zones = {
        "a.example": [
            "@ IN MX 10 Mail",
            "mail IN A 192.0.2.25",
            "mail IN AAAA 2001:db8::25",
            "alias IN CNAME next.b.example.",
            "out IN CNAME mail.elsewhere.example.",
            "round IN CNAME round",
            f"long IN TXT {LONG}",
            'many IN TXT "one" "two"',
            'many IN TXT "three"',
            "gone IN CNAME nothing",
        ],
        "b.example": ["next IN CNAME last", "last IN A 192.0.2.7"],
        "broken.example": BROKEN,
        "2.0.192.in-addr.arpa": ["25 IN PTR mail.a.example."],
        "5.2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa": ["@ IN PTR mail.a.example."],
    }
    with running_name_server(zones) as running:
        yield running


@pytest.fixture(params=["127.0.0.1", "::1", "authority"])
def lookup(server: NameServer, request: pytest.FixtureRequest) -> Lookup:
    """A resolver over IPv4, over IPv6, and the zones' own server."""
    if request.param == "authority":
        return Lookup(server.authority)
    return Lookup(request.param, server.port)


async def test_what_is_there(lookup: Lookup) -> None:
    assert (await lookup.ask("a.example", "MX")).values == ("10 mail.a.example",)
    assert (await lookup.ask("A.Example.", "MX")).values == ("10 mail.a.example",)
    assert sorted(map(str, await lookup.addresses("mail.a.example"))) == ["192.0.2.25", "2001:db8::25"]
    assert (await lookup.ask("25.2.0.192.in-addr.arpa", "PTR")).values == ("mail.a.example",)


async def test_a_chain_of_aliases_is_followed_to_its_end(lookup: Lookup) -> None:
    answer = await lookup.ask("alias.a.example", "A")
    assert (answer.values, answer.name) == (("192.0.2.7",), "last.b.example")


async def test_strings_of_a_record_are_joined_and_records_are_not(lookup: Lookup) -> None:
    assert sorted((await lookup.ask("many.a.example", "TXT")).values) == ["onetwo", "three"]


async def test_what_no_datagram_holds_comes_over_tcp(lookup: Lookup) -> None:
    (text,) = (await lookup.ask("long.a.example", "TXT")).values
    assert len(text) == 20 * 253
    assert text.startswith("000x")


async def test_what_is_not_there_is_empty(lookup: Lookup) -> None:
    for name, kind in (("nothing.a.example", "A"), ("mail.a.example", "MX"), ("gone.a.example", "AAAA")):
        assert (await lookup.ask(name, kind)).values == (), name


@pytest.mark.parametrize(
    ("name", "said"),
    [("broken.example", "SERVFAIL"), ("elsewhere.example", "SERVFAIL|REFUSED"), ("round.a.example", "")],
)
async def test_what_fails_is_not_taken_for_absent(lookup: Lookup, name: str, said: str) -> None:
    with pytest.raises(Unreadable, match=rf"^A of {name}: .*({said})") as caught:
        await lookup.ask(name, "A")
    assert "dns: {server:" in caught.value.hint


async def test_an_alias_that_leads_out_of_a_zone_is_no_answer_of_its_server(server: NameServer) -> None:
    with pytest.raises(Unreadable, match="only said whom to ask"):
        await Lookup(server.authority).ask("out.a.example", "A")


async def test_one_question_is_asked_once(server: NameServer) -> None:
    lookup = Lookup("127.0.0.1", server.port)
    first, second = await asyncio.gather(*(lookup.ask("mail.a.example", "A") for _ in range(2)))
    assert first is second


async def test_a_server_that_says_nothing_costs_seconds_and_not_hours() -> None:
    with silent_server() as port:
        lookup = Lookup("127.0.0.1", port)
        began = time.monotonic()
        answers = await asyncio.gather(
            *(lookup.ask(f"d{number}.example", "MX") for number in range(300)), return_exceptions=True
        )
    assert time.monotonic() - began < 12
    assert {type(answer) for answer in answers} == {Unreadable}
    said = [answer.message for answer in answers if isinstance(answer, Unreadable)]
    assert sum("no answer within 5 s" in each for each in said) < 50
    assert sum("was not asked again" in each for each in said) > 250
