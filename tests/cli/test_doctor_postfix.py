"""`reconciler doctor` over the sender map, with the real `postconf` and `postmap` on a main.cf of the test."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.cli.dns_site import DnsSite
from tests.services.needs import cannot, require

OTHER = "hash:/etc/postfix/other"


class MapSite(DnsSite):
    """A site without domains, whose map is in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        (self.postmap,) = require("postfix", "postmap")
        self.map = folder / "maps" / "sender_access"
        self.map.parent.mkdir(mode=0o755)
        self.map.write_text("spam@example.net REJECT\n")
        self.build()
        self.table = f"hash:{self.map}"
        self.site()
        self.lists(smtpd_recipient_restrictions=f"check_sender_access {self.table}, permit_mynetworks, reject")

    def build(self) -> None:
        subprocess.run([self.postmap, "-c", str(self.folder / "etc"), f"hash:{self.map}"], check=True)

    def site(self, **section: Any) -> None:
        postfix = {"sender_access": self.table, "privilege": "direct", "config_directory": str(self.folder / "etc")}
        self.write(1, postfix={**postfix, **section})

    def lists(self, *, master: str = "", **settings: str) -> None:
        """`MAP` in a setting stands for our map."""
        values = {name: value.replace("MAP", self.table) for name, value in settings.items()}
        # with a relay nothing is asked of DNS
        self.main_cf(master=master.replace("MAP", self.table), relayhost="[relay.example]", **values)

    def seen(self) -> dict[str, dict[str, Any]]:
        return self.checks(area="postfix", RECONCILER_NOTHING="")


@pytest.fixture
def site(tmp_path: Path) -> MapSite:
    tmp_path.chmod(0o755)
    return MapSite(tmp_path)


USE = "use of the map by smtp/inet"


def test_all_is_well(site: MapSite) -> None:
    assert {name: check["verdict"] for name, check in site.seen().items()} == {
        USE: "ok",
        "files of the map": "ok",
        "rights on the map": "ok",
        "type of the map": "ok",
        "lines of the map": "ok",
        "domains and their subdomains": "ok",
    }


@pytest.mark.parametrize(
    ("lists", "verdict", "saw"),
    [
        ({"smtpd_sender_restrictions": "check_sender_access MAP"}, "ok", "smtpd_sender_restrictions asks it"),
        ({"smtpd_sender_restrictions": "permit_mynetworks check_sender_access MAP"}, "warning", "permit_mynetworks"),
        (
            {"smtpd_sender_restrictions": "permit_sasl_authenticated,permit_mynetworks,\n check_sender_access MAP"},
            "warning",
            "after permit_sasl_authenticated, permit_mynetworks",
        ),
        # one list asks it first: that is enough
        (
            {
                "smtpd_client_restrictions": "permit_mynetworks, check_sender_access MAP",
                "smtpd_data_restrictions": "check_sender_access MAP",
            },
            "ok",
            "smtpd_data_restrictions asks it",
        ),
        ({"smtpd_sender_restrictions": "permit, check_sender_access MAP"}, "failed", "ends in `permit`"),
        ({"smtpd_sender_restrictions": "reject, check_sender_access MAP, permit"}, "failed", "ends in `reject`"),
        ({"smtpd_sender_restrictions": f"check_sender_access {OTHER}"}, "failed", "none of its restriction lists"),
        ({}, "failed", "none of its restriction lists"),
        # inside others, in classes, and with variables
        ({"smtpd_sender_restrictions": "check_sender_access unionmap:{inline:{a=b},MAP}"}, "ok", "asks it"),
        ({"smtpd_sender_restrictions": "check_sender_access { MAP, search_order = sender }"}, "ok", "asks it"),
        ({"ours": "check_sender_access MAP", "smtpd_sender_restrictions": "$ours"}, "ok", "asks it"),
        (
            {"smtpd_restriction_classes": "ours", "ours": "check_sender_access MAP", "smtpd_helo_restrictions": "ours"},
            "ok",
            "smtpd_helo_restrictions asks it",
        ),
        (
            {
                "smtpd_restriction_classes": "own",
                "own": "permit_mynetworks",
                "smtpd_helo_restrictions": "own, check_sender_access MAP",
            },
            "warning",
            "after permit_mynetworks",
        ),
    ],
)  # fmt: skip
def test_where_the_map_stands(site: MapSite, lists: dict[str, str], verdict: str, saw: str) -> None:
    site.lists(**lists)
    check = site.seen()[USE]
    assert (check["verdict"], saw in check["saw"]) == (verdict, True), check
    assert verdict == "ok" or f"check_sender_access {site.table}" in check["fix"]


def test_a_service_with_lists_of_its_own(site: MapSite) -> None:
    only_own = "-o smtpd_recipient_restrictions=permit_sasl_authenticated,reject -o smtpd_sender_restrictions="
    site.lists(
        smtpd_sender_restrictions="check_sender_access MAP",
        master=f"submission inet n - n - - smtpd {only_own}\n"
        "10025 inet n - n - - smtpd -o smtpd_sender_restrictions=permit_mynetworks\n"
        "smtpd pass - - n - - smtpd -o smtpd_sender_restrictions=\n",
    )
    found = {name: (check["verdict"], check["saw"]) for name, check in site.seen().items() if name.startswith("use")}
    assert found[USE][0] == "ok"
    assert found["use of the map by submission/inet"] == (
        "ok",
        "it does not, and takes mail only from those who log in",
    )
    assert found["use of the map by 10025/inet"][0] == "warning"
    assert found["use of the map by smtpd/pass"][0] == "failed"


