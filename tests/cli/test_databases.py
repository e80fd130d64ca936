"""Database URLs through the command: what git may say in them, and what a hostile server gets."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from sqlalchemy import make_url
from sqlalchemy.exc import OperationalError

from reconciler.remote.database import connect, open_server
from tests.cli.conftest import Command
from tests.cli.running import Answer
from tests.cli.site import ANNA_DECLARED, Site, StandInSite
from tests.services.databases import free_port
from tests.services.hostile import (
    Script,
    asks_for,
    asks_for_file,
    hostile_server,
    offers_tls,
    shows_a_key,
    talks_nonsense,
    wants_clear_postgresql,
)
from tests.services.smtp import make_certificate

VARIABLE, PASSWORD = "RECONCILER_TEST_SECRET", "nobody-else-hears-this-5"
THIS_MACHINE, NOT_LOOPBACK = "127.0.0.1", "0.0.0.0"  # a client that calls it reaches this machine


def site_at(folder: Path, url: str, **section: object) -> Site:
    made = Site(folder, register=None, letters=None, postfixadmin={"url": url, "password_env": VARIABLE, **section})
    made.declare()
    return made


def plan(site: Site) -> Answer:
    answer = site.run("plan", **{VARIABLE: PASSWORD})
    assert PASSWORD not in answer.words
    return answer


def heard_by(folder: Path, script: Script, host: str, backend: str = "mysql+pymysql") -> tuple[bytes, Answer]:
    with hostile_server(script) as (port, heard):
        answer = plan(site_at(folder, f"{backend}://reconciler@{host}:{port}/mail"))
    return bytes(heard), answer


@pytest.mark.parametrize("host", [THIS_MACHINE, NOT_LOOPBACK])
@pytest.mark.parametrize("plugin", ["mysql_clear_password", "dialog", "mysql_old_password"])
def test_no_server_gets_the_clear_password(tmp_path: Path, plugin: str, host: str) -> None:
    heard, answer = heard_by(tmp_path, asks_for(plugin), host)
    assert b"reconciler" in heard
    assert PASSWORD.encode() not in heard
    assert heard.endswith(b"mysql_native_password\0"), "nothing came after the scrambled password of the login"
    assert answer.status == 9
    assert "asks for the password in clear, which is not sent" in answer.words


@pytest.mark.parametrize("plugin", ["sha256_password", "caching_sha2_password"])
def test_no_password_goes_under_the_key_of_a_server_that_nothing_proves(tmp_path: Path, plugin: str) -> None:
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    key = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    heard, answer = heard_by(tmp_path, shows_a_key(plugin, key), NOT_LOOPBACK)
    assert b"reconciler" in heard
    assert len(heard) < 400, "256 bytes more would be the password under its key"
    assert answer.status == 9
    assert "ssl_ca" in answer.words


@pytest.mark.parametrize("host", [THIS_MACHINE, NOT_LOOPBACK])
def test_no_server_gets_a_file(tmp_path: Path, host: str) -> None:
    (tmp_path / "private").write_text("the content of a private file")
    heard, answer = heard_by(tmp_path, asks_for_file(str(tmp_path / "private")), host)
    assert b"SET" in heard
    assert b"private file" not in heard
    assert answer.status == 9
    assert "asks for a file of this machine, which is not sent" in answer.words


def test_a_server_that_offers_tls_hears_the_login_over_tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever its certificate says, and without reading this machine's authorities for each connection."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(make_certificate(tmp_path))
    monkeypatch.delattr(ssl.SSLContext, "load_default_certs")
    with hostile_server(offers_tls(context)) as (port, heard):
        url = make_url(f"mysql+pymysql://reconciler@{THIS_MACHINE}:{port}/mail")
        with pytest.raises(OperationalError, match="Access denied"):
            connect(open_server(url, PASSWORD, Path))
    assert b"reconciler" in heard[36:], "what stands before it is the request for TLS"
    assert b"reconciler" not in heard[:36]


def test_postgresql_off_this_machine_gets_no_clear_password(tmp_path: Path) -> None:
    heard, answer = heard_by(tmp_path, wants_clear_postgresql, NOT_LOOPBACK, "postgresql+psycopg")
    assert b"reconciler" in heard
    assert PASSWORD.encode() not in heard
    assert answer.status == 9


@pytest.mark.parametrize("backend", ["mysql+pymysql", "postgresql+psycopg"])
def test_what_is_no_database_is_unreadable_and_no_bug(tmp_path: Path, backend: str) -> None:
    _, answer = heard_by(tmp_path, talks_nonsense, THIS_MACHINE, backend)
    assert answer.status == 9


_REFUSED = {
    "mysql+pymysql": (
        "local_infile=1",
        "read_default_file=/etc/passwd",
        "read_default_group=client",
        "unix_socket=/tmp/evil",
        "init_command=DROP TABLE mailbox",
        "plugin_dir=/tmp",
        "client_flag=128",
        "ssl=true",
        "ssl_disabled=true",
        "ssl_verify_cert=false",
        "host=evil.example",
        "password=x",
    ),
    "postgresql+psycopg": (
        "service=evil",
        "passfile=/tmp/evil",
        "options=-c role=admin",
        "host=evil.example",
        "hostaddr=192.0.2.1",
        "require_auth=password",
        "sslpassword=x",
    ),
    "sqlite": ("mode=rwc",),
}


@pytest.mark.parametrize(("driver", "option"), [(d, o) for d, options in _REFUSED.items() for o in options])
def test_other_options_are_refused_at_their_place(tmp_path: Path, driver: str, option: str) -> None:
    where = "/mail.sqlite" if driver == "sqlite" else "reconciler@db.example/mail"
    site = site_at(tmp_path, f"{driver}://{where}?{option}")
    answer = site.run("validate")
    assert answer.status == 3
    assert f"reconciler.yaml:5:10: error: `url`: the option '{option.partition('=')[0]}' is not allowed" in answer.words
    if driver != "sqlite":
        assert "only ssl" in answer.words


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("connect_timeout=abc", "whole seconds from 1 to 300"),
        ("connect_timeout=0", "whole seconds from 1 to 300"),
        ("connect_timeout=5&connect_timeout=6", "more than once"),
        ("charset=latin1", "utf8mb4"),
        ("ssl_ca=/missing.pem", "/missing.pem, which `?ssl_ca=` names, cannot be read: No such file"),
        ("ssl_ca=reconciler.yaml", "holds no certificates in PEM"),
        ("ssl_key=reconciler.yaml", "goes with a certificate"),
    ],
)
def test_values_that_do_not_work_are_refused_at_their_place(tmp_path: Path, option: str, said: str) -> None:
    site = Site(tmp_path, openxchange={"database_url": f"mysql+pymysql://ox@db.example/ox?{option}"})
    site.declare()
    answer = site.run("validate")
    assert answer.status == 3, answer
    assert "reconciler.yaml:" in answer.words
    assert said in answer.words


def test_options_that_are_allowed_reach_the_driver(tmp_path: Path) -> None:
    url = f"mysql+pymysql://reconciler@127.0.0.1:{free_port()}/mail?connect_timeout=3&charset=utf8mb4&ssl_ca=system"
    site = site_at(tmp_path, url)
    assert site.run("validate").status == 0
    answer = plan(site)
    assert answer.status == 9
    assert "cannot be reached" in answer.words


def test_the_state_may_come_from_elsewhere(tmp_path: Path) -> None:
    """The site file and known_hosts from a protected place, the state from the merge request."""
    site = StandInSite(tmp_path)
    site.declare()
    proposed = tmp_path / "merge request"
    proposed.mkdir()
    (proposed / "state.yaml").write_text("domain: pirat.alt\naliases:\n  presse: [a@extern.example]\n")
    (proposed / "reconciler.yaml").write_text("site: evil\npostfixadmin: {url: 'mysql+pymysql://u@evil.example/x'}\n")
    named = ("--site", str(site.file), "--state", str(proposed))
    assert ": 1 alias in 1 file" in site.run("validate", *named).words
    assert "+ presse@pirat.alt" in site.run("plan", *named).words
    assert "presse" not in site.run("plan").words
    assert site.run("plan", RECONCILER_STATE=str(proposed)).status == 4
    missing = site.run("plan", "--state", str(tmp_path / "nowhere"))
    assert missing.status == 2
    assert "it names the folder with the declared state" in missing.words
    assert site.run("apply", "--yes", *named).status == 0
    assert site.goto("presse@pirat.alt") == "a@extern.example"


def test_a_file_takes_no_password(site: StandInSite, command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """A site that moves to another database keeps its variable for a while."""
    monkeypatch.setenv("RECONCILER_TEST_UNUSED", "unused-3")
    site.declare(ANNA_DECLARED)
    beside = {**site.sections["postfixadmin"], "password_env": "RECONCILER_TEST_UNUSED"}
    apart = {"url": "sqlite:///ledger.sqlite", "password_env": "RECONCILER_TEST_UNUSED"}
    for sections in ({"postfixadmin": beside}, {"postfixadmin": beside, "ledger": apart}):
        site.write(**sections)
        assert command("ledger", "init").status == 0
        assert command("plan").status == 4
