"""What somebody does in the demo site: by hand, behind the back of git; in git; and to a command that is at work."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from sqlalchemy import create_engine, select

from reconciler.model.addresses import Address
from reconciler.model.declared import DesiredState
from reconciler.sandbox.demo_folder import DATABASE, MAP, OX
from reconciler.sandbox.openxchange import control
from reconciler.systems.postfixadmin.tables import declare

_SLOW = 1.0
"""Seconds that OX' list takes while a command is to be killed: the time between two systems."""


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
        yield f"{box.address} forwards their mail to a private address as well; that is their choice, and no drift."
    engine.dispose()
    map_file = folder / MAP
    kept = [line for line in map_file.read_text(encoding="utf-8").splitlines(keepends=True) if block.key not in line]
    map_file.write_text("".join(kept), encoding="utf-8")
    yield f"In the sender map, somebody deletes the block of {block.key}."
    _rename_in_ox(folder, box.username or box.address.partition("@")[0])
    yield f"In OX, somebody changes the display name of {box.address}."


def declare_rename(folder: Path, state: DesiredState) -> tuple[Address, Address]:
    """Somebody gets a new surname, in the register, in their entry, and with a rename. Returns both addresses."""
    targets = {target for alias in state.aliases.values() for target in alias.goto}
    box = next(
        box
        for box in reversed(list(state.mailboxes.values()))
        if box.groupware and box.member and box.surname and box.username is None and box.address not in targets
    )
    assert box.surname is not None
    assert box.member is not None
    old, _, domain = box.address.partition("@")
    new = f"{old.partition('.')[0]}.neuland"
    file = folder / "state" / box.origin.file
    before, key, entry = file.read_text(encoding="utf-8").partition(f"  {box.origin.key}:")
    fresh = key.replace(old, new) + entry.replace(f"surname: {box.surname}", "surname: Neuland", 1)
    file.write_text(before + fresh, encoding="utf-8")
    register = folder / "state" / "members.csv"
    lines = register.read_text(encoding="utf-8").splitlines(keepends=True)
    rows = [line.replace(box.surname, "Neuland") if line.startswith(box.member) else line for line in lines]
    register.write_text("".join(rows), encoding="utf-8")
    rename = {
        "from": box.address,
        "to": f"{new}@{domain}",
        "date": str(state.today),
        "former_surname": box.surname,
        "old_mailbox": "move",
    }
    # JSON is YAML
    (folder / "state" / "renames.yaml").write_text(f"renames:\n  - {json.dumps(rename)}\n", encoding="utf-8")
    return box.address, Address(f"{new}@{domain}")


def kill_when_renamed(folder: Path, command: Sequence[str], new: Address) -> None:
    """Starts the command and kills it (kill -9) as soon as the mailbox has its new address, before OX knows of it."""
    control.set_switches(folder / OX, faults=[{"kind": "slow", "tool": "listuser", "seconds": _SLOW}])
    tables, engine = declare(), create_engine(f"sqlite:///{folder / DATABASE}")
    moved = select(tables.mailbox.c.username).where(tables.mailbox.c.username == new)
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while process.poll() is None:
        with engine.connect() as connection:
            if connection.execute(moved).first() is not None:
                process.kill()
        time.sleep(0.02)
    engine.dispose()
    control.set_switches(folder / OX, faults=[])


def _rename_in_ox(folder: Path, login: str) -> None:
    password = (folder / "ox-password").read_text(encoding="utf-8").strip()
    subprocess.run(
        [folder / OX / "sbin" / "changeuser", "-c", "1", "-A", "oxadmin", "-u", login, "-d", "Changed By Hand"],
        env=os.environ | {"ADMIN_PASSWORD": password},
        check=True,
        capture_output=True,
    )