def test_a_map_that_was_never_built(site: MapSite) -> None:
    Path(f"{site.map}.db").unlink()
    check = site.seen()["files of the map"]
    assert (check["verdict"], f"{site.map}.db is not there" in check["saw"]) == ("failed", True)
    assert check["fix"] == [f"postmap {site.table}"]


def test_a_map_without_a_text(site: MapSite) -> None:
    site.map.unlink()
    check = site.seen()["files of the map"]
    assert (check["verdict"], check["fix"]) == ("failed", [f"touch {site.map}", f"postmap {site.table}"])


def test_a_text_that_was_changed_since(site: MapSite) -> None:
    built = Path(f"{site.map}.db").stat().st_mtime
    site.map.write_text("spam@example.net REJECT\nother@example.net REJECT\n")
    os.utime(site.map, (built + 60, built + 60))
    found = site.seen()
    assert (found["files of the map"]["verdict"], found["files of the map"]["fix"]) == (
        "warning",
        [f"postmap {site.table}"],
    )
    assert "line 2" in found["lines that are not in force"]["saw"]


@pytest.mark.parametrize("name", ["sender_access", "sender_access.db", "."])
def test_what_others_can_write(site: MapSite, name: str) -> None:
    path = site.map.parent / name
    path.chmod(path.stat().st_mode | 0o020)
    check = site.seen()["rights on the map"]
    assert check["verdict"] == "warning"
    assert check["fix"] == [f"chmod go-w {str(path).removesuffix('/.')}"]


def test_files_of_two_owners(site: MapSite) -> None:
    if os.geteuid() != 0:
        cannot("only root gives files away")
    shutil.chown(site.map, "nobody")
    assert f"{site.map} belongs to nobody" in site.seen()["rights on the map"]["saw"]
    for path in (site.map.parent, Path(f"{site.map}.db")):
        shutil.chown(path, "nobody")
    assert site.seen()["rights on the map"]["verdict"] == "ok"
    site.site(privilege="sudo")
    check = site.seen()["rights on the map"]
    assert check["verdict"] == "warning"
    assert check["fix"][0].startswith("chown root ")


@pytest.mark.parametrize(
    ("sender_access", "said"),
    [("ldap:/etc/postfix/x", "not a map type that can be managed"), ("btree:MAP", "the site file says btree")],
)
def test_a_type_that_does_not_fit(site: MapSite, sender_access: str, said: str) -> None:
    site.site(sender_access=sender_access.replace("MAP", str(site.map)))
    check = site.seen()["type of the map"]
    assert (check["verdict"], said in check["saw"]) == ("failed", True), check


@pytest.mark.parametrize(
    ("line", "name", "fix"),
    [
        ("@example.org REJECT", "lines that match no sender", "write `example.org`"),
        ("*@example.org REJECT", "lines that match no sender", "write `example.org`"),
        ('"anna"@example.org REJECT', "lines that match no sender", "write `anna@example.org`"),
        ("example.org 550", "lines that accept mail", "REJECT"),
        ("example.org RJECT", "lines that Postfix does not understand", "REJECT"),
        ("example.org 554 5.7.1", "lines that answer with a foreign text", "text"),
        ("example.org", "lines that postmap complains about", "correct the line"),
    ],
)
def test_lines_that_do_something_else(site: MapSite, line: str, name: str, fix: str) -> None:
    site.map.write_text(f"spam@example.net REJECT\n{line}\n")
    site.build()
    check = site.seen()[name]
    assert (check["verdict"], f"line 2, `{line.partition(' ')[0]}" in check["saw"]) == ("warning", True), check
    assert fix in " ".join(check["fix"])


def test_a_hundred_such_lines_are_one_check(site: MapSite) -> None:
    site.map.write_text("".join(f"@d{number}.example REJECT\n" for number in range(100)))
    site.build()
    check = site.seen()["lines that match no sender"]
    assert check["saw"].endswith("; and 90 more")
    assert len(check["fix"]) == 10


def test_domains_whose_subdomains_are_left_out(site: MapSite) -> None:
    site.map.write_text("a.example REJECT\nb.example REJECT\n.b.example REJECT\nspam@c.example REJECT\n")
    site.build()
    assert site.seen()["domains and their subdomains"]["verdict"] == "ok"
    site.lists(parent_domain_matches_subdomains="mynetworks", smtpd_data_restrictions="check_sender_access MAP")
    check = site.seen()["domains and their subdomains"]
    assert (check["verdict"], check["fix"]) == ("warning", ["write a second line, with a dot in front, for: a.example"])


def test_settings_that_cannot_be_read_are_unknown(site: MapSite) -> None:
    (site.folder / "etc" / "main.cf").unlink()
    (check,) = site.seen().values()
    assert (check["name"], check["verdict"]) == ("the whole area", "unknown")
    assert re.search(r"postconf ended with status 1: .*No such file", check["saw"])


def test_a_folder_that_cannot_be_searched_is_unknown_and_not_empty(site: MapSite) -> None:
    site.site(sender_access="hash:/proc/self/environ/none")
    check = site.seen()["files of the map"]
    assert (check["verdict"], "Not a directory" in check["saw"]) == ("unknown", True), check
