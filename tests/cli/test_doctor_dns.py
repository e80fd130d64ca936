"""`reconciler doctor` over the mail host's own addresses and names, and over DNS that does not answer."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

from reconciler.doctor.context import DoctorContext
from reconciler.doctor.dns.domains import read_domains
from reconciler.doctor.dns.senders import is_inside
from reconciler.remote.hosts import SiteHosts
from reconciler.remote.outbox import OutboxMailer
from reconciler.settings import Settings
from tests.cli.dns_site import DnsSite
from tests.services.main_cf import write_main_cf
from tests.services.name_server import BROKEN, NameServer, running_name_server, silent_server
from tests.services.postfixadmin import PostfixAdminDatabase

V6 = "0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa"
ZONES: dict[str, list[str]] = {
    "good.example": [
        "mx IN A 192.0.2.25",
        "mx IN AAAA 2001:db8::25",
        "other IN A 192.0.2.25",
        "half IN A 192.0.2.25",
        "alias IN CNAME mx",
        "@ IN MX 10 mx",
        '@ IN TXT "v=spf1 mx ip4:192.0.2.0/24 ip4:198.51.100.7 -all"',
        '_dmarc IN TXT "v=DMARC1; p=reject"',
    ],
    "2.0.192.in-addr.arpa": [
        "25 IN PTR mx.good.example.",
        "26 IN PTR elsewhere.good.example.",
        "27 IN CNAME 27.0-63",
        "27.0-63 IN PTR seven.good.example.",
        "28 IN PTR wrong.good.example.",
        "28 IN PTR eight.good.example.",
    ],
    V6: ["5.2.0.0.0.0 IN PTR mx.good.example."],
    "100.51.198.in-addr.arpa": list(BROKEN),
}
ZONES["good.example"] += ["seven IN A 192.0.2.27", "eight IN A 192.0.2.28", "elsewhere IN A 192.0.2.99"]


@pytest.fixture(scope="module")
def server() -> Iterator[NameServer]:
    with running_name_server(ZONES) as running:
        yield running


@pytest.fixture
def site(tmp_path: Path, server: NameServer) -> DnsSite:
    made = DnsSite(tmp_path)
    made.write(server)
    return made


def verdicts(checks: dict[str, dict[str, Any]]) -> dict[str, str]:
    return {name: check["verdict"] for name, check in checks.items()}


HELO = "name that Postfix calls itself"


def test_all_is_well_over_both_families(site: DnsSite) -> None:
    assert verdicts(site.checks()) == {
        "PTR of 192.0.2.25": "ok",
        "PTR of 2001:db8::25": "ok",
        f"{HELO}: mx.good.example": "ok",
    }


@pytest.mark.parametrize(
    ("address", "helo", "verdict", "saw", "fix"),
    [
        ("192.0.2.77", "mx.good.example", "failed", "there is none", "77.2.0.192.in-addr.arpa. PTR mx.good.example."),
        ("2001:db8::77", "mx.good.example", "failed", "there is none", f"7.7.0.0.0.0.{V6}. PTR mx.good.example."),
        ("192.0.2.26", "mx.good.example", "failed", "does not lead back", "elsewhere.good.example. A 192.0.2.26"),
        ("192.0.2.25", "other.good.example", "warning", "calls itself other", "smtp_helo_name = mx.good.example"),
        ("192.0.2.27", "seven.good.example", "ok", "seven.good.example, which leads back", ""),
        ("192.0.2.28", "eight.good.example", "ok", "leads back", ""),
        ("198.51.100.7", "mx.good.example", "unknown", "SERVFAIL", "ask again"),
    ],
)
def test_the_name_of_an_address(
    site: DnsSite, server: NameServer, address: str, helo: str, verdict: str, saw: str, fix: str
) -> None:
    site.main_cf(smtp_helo_name=helo)
    site.write(server, {"sending_addresses": [address]})
    found = site.checks()[f"PTR of {address}"]
    assert (found["verdict"], saw in found["saw"]) == (verdict, True), found
    assert fix in " ".join(found["fix"])


@pytest.mark.parametrize(
    ("helo", "verdict", "saw"),
    [
        ("mail", "failed", "no domain"),
        ("nothing.good.example", "failed", "no address"),
        ("half.good.example", "warning", "not to 2001:db8::25"),
        ("alias.good.example", "ok", "192.0.2.25"),
        ("mx.elsewhere.example", "unknown", "SERVFAIL"),
    ],
)
def test_the_name_that_postfix_gives_itself(site: DnsSite, helo: str, verdict: str, saw: str) -> None:
    site.main_cf(smtp_helo_name=helo)
    found = site.checks()[f"{HELO}: {helo}"]
    assert (found["verdict"], saw in found["saw"]) == (verdict, True), found


def test_the_name_is_the_hosts_unless_main_cf_has_one_for_sending(site: DnsSite) -> None:
    site.main_cf(myhostname="Other.good.example")
    assert f"{HELO}: other.good.example" in site.checks()


def test_a_transport_with_an_address_and_a_name_of_its_own_is_looked_at_too(site: DnsSite) -> None:
    site.main_cf(
        master="out unix - - n - - smtp -o smtp_bind_address=192.0.2.27 -o smtp_helo_name=seven.good.example\n"
        "in inet n - n - - smtpd -o myhostname=nobody.good.example\n"
    )
    found = verdicts(site.checks())
    assert found["PTR of 192.0.2.27"] == "ok"
    # its IPv6 address is that of main.cf
    assert (found[f"{HELO}: seven.good.example"], found["PTR of 2001:db8::25"]) == ("warning", "warning")
    assert not any("nobody" in name for name in found)


@pytest.mark.parametrize(
    ("changed", "addresses"),
    [
        ({"inet_protocols": "ipv4"}, {"192.0.2.25"}),
        ({"inet_protocols": "ipv6"}, {"2001:db8::25"}),
        ({"smtp_bind_address": "10.1.2.3", "proxy_interfaces": "192.0.2.27"}, {"192.0.2.27", "2001:db8::25"}),
    ],
)  # fmt: skip
def test_what_main_cf_says_about_addresses(site: DnsSite, changed: dict[str, str], addresses: set[str]) -> None:
    site.main_cf(**changed)
    assert {name.removeprefix("PTR of ") for name in site.checks() if name.startswith("PTR")} == addresses


def test_without_a_bound_address_the_kernel_is_asked(site: DnsSite) -> None:
    site.main_cf(smtp_bind_address="", inet_protocols="ipv4")
    checks = site.checks()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as way_out:
        try:
            way_out.connect(("198.41.0.4", 53))  # sends nothing
        except OSError:
            assert "has no way out" in checks["addresses that mail is sent from"]["saw"]
            return
        address = way_out.getsockname()[0]
    if is_inside(ip_address(address)):
        assert address in checks["addresses that mail is sent from"]["saw"]
    else:
        assert f"PTR of {address}" in checks


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"smtp_bind_address": "10.1.2.3"}, "sends from 10.1.2.3, which nobody sees outside"),
        ({"smtp_bind_address6": "fd00::5"}, "sends from fd00::5, which nobody sees outside"),
        ({"relayhost": "[relay.example]:587"}, "hands its mail to [relay.example]:587"),
    ],
)
def test_what_others_see_and_the_host_does_not_know_is_asked_for(
    site: DnsSite, server: NameServer, changed: dict[str, str], said: str
) -> None:
    site.main_cf(**changed)
    check = site.checks()["addresses that mail is sent from"]
    assert (check["verdict"], said in check["saw"]) == ("unknown", True), check
    assert "dns: {sending_addresses: [ADDRESS]}" in " ".join(check["fix"])
    site.write(server, {"sending_addresses": ["192.0.2.25", "2001:db8::25"]})
    assert "addresses that mail is sent from" not in site.checks()


def test_postconf_that_fails_is_unknown_and_domains_are_looked_at_all_the_same(site: DnsSite) -> None:
    write_main_cf(site.folder / "etc" / "main.cf", "nonsense\n  more = \n${")
    site.declare(["good.example"])
    checks = site.checks()
    assert checks["addresses that mail is sent from"]["verdict"] == "unknown"
    assert "postconf" in checks["addresses that mail is sent from"]["saw"]
    assert checks["MX of good.example"]["verdict"] == "ok"
    assert checks["SPF of good.example"]["verdict"] == "unknown"


def test_a_resolver_that_says_nothing_is_unknown(site: DnsSite) -> None:
    site.declare(["good.example"])
    with silent_server() as port:
        site.write(port)
        answer = site.run("--format", "json")
    found = {check["name"]: check for check in answer.json["checks"] if check["area"] == "dns"}
    assert answer.status == 9
    assert set(verdicts(found).values()) == {"unknown"}
    assert f"127.0.0.1 port {port}" in found["MX of good.example"]["saw"]


def test_no_selector_in_the_site_file_is_said_once(site: DnsSite, server: NameServer) -> None:
    site.declare(["good.example", "sub.good.example"])
    site.write(server, {"dkim_selectors": []})
    checks = site.checks()
    assert [name for name in checks if name.startswith("DKIM")] == ["DKIM"]
    assert "dns: {dkim_selectors: [SELECTOR]}" in checks["DKIM"]["fix"]


def test_the_domains_of_postfixadmin_and_of_git(
    site: DnsSite, server: NameServer, sqlite: PostfixAdminDatabase
) -> None:
    for domain in ("good.example", "off.example"):
        sqlite.add_domain(domain)
    with sqlite.engine().begin() as connection:
        connection.exec_driver_sql("UPDATE domain SET active = 0 WHERE domain = 'off.example'")
    site.declare(["sub.good.example"])
    site.write(server, postfixadmin={"url": sqlite.url})
    names = [name for name in site.checks() if name.startswith("DMARC of")]
    assert names == ["DMARC of good.example", "DMARC of sub.good.example"]


def test_domains_that_cannot_be_read_are_unknown(site: DnsSite, server: NameServer, tmp_path: Path) -> None:
    site.declare(["good.example"])
    (tmp_path / "state" / "bad.yaml").write_text("aliases: [")
    site.write(server, postfixadmin={"url": "sqlite:///none.sqlite"})
    checks = site.checks()
    assert checks["domains that git declares"]["verdict"] == "unknown"
    assert checks["domains that git declares"]["fix"] == ["reconciler validate"]
    assert checks["domains of PostfixAdmin"]["verdict"] == "unknown"


def test_a_site_without_postfix_and_dns_is_not_looked_at(site: DnsSite, server: NameServer) -> None:
    site.declare(["good.example"])
    site.write(server, postfix=None, dns=None)
    assert site.checks() == {}
    assert site.checks("--moving-to", "192.0.2.77", area="moving") == {}
    site.write(server, postfix=None)
    assert site.checks()["MX of good.example"]["verdict"] == "ok"


def test_names_for_examples_are_asked_only_of_a_server_that_is_named(site: DnsSite, server: NameServer) -> None:
    """The machine's own resolver knows nothing of them: no domain of the demo is broken."""
    names = ["example.org", "good.example", "www.example.com", "x.invalid", "x.localhost", "x.test"]
    site.declare(names)
    site.write(server, {"server": None, "port": 53}, postfix=None)
    (check,) = site.checks().values()
    assert (check["verdict"], check["saw"].partition(": not asked for")[0]) == ("ok", ", ".join(names))
    site.write(server, postfix=None)
    assert site.checks()["MX of good.example"]["verdict"] == "ok"


async def test_other_names_are_no_examples(site: DnsSite) -> None:
    names = ["beispiel.de", "myexample.org", "sub.example.de", "test.de"]
    site.declare(names)
    settings = Settings(site="nrw", folder=site.folder, state="state")
    context = DoctorContext(settings=settings, hosts=SiteHosts({}), mailer=OutboxMailer(site.folder))
    assert await read_domains(context) == (tuple(names), ())


@pytest.mark.parametrize(
    ("dns", "said"),
    [
        ({"server": "ns.example"}, "'ns.example' is not an IP address"),
        ({"sending_addresses": ["192.0.2.300"]}, "'192.0.2.300' is not an IP address"),
        ({"dkim_selectors": ["a b"]}, "`dkim_selectors` is `a b`"),
    ],
)
def test_a_slip_in_the_site_file_is_said_with_its_place(
    site: DnsSite, server: NameServer, dns: dict[str, Any], said: str
) -> None:
    site.write(server, dns)
    answer = site.run()
    assert answer.status == 3, answer
    assert said in answer.words
    assert "reconciler.yaml:1:" in answer.words
