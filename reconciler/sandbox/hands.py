"""What somebody does by hand in the demo site, behind the back of git; so that drift can be shown."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import create_engine, select

from reconciler.model.declared import DesiredState
from reconciler.sandbox.site import DATABASE, MAP, OX
from reconciler.systems.postfixadmin.tables import declare


def change_by_hand(folder: Path, state: DesiredState) -> Iterator[str]:
    """Changes four things and says each in a sentence."""
    box = next(box for box in state.mailboxes.values() if box.groupware and box.quota is not None)
    alias = next(iter(state.aliases.values()))
    block = next(iter(state.sender_blocks.values()))
    tables = declare()
    engine = create_engine(f"sqlite:///{folder / DATABASE}")
    with engine.begin() as connection:
        mailbox = tables.mailbox
        connection.execute(mailbox.update().where(mailbox.c.username == box.address).values(quota=512 * 1024000))
        yield f"In PostfixAdmin, somebody sets the quota of {box.address} to 512 MB."
        connection.execute(tables.alias.delete().where(tables.alias.c.address == alias.address))
        yield f"In PostfixAdmin, somebody deletes the alias {alias.address}."
        forward = tables.alias.c.address == box.address
        goto = connection.execute(select(tables.alias.c.goto).where(forward)).scalar_one()
        connection.execute(tables.alias.update().where(forward).values(goto=f"{goto},privat@extern.example"))
        yield f"{box.address} forwards her mail to a private address as well; that is hers, and no drift."
    engine.dispose()
    map_file = folder / MAP
    kept = [line for line in map_file.read_text(encoding="utf-8").splitlines(keepends=True) if block.key not in line]
    map_file.write_text("".join(kept), encoding="utf-8")
    yield f"In the sender map, somebody deletes the block of {block.key}."
    _rename_in_ox(folder, box.username or box.address.partition("@")[0])
    yield f"In OX, somebody changes the display name of {box.address}."


def _rename_in_ox(folder: Path, login: str) -> None:
    password = (folder / "ox-password").read_text(encoding="utf-8").strip()
    subprocess.run(
        [folder / OX / "sbin" / "changeuser", "-c", "1", "-A", "oxadmin", "-u", login, "-d", "Changed By Hand"],
        env=os.environ | {"ADMIN_PASSWORD": password},
        check=True,
        capture_output=True,
    )
