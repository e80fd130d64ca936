"""A whole site in one folder, to play with: PostfixAdmin's tables on SQLite, a text map, the OX stand-in, an outbox.

Made by `reconciler demo` from an example state.
"""

from __future__ import annotations

import json
import secrets
import shutil
from datetime import datetime
from pathlib import Path
from string import Template

from sqlalchemy import create_engine

from reconciler.declared.json_schema import state_schema
from reconciler.model.addresses import Domain
from reconciler.sandbox.demo_folder import DATABASE, MAP, MARK, OUTBOX, OX
from reconciler.sandbox.openxchange import control
from reconciler.sandbox.openxchange.install import install
from reconciler.sandbox.postfixadmin_tables import create_tables
from reconciler.systems.postfixadmin.tables import declare

_SITE = Template("""\
# The site file of the demo. docs/site-file.md has every key, docs/first-site.md what a real site needs.
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


def example_state() -> Path:
    """The one inside an installed package (setup.py), else the one at the top of the checkout."""
    packed = Path(__file__).parent / "example_state"
    return packed if packed.is_dir() else Path(__file__).parents[2] / "state"


def build(folder: Path, state: Path) -> Path:
    """Makes the site in the empty `folder` from the example in `state`; returns the site file."""
    (folder / MARK).write_text("a demo is being built here\n", encoding="ascii")
    shutil.copytree(state, folder / "state", ignore=shutil.ignore_patterns("reconciler.yaml", ".*"))
    password = secrets.token_urlsafe(12)
    secret_file = folder / "ox-password"
    secret_file.touch(mode=0o600)
    secret_file.write_text(password + "\n", encoding="utf-8")
    sbin = install(folder / OX, admin_password=password)
    control.set_switches(folder / OX, USERNAME_CHANGEABLE=True)  # without it OX renames nobody, and the demo does
    (folder / MAP).write_text(_HAND_MADE, encoding="utf-8")
    (folder / OUTBOX).mkdir()
    schemas = folder / "schemas"  # where the first line of each state file says
    schemas.mkdir()
    (schemas / "state.schema.json").write_text(json.dumps(state_schema(), indent=2) + "\n", encoding="utf-8")
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
