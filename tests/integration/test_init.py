"""`reconciler init --probe` on real parts: MariaDB, a real Postfix and OX' stand-in behind a real sshd."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.site import ANNA, ANNA_DECLARED, DOMAIN, OX_ENV
from tests.cli.terminal import Terminal, answered
from tests.integration.sites import MAIL_HOST, RealSite


@pytest.fixture
def installed(far_site: RealSite, open_folder: Path) -> RealSite:
    """The same site with the configuration of its PostfixAdmin, which holds the password."""
    far_site.declare(ANNA_DECLARED)
    answer = far_site.run("apply", "--yes")
    assert answer.status == 0, answer
    url = far_site.database.full_url
    values = {"type": "mysqli", "host": "localhost", "port": url.port, "user": url.username, "name": url.database}
    lines = [f"$CONF['database_{key}'] = '{value}';" for key, value in {**values, "password": url.password}.items()]
    config = open_folder / "config.local.php"
    config.write_text("\n".join(["<?php", *lines]) + "\n")
    config.chmod(0o644)
    (open_folder / "config.inc.php").write_text("<?php\n")
    (open_folder / "config.inc.php").chmod(0o600)  # root's
    return far_site


def _options(site: RealSite, folder: Path) -> list[str]:
    ssh = {f"ssh.{MAIL_HOST}.{key}": value for key, value in site.sections["ssh"][MAIL_HOST].items()}
    values = {
        **{key: value for key, value in ssh.items() if value is not None},
        "postfixadmin.password_env": site.database.password_env,
        "openxchange.admin_password_env": OX_ENV,
        "postfix.config_directory": site.postfix.config,
    }
    told = [word for key, value in values.items() for word in ("--set", f"{key}={value}")]
    return ["--probe", MAIL_HOST, "--look-in", str(folder), "--look-in", f"{site.ox}/sbin", *told]


def test_a_site_that_was_found_is_imported_and_planned(installed: RealSite, open_folder: Path) -> None:
    before = installed.live()
    answer = installed.run("init", "found", *_options(installed, open_folder))
    assert answer.status == 0, answer
    assert installed.live() == before, "it only reads"
    assert f"(from {open_folder}/config.local.php on {MAIL_HOST})" in answer.words
    assert f"postfix.sender_access: {installed.postfix.sender_access} (from `check_sender_access`" in answer.words
    assert "not found: the OX context" in answer.words
    assert f"{open_folder}/config.inc.php: it is there on {MAIL_HOST}, and this login may not read it" in answer.words
    assert "1 mailbox" in answer.words
    password = str(installed.database.full_url.password)
    made = installed.folder / "found"
    texts = [file.read_text("utf-8") for file in made.rglob("*") if file.is_file()]
    assert not [text for text in (*texts, answer.out, answer.err) if password in text]
    site = "--site", "found/reconciler.yaml"
    imported = installed.run("import", "--into", "found/state", *site)
    assert imported.status == 0, imported
    assert "anna.beispiel:" in (made / "state" / DOMAIN / "mailboxes.yaml").read_text("utf-8")
    planned = installed.run("plan", *site)
    assert planned.status in (0, 4), planned
    assert ANNA not in planned.out.partition("left alone")[0]


def test_at_a_terminal_what_was_found_is_proposed(installed: RealSite, open_folder: Path) -> None:
    options = [*_options(installed, open_folder), "--set", f"ssh.{MAIL_HOST}.user=nobody-is-let-in"]
    terminal = Terminal(installed.folder, "init", "found", *options)
    login = [f"ssh.{MAIL_HOST}.{key}: " for key in ("address", "user", "port", "key_file", "known_hosts")]
    right = {login[1]: installed.sections["ssh"][MAIL_HOST]["user"]}
    systems = ["site: The", "database?", "postfixadmin.url: ", "password_env: ", "Open-Xchange?", "openxchange.host: "]
    systems += ["sbin: ", "context: ", "admin: ", "password_env: ", "map?", "postfix.host: ", "sender_access: "]
    try:
        answered(terminal, *((question, "") for question in login))
        terminal.read_until("not yet: ")
        answered(terminal, *((question, right.get(question, "")) for question in login))
        answered(terminal, *((question, "") for question in (*systems, "privilege: ")))
        assert terminal.status() == 0, terminal.seen
    finally:
        terminal.close()
    text = (installed.folder / "found" / "reconciler.yaml").read_text("utf-8")
    assert f"sender_access: '{installed.postfix.sender_access}'" in text
    assert f"user: {right[login[1]]}\n" in text
