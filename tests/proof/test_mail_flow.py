"""The product's model of where mail goes, held against a real Postfix on PostfixAdmin's SQL maps, over random tables.

Every address gets a mail; Postfix' log says which addresses it became (the transports discard everything), and
`postmap -q` which of those are mailboxes. A message that Postfix puts off for a loop is answered 451.
"""

from __future__ import annotations

import re
import smtplib
import subprocess
import time
from collections.abc import Iterable, Mapping
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, text

from reconciler.model.records import AliasDomainRow, AliasRow, DomainRow, MailboxRow, Records
from reconciler.planning.mail_resolution import Delivery, MailTables
from tests.proof.mailhost import MailHost, running_mail_host
from tests.proof.world import LONG
from tests.services.needs import require
from tests.services.postfixadmin import PostfixAdminDatabase

D, LINKED, OFF = "mail.example", "zwei.example", "aus.example"
NAMES = [f"{name}@{D}" for name in "abcdef"]
MORE = [f"a@{LINKED}", f"x@{LINKED}", f"*@{D}", f"*@{LINKED}", f"o@{OFF}", f"a+box@{D}"]
TARGETS = [*NAMES, f"a@{LINKED}", f"a+box@{D}", f"nobody@{D}", f"o@{OFF}", "out@extern.example"]
TOKEN = f"a#{D}@autoreply.example"
ASKED = [*NAMES, f"a@{LINKED}", f"x@{LINKED}", f"nobody@{D}", f"a+box@{D}", f"b+z@{LINKED}"]

lists = st.lists(st.sampled_from([*TARGETS, TOKEN]), max_size=4, unique=True)
rows = st.dictionaries(
    st.sampled_from([*NAMES, *MORE]),
    st.tuples(st.just([f"@{LINKED}"]) | lists | lists, st.sampled_from([True, True, False])),
    max_size=9,
)
mailboxes = st.dictionaries(st.sampled_from([*NAMES, f"x@{LINKED}"]), st.sampled_from([True, True, False]))


class Oracle:
    """What the running Postfix does with these tables."""

    def __init__(self, host: MailHost, engine: Engine) -> None:
        self._host = host
        self._engine = engine

    def fill(self, aliases: Mapping[str, tuple[Iterable[str], bool]], boxes: Mapping[str, bool]) -> None:
        with self._engine.begin() as connection:
            for table in ("alias", "mailbox", "alias_domain"):
                connection.execute(text(f"DELETE FROM {table}"))
            for address, (goto, active) in aliases.items():
                row = {"a": address.removeprefix("*"), "g": ",".join(goto), "d": D, "n": int(active)}
                connection.execute(
                    text("INSERT INTO alias (address, goto, domain, active) VALUES (:a, :g, :d, :n)"), row
                )
            for address, active in boxes.items():
                connection.execute(
                    text(
                        "INSERT INTO mailbox (username, password, name, maildir, local_part, domain, active)"
                        " VALUES (:a, 'x', '', :a, '', :d, :n)"
                    ),
                    {"a": address, "d": D, "n": int(active)},
                )
            link = text("INSERT INTO alias_domain (alias_domain, target_domain, active) VALUES (:a, :t, 1)")
            connection.execute(link, {"a": LINKED, "t": D})

    def deliver(self, addresses: Iterable[str]) -> dict[str, set[str] | None]:
        """The addresses that each of these becomes; None for what Postfix puts off."""
        queued: dict[str, str] = {}
        found: dict[str, set[str] | None] = {}
        with smtplib.SMTP("127.0.0.1", self._host.smtp, local_hostname="client.test", timeout=30) as session:
            for address in addresses:
                session.mail("friend@extern.example")
                code, answer = session.rcpt(address)
                assert code == 250, (address, answer)
                code, answer = session.data(b"Subject: x\n\nx\n")
                if code == 250:
                    queued[address] = answer.decode().rpartition(" ")[2]
                else:
                    assert code == 451, answer
                    found[address] = None
        log = self._log_until_removed(queued.values())
        for address, queue_id in queued.items():
            found[address] = {m.lower() for m in re.findall(rf"{queue_id}: to=<([^>]*)>", log)}
        return found

    def mailbox(self, address: str) -> str:
        """The mailbox that virtual(8) finds for an address, first with and then without its extension; else nothing.
        The maildir says which: here it is the key."""
        (program,) = require("postfix", "postmap")
        etc = self._host.folder / "etc"
        for name in dict.fromkeys((address, re.sub(r"\+[^@]*", "", address))):
            for number in range(2):
                command = [program, "-c", str(etc), "-q", name, f"mysql:{etc}/virtual_mailbox_maps-{number}.cf"]
                done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
                if done.stdout:
                    return done.stdout.strip()
        return ""

    def _log_until_removed(self, queue_ids: Iterable[str]) -> str:
        until = time.monotonic() + 60
        while True:
            log = (self._host.folder / "mail.log").read_text(encoding="utf-8", errors="replace")
            if all(f"{queue_id}: removed" in log for queue_id in queue_ids):
                return log
            assert time.monotonic() < until, log[-2000:]
            time.sleep(0.02)


def records(aliases: Mapping[str, tuple[Iterable[str], bool]], boxes: Mapping[str, bool]) -> Records:
    domains = {name: DomainRow(name, name != OFF) for name in (D, LINKED, OFF)}
    return {
        "alias": {key: AliasRow(key, "", tuple(goto), bool(active)) for key, (goto, active) in aliases.items()},
        "mailbox": {key: MailboxRow(key, "", "", 0, active) for key, active in boxes.items()},
        "domain": dict(domains),
        "alias_domain": {LINKED: AliasDomainRow(LINKED, D, True)},
    }


def compared(delivery: Delivery, found: set[str] | None, oracle: Oracle) -> None:
    """Postfix names the last address before the mailbox, the model names the mailbox."""
    assert bool(delivery.loops) == (found is None), (delivery, found)
    if found is None:
        return
    theirs = {end for end in found if end.partition("@")[2] != OFF and oracle.mailbox(end)}
    assert delivery.external | delivery.answers | delivery.bounces == found - theirs
    assert delivery.mailboxes == {oracle.mailbox(end) for end in theirs}


def test_the_model_is_postfix(mariadb: PostfixAdminDatabase) -> None:
    for domain in (D, LINKED, OFF):
        mariadb.add_domain(domain)
    engine = mariadb.engine()
    with engine.begin() as connection:
        connection.execute(text("UPDATE domain SET active = 0 WHERE domain = :d"), {"d": OFF})
    quiet: dict[str, Any] = {
        "recipient_delimiter": "+",
        "virtual_transport": "discard:",
        "smtpd_reject_unlisted_recipient": "no",
        "virtual_alias_recursion_limit": "1000",
    }
    with running_mail_host(mariadb, **quiet) as host:
        oracle = Oracle(host, engine)

        @settings(
            max_examples=100 if LONG else 6, deadline=None, suppress_health_check=list(HealthCheck), database=None
        )
        @given(rows, mailboxes)
        def holds(aliases: dict[str, tuple[list[str], bool]], boxes: dict[str, bool]) -> None:
            oracle.fill(aliases, boxes)
            tables = MailTables(records(aliases, boxes), delimiter="+")
            real = oracle.deliver(ASKED)
            for address in ASKED:
                compared(tables.deliver(address), real[address], oracle)

        holds()
    engine.dispose()
