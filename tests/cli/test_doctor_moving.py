"""`reconciler doctor --moving-to`: the dated list of a move, with TTLs from the zones' own servers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.cli.dns_site import DnsSite
from tests.services.name_server import NameServer, running_name_server

ZONES = {
    "good.example": [
        "mx 7200 IN A 192.0.2.25",
        "mx 200 IN AAAA 2001:db8::25",
        "imap IN CNAME mx",
        "@ 172800 IN A 192.0.2.25",
        "@ IN MX 10 mx",
        '@ 4000 IN TXT "v=spf1 mx -all"',
    ],
    "listed.example": ["@ IN MX 10 mx.good.example.", '@ 500 IN TXT "v=spf1 ip4:192.0.2.25 ip6:2001:db8::/32 -all"'],
    "wide.example": ["@ IN MX 10 mx.good.example.", '@ IN TXT "v=spf1 ip4:192.0.2.0/24 -all"'],
    "2.0.192.in-addr.arpa": [
        "25 IN PTR mx.good.example.",
        "77 IN PTR mx.good.example.",
        "78 86400 IN PTR old.provider.example.",
        "80 129600 IN PTR old.provider.example.",
    ],
    "8.b.d.0.1.0.0.2.ip6.arpa": [],
}
NEW = "192.0.2.77"


@pytest.fixture(scope="module")
def server() -> Iterator[NameServer]:
    with running_name_server(ZONES, ttl=3600, negative=300) as running:
        yield running


@pytest.fixture
def site(tmp_path: Path, server: NameServer) -> DnsSite:
    made = DnsSite(tmp_path)
    made.write(server)
    made.declare(["good.example", "listed.example", "wide.example"])
    return made


def steps(site: DnsSite, *addresses: str) -> dict[str, dict[str, Any]]:
    options = [option for address in addresses for option in ("--moving-to", address)]
    return site.checks(*options, area="moving")


def moment(name: str) -> datetime:
    found = re.match(r"(\d{4}-\d\d-\d\d \d\d:\d\d)", name)
    assert found, name
    return datetime.strptime(found[1], "%Y-%m-%d %H:%M")


def step(found: dict[str, dict[str, Any]], words: str) -> tuple[str, dict[str, Any]]:
    (one,) = ((name, check) for name, check in found.items() if words in name)
    return one


def test_ttls_are_lowered_first_and_nothing_is_changed_before_the_longest_has_run_out(site: DnsSite) -> None:
    found = steps(site, NEW)
    now = moment(next(name for name in found if "lower the TTL" in name))
    name, lower = step(found, "lower the TTL of A of mx.good.example")
    assert lower["saw"].startswith("7200 s; lowered now")
    assert lower["fix"] == ["mx.good.example. 300 A 192.0.2.25"]
    apex, _ = step(found, "lower the TTL of A of good.example")
    assert moment(name) == moment(apex) == now
    change, what = step(found, "move, then change A")
    assert moment(change) - now == timedelta(seconds=172800)
    assert {"mx.good.example. A 192.0.2.77", "good.example. A 192.0.2.77"} <= set(what["fix"])
    assert "in main.cf or master.cf, change smtp_bind_address" in what["fix"]
    give_up, _ = step(found, "give up 192.0.2.25")
    assert moment(give_up) - moment(change) == timedelta(seconds=172800)
    again, _ = step(found, "look again")
    assert moment(again) - moment(change) == timedelta(seconds=300)


def test_the_list_is_in_the_order_of_its_dates(site: DnsSite) -> None:
    moments = [moment(name) for name in steps(site, "192.0.2.79") if name[:1].isdigit()]
    assert len(moments) > 5
    assert moments == sorted(moments)


def test_a_ptr_that_is_set_is_well(site: DnsSite) -> None:
    _, check = step(steps(site, NEW), "PTR of")
    assert (check["verdict"], check["saw"][:15]) == ("ok", "mx.good.example")


@pytest.mark.parametrize(
    ("new", "saw", "ahead"),
    [
        ("192.0.2.79", "there is none now, which others remember for 300 s", 24),
        ("192.0.2.78", "old.provider.example now, which others remember for 86400 s", 24),
        ("192.0.2.80", "old.provider.example now, which others remember for 129600 s", 36),
    ],
)
def test_a_ptr_is_set_a_day_before(site: DnsSite, new: str, saw: str, ahead: int) -> None:
    found = steps(site, new)
    _, check = step(found, f"PTR of {new}")
    assert (check["verdict"], saw in check["saw"]) == ("warning", True), check
    change, _ = step(found, "move, then change")
    due = re.search(r"by (.*) at the latest", check["fix"][0])
    assert due
    assert moment(change) - moment(due[1]) == timedelta(hours=ahead)
    assert check["fix"][2] == f"{new.rpartition('.')[2]}.2.0.192.in-addr.arpa. PTR mx.good.example."


def test_without_long_ttls_the_ptr_alone_takes_a_day(site: DnsSite) -> None:
    site.declare(["wide.example"])
    site.main_cf(inet_protocols="ipv6")
    found = steps(site, "2001:db8::77")
    name, _ = step(found, "PTR of")
    change, what = step(found, "move, then change AAAA")
    assert moment(change) - moment(name) == timedelta(hours=24)
    assert "mx.good.example. AAAA 2001:db8::77" in what["fix"]
    assert not [each for each in found if "lower the TTL" in each]  # it is 200 s


def test_spf_lets_both_pass_meanwhile(site: DnsSite) -> None:
    found = steps(site, NEW)
    _, by_name = step(found, "SPF of good.example")
    # the old one passes by `mx` as long as the name leads there, and no longer
    assert by_name["fix"] == ["write into the record, before its `all`: ip4:192.0.2.77 ip4:192.0.2.25"]
    assert "remember the record for 4000 s" in by_name["saw"]
    _, listed = step(found, "SPF of listed.example")
    assert listed["fix"] == ["write into the record, before its `all`: ip4:192.0.2.77"]
    assert not [name for name in found if "SPF of wide.example" in name]


def test_a_ttl_is_what_the_zone_says_and_not_what_is_left_of_it(site: DnsSite) -> None:
    """The resolver has had the record for a while: an answer of its own has less."""
    import time

    site.checks()
    time.sleep(1.5)
    _, lower = step(steps(site, NEW), "lower the TTL of A of mx.good.example")
    assert lower["saw"].startswith("7200 s;")


def test_both_families_at_once(site: DnsSite) -> None:
    found = steps(site, NEW, "2001:db8::77")
    moments = [moment(name) for name in found if name[:1].isdigit()]
    assert moments == sorted(moments)
    assert {"A", "AAAA"} == {name.rpartition(" ")[2] for name in found if "move, then change" in name}


def test_where_mail_comes_from_already_nothing_is_to_be_done(site: DnsSite) -> None:
    assert steps(site, "192.0.2.25") == {
        "move to 192.0.2.25": {
            "area": "moving",
            "name": "move to 192.0.2.25",
            "verdict": "ok",
            "saw": "mail is sent from there already, and from nowhere else",
            "why": "",
            "fix": [],
        }
    }


def test_what_cannot_be_read_is_unknown(site: DnsSite) -> None:
    site.declare(["good.example", "elsewhere.example"])
    _, check = step(steps(site, NEW), "SPF of elsewhere.example")
    assert (check["verdict"], "SERVFAIL" in check["saw"]) == ("unknown", True)
    site.main_cf(relayhost="[relay.example]")
    found = steps(site, NEW)
    assert found[f"move to {NEW}"]["verdict"] == "unknown"
    assert "dns: {sending_addresses: [ADDRESS]}" in found[f"move to {NEW}"]["fix"][0]


def test_without_the_option_nothing_is_said_of_a_move(site: DnsSite) -> None:
    assert site.checks(area="moving") == {}
