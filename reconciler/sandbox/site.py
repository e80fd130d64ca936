"""A whole site in one folder, to play with: PostfixAdmin's tables on SQLite, a text map, the OX stand-in, an outbox.

Made by `reconciler demo` from an example state. The folder belongs to the demo and is made anew each time.
"""

from __future__ import annotations

import secrets
import shutil
from datetime import datetime
from pathlib import Path
from string import Template

from sqlalchemy import create_engine

from reconciler.errors import UsageError
from reconciler.model.addresses import Domain
from reconciler.systems.openxchange.standin import control
from reconciler.systems.openxchange.standin.install import install
from reconciler.systems.postfixadmin.tables import create_tables, declare

MARK = ".reconciler-demo"
DATABASE = "postfixadmin.sqlite"
MAP = "sender_access"
OX = "openxchange"

_SITE = Template("""\
# The site file of the demo. A real one is in the README, “Point it at a real site”.
site: demo
state: state

postfixadmin:
  url: sqlite:///$database

openxchange:                     # the stand-in: small programs that behave like OX' own tools
  sbin: $sbin
  admin_password_file: ox-password

postfix:
  sender_access: texthash:$map
  privilege: direct
  config_directory: $nowhere  # no Postfix runs here that would have to be told

register:
  csv: state/members.csv

letters:
  outbox: outbox                 # letters end here instead of being sent
  from: "AG Technik <technik@mail.example>"
""")

_HAND_MADE = """\
# blocks from before, made by hand
muster@muster.example REJECT
@spam.example REJECT
"""


def build(folder: Path, state: Path) -> Path:
    """Makes the site in `folder` from the example in `state`; returns the site file. Raises UsageError."""
    _clear(folder)
    shutil.copytree(state, folder / "state", ignore=shutil.ignore_patterns("reconciler.yaml", ".*"))
    password = secrets.token_urlsafe(12)
    (folder / "ox-password").write_text(password + "\n", encoding="utf-8")
    sbin = install(folder / OX, admin_password=password)
    control.set_switches(folder / OX, USERNAME_CHANGEABLE=True)  # without it OX renames nobody, and the demo does
    (folder / MAP).write_text(_HAND_MADE, encoding="utf-8")
    (folder / "outbox").mkdir()
    site = folder / "reconciler.yaml"
    here = folder.resolve()
    filled = _SITE.substitute(database=DATABASE, sbin=sbin, map=here / MAP, nowhere=here / "no-postfix")
    site.write_text(filled, encoding="utf-8")
    return site


def fill_database(folder: Path, domains: frozenset[Domain]) -> None:
    """PostfixAdmin's tables as they are on a site that is in use: the domains, and somebody from before."""
    engine = create_engine(f"sqlite:///{folder / DATABASE}")
    create_tables(engine)
    tables = declare()
    now = datetime.now().replace(microsecond=0)
    first = min(domains)
    old = f"altbestand@{first}"
    with engine.begin() as connection:
        connection.execute(
            tables.domain.insert(),
            [
                {"domain": d, "description": d, "transport": "virtual", "active": 1, "created": now}
                for d in sorted(domains)
            ],
        )
        alias = {"address": old, "goto": old, "domain": first, "active": 1, "created": now}
        connection.execute(tables.alias.insert(), [alias])
        mailbox = {
            "username": old,
            "password": "!",
            "name": "Altbestand",
            "maildir": f"{first}/altbestand/",
            "local_part": "altbestand",
            "domain": first,
            "active": 1,
            "created": now,
        }
        connection.execute(tables.mailbox.insert(), [mailbox])
    engine.dispose()


def _clear(folder: Path) -> None:
    """An empty folder with the demo's mark. A folder that is not the demo's is never touched."""
    hint = "name a new folder: reconciler demo FOLDER"
    try:
        if folder.exists() and any(folder.iterdir()) and not (folder / MARK).exists():
            raise UsageError(f"{folder} is not empty and not a demo site", hint=hint)
        if folder.exists():
            shutil.rmtree(folder)
        folder.mkdir(parents=True)
    except OSError as error:
        raise UsageError(f"{folder} cannot be made anew: {error.strerror}", hint=hint) from None
    (folder / MARK).write_text("made by `reconciler demo`; made anew by it\n", encoding="utf-8")
