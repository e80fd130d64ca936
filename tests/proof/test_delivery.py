"""Mail to the old address, the new one and the member number, sent to a real Postfix at every boundary of a rename.

The plan is carried out by the engine itself; its journal is a sender of mail: it writes to Anna after every step. This
also holds the model of Postfix true that `test_boundaries` asks at many more moments.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from reconciler.apply.engine import carry_out
from reconciler.apply.journal import Journal
from reconciler.cli.site_session import open_site
from reconciler.planning.changes import Outcome, Stage, Step
from reconciler.planning.run_outcome import Run
from reconciler.sandbox.openxchange import control
from reconciler.sandbox.openxchange.install import install
from reconciler.sandbox.openxchange.web import running
from tests.cli.site import today
from tests.proof.mailhost import MailHost, running_mail_host
from tests.proof.scenarios import ANNA_BEISPIEL, ANNA_MUSTER, BERND, MEMBER, NEW, OLD, people, rename
from tests.proof.world import DOMAIN, MEMBERS, OX_PASSWORD
from tests.services.postfixadmin import PostfixAdminDatabase


@pytest.fixture
def mail_host(mariadb: PostfixAdminDatabase) -> Iterator[MailHost]:
    with running_mail_host(mariadb) as host:
        yield host


class Friend(Journal):
    """Writes to Anna at each boundary, and looks where it arrived. See Journal."""

    def __init__(self, host: MailHost) -> None:
        self._host = host
        self._numbers = count()
        self.stages: list[Stage] = []
        self.arrived: list[set[str]] = []

    async def before(self, steps: Sequence[Step]) -> None:
        """Nothing has happened yet."""

    async def after(self, ended: Sequence[tuple[Step, Outcome]]) -> None:
        """A boundary."""
        self.stages.append(ended[0][0].stage)
        await asyncio.to_thread(self.writes, [OLD, NEW, MEMBER])

    def writes(self, addresses: list[str]) -> None:
        """Each of these mails ends in a mailbox of Anna's."""
        subjects = {address: f"mail {next(self._numbers)}" for address in addresses}
        for address, subject in subjects.items():
            self._host.send(address, subject)
        self.arrived += [self._host.holders(subject, [OLD, NEW]) for subject in subjects.values()]


def build(folder: Path, database: PostfixAdminDatabase, web_url: str) -> Path:
    """A site on MariaDB and the stand-in's real tools; the site file."""
    nowhere = {"host": "127.0.0.1", "port": 1, "security": "none"}
    (folder / "state").mkdir()
    (folder / "members.csv").write_text(MEMBERS, encoding="utf-8")
    (folder / "ox-password").write_text(OX_PASSWORD, encoding="utf-8")
    site = {
        "site": "delivery",
        "state": "state",
        "postfixadmin": {"url": database.url, "password_env": database.password_env},
        "openxchange": {
            "sbin": "ox/sbin",
            "admin_password_file": "ox-password",
            "web_url": web_url,
            "imap": nowhere,
            "smtp": nowhere,
        },
        "register": {"csv": "members.csv"},
        "letters": {"outbox": "outbox", "from": "AG Technik <technik@mail.example>"},
    }
    (folder / "reconciler.yaml").write_text(json.dumps(site), encoding="utf-8")
    return folder / "reconciler.yaml"


async def apply(site: Path, state: dict[str, Any], friend: Friend) -> Run:
    """Declares this and carries it out, with the friend at every boundary."""
    (site.parent / "state" / "state.yaml").write_text(json.dumps({"domain": DOMAIN, **state}), encoding="utf-8")
    async with open_site(site) as opened:
        drafted, stop = await opened.draft(), asyncio.Event()
        return await carry_out(
            drafted.plan,
            opened.systems,
            friend,
            context=drafted.context,
            clock=opened.clock,
            progress=lambda *_: None,
            stop=stop,
            pause=0,
        )


class Nobody(Friend):
    """Writes to nobody."""

    async def after(self, ended: Sequence[tuple[Step, Outcome]]) -> None:
        """Nobody is there."""


@pytest.mark.parametrize("old_mailbox", ["attach", "move"])
async def test_mail_arrives_at_every_boundary_of_a_rename(
    tmp_path: Path, mariadb: PostfixAdminDatabase, mail_host: MailHost, old_mailbox: str
) -> None:
    mariadb.add_domain(DOMAIN)
    install(tmp_path / "ox", admin_password=OX_PASSWORD)
    control.set_switches(tmp_path / "ox", USERNAME_CHANGEABLE=True, trial="off")
    friend = Friend(mail_host)
    with running(tmp_path / "ox") as web_url:
        site = build(tmp_path, mariadb, web_url)
        before = await apply(site, people(anna_muster=ANNA_MUSTER), Nobody(mail_host))
        assert before.complete, before
        friend.writes([OLD, MEMBER])
        entry = rename(date=str(today()), old_mailbox=old_mailbox)
        done = await apply(site, people(anna_beispiel=ANNA_BEISPIEL) | entry, friend)
        assert done.complete, done
    attach = old_mailbox == "attach"
    seen = [Stage.MAIL_FLOW, Stage.GROUPWARE, *([Stage.ATTACH] if attach else []), Stage.LETTER]
    assert friend.stages == seen + ([Stage.WELCOME] if attach else [])
    assert friend.arrived[:2] == [{OLD}, {OLD}]
    # a moved mailbox is the same one under another name, so that what came before is in it too
    assert friend.arrived[2:] == [{NEW}] * 3 * len(friend.stages)
    assert mail_host.holders("mail 0", [OLD, NEW]) == {OLD if attach else NEW}
    mail_host.send(BERND, "for Bernd")
    assert mail_host.holders("for Bernd", [BERND, OLD, NEW]) == {BERND}
