"""Dovecot's configuration in its two languages: that of 2.3 (Debian 12) and that of 2.4 (Debian 13).

Mail is in the home folder itself. A query is written as PostfixAdmin's documentation has it, with `%u`; in 2.4 the same
word is `%{user}`.
"""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy.engine import URL


@dataclass(frozen=True, slots=True)
class Lookup:
    """A passdb or userdb: a `file` of users, a `query` to the MariaDB at `url`, or the same `fields` for everybody."""

    file: str = field(default="", repr=False)
    query: str = ""
    url: URL | None = None
    fields: Mapping[str, str] = field(default_factory=dict)

    @property
    def driver(self) -> str:
        """What Dovecot calls it."""
        return "sql" if self.query else "passwd-file" if self.file else "static"


def write_configuration(program: str, folder: Path, port: int, passdb: Lookup, userdb: Lookup) -> Path:
    """`dovecot.conf` in the folder, for IMAP on this loopback port, in the language of this Dovecot."""
    asked = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=60, check=True)
    major, minor, *_ = asked.stdout.split(".")
    conf = folder / "dovecot.conf"
    lookups = {"passdb": passdb, "userdb": userdb}
    if (int(major), int(minor)) >= (2, 4):
        text = _HEAD_2_4 + "".join(_block_2_4(kind, lookup, folder) for kind, lookup in lookups.items())
        text += "".join(_server_2_4(lookup.url) for lookup in (passdb, userdb) if lookup.url)
    else:
        text = _HEAD_2_3 + "".join(_block_2_3(kind, lookup, folder) for kind, lookup in lookups.items())
    conf.touch(mode=0o600)
    conf.write_text(text + _COMMON.format(folder=folder, port=port), encoding="utf-8")
    return conf


# a wrong password is answered at once: without the penalty each of them costs up to 15 seconds
_COMMON = """\
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/dovecot.log
protocols = imap
listen = 127.0.0.1
ssl = no
auth_mechanisms = plain login
first_valid_uid = 1
auth_failure_delay = 0
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service imap-login {{
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
"""
_HEAD_2_3 = "disable_plaintext_auth = no\nmail_location = maildir:%h\n"
_HEAD_2_4 = """\
dovecot_config_version = 2.4.0
dovecot_storage_version = 2.4.0
auth_allow_cleartext = yes
mail_driver = maildir
mail_path = %{home}
"""


def _block_2_3(kind: str, lookup: Lookup, folder: Path) -> str:
    arguments = " ".join(f"{name}={value}" for name, value in lookup.fields.items())
    if lookup.driver == "static":
        return f"{kind} {{\n  driver = static\n  args = {arguments}\n}}\n"
    if lookup.url is None:
        arguments = str(_written(folder / kind, lookup.file))
    else:
        at, name = lookup.url, "password" if kind == "passdb" else "user"
        server = f"host={at.host} port={at.port} dbname={at.database} user={at.username} password={at.password}"
        arguments = str(_written(folder / kind, f"driver = mysql\nconnect = {server}\n{name}_query = {lookup.query}\n"))
    return f"{kind} {{\n  driver = {lookup.driver}\n  args = {arguments}\n}}\n"


def _block_2_4(kind: str, lookup: Lookup, folder: Path) -> str:
    match lookup.driver:
        case "static":
            given = "".join(f"    {name} = {_variables(value)}\n" for name, value in lookup.fields.items())
            everybody = f"  {kind}_static_allow_all_users = yes\n" if kind == "userdb" else ""
            inner = f"{everybody}  fields {{\n{given}  }}\n"
        case "passwd-file":
            inner = f"  passwd_file_path = {_written(folder / kind, lookup.file)}\n"
        case _:
            inner = f"  query = {_variables(lookup.query)}\n"
    return f"{kind} {lookup.driver} {{\n{inner}}}\n"


def _server_2_4(at: URL) -> str:
    login = f"  user = {at.username}\n  password = {at.password}\n  dbname = {at.database}\n  ssl = no\n"
    return f"sql_driver = mysql\nmysql {at.host} {{\n  port = {at.port}\n{login}}}\n"


def _variables(text: str) -> str:
    return text.replace("%u", "%{user}")


def _written(file: Path, text: str) -> Path:
    file.touch(mode=0o600)
    file.write_text(text, encoding="utf-8")
    return file
