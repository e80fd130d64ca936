"""Sites as years of work by hand leave them: random, from a seed."""

from __future__ import annotations

import random
from collections.abc import Callable

from tests.cli.site import DOMAIN, StandInSite

OTHER = "mail-sued.example"
_NAMES = (
    "Anna Beispiel",
    "Bernd Muster",
    "Clara Probe",
    "Dörte Vorlage",
    "Emil Neuland",
    "Frieda O'Muster",
    "Änne Null",
)
_LOCALS = (
    "anna",
    "bernd.muster",
    "clara",
    "doerte",
    "emil",
    "frieda",
    "info",
    "vorstand",
    "null",
    "1e3",
    "x_y",
    "true",
)


def make_dirty(site: StandInSite, seed: int) -> None:
    """Adds mailboxes, aliases, users and map lines, most of them with a fault."""
    rng = random.Random(seed)
    site.add_domain(OTHER)
    for local in rng.sample(_LOCALS, rng.randint(3, 9)):
        _mailbox(site, rng, f"{local}@{rng.choice((DOMAIN, DOMAIN, OTHER))}")
    boxes = [row["username"] for row in site.sql("SELECT username FROM mailbox")]
    for fault in rng.sample(_FAULTS, rng.randint(2, len(_FAULTS))):
        fault(site, rng, boxes)
    lines = ["# eine Welle\nspam@wave.example REJECT", "Trash.example reject no thanks", "@never.example REJECT"]
    lines += ["ok@fine.example OK", "quiet@drop.example DISCARD", "bad@twice.example 550 go away", "1.2.3.4 REJECT"]
    chosen = rng.sample(lines, rng.randint(0, len(lines)))
    site.map.write_text("".join(f"{line}\n" for line in chosen), encoding="utf-8")


def _mailbox(site: StandInSite, rng: random.Random, address: str) -> None:
    name = rng.choice(("", *_NAMES))
    quota = rng.choice((0, 512 * 1024000, 10240 * 1024000, 10240 * 1024000 + 17, -1))
    goto = rng.choice(("", "", f"{address},{address}", f"freund@gmx.example, {address}", "nur@weg.example"))
    site.add_mailbox(address, goto, name=name, quota=quota, active=rng.choice((1, 1, 1, 0)))
    if rng.random() < 0.5:
        number = f"{rng.randint(10000, 10006)}@{address.partition('@')[2]}"
        if site.goto(number) is None:
            site.add_alias(number, address)
    if rng.random() < 0.6:
        given_surname = name if " " in name else rng.choice(_NAMES)
        login = address.partition("@")[0] + rng.choice(("", "", ".x"))
        site.add_ox_user(login, address, f"{given_surname} {rng.randint(1, 99)}")


def _any(rng: random.Random, boxes: list[str]) -> str:
    return rng.choice(boxes)


def _capitals(site: StandInSite, rng: random.Random, boxes: list[str]) -> None:
    site.add_alias(f"Gross.Klein@{DOMAIN}", _any(rng, boxes).upper())


def _spaces(site: StandInSite, rng: random.Random, boxes: list[str]) -> None:
    site.add_alias(f"liste@{DOMAIN}", f" {_any(rng, boxes)} ,, {_any(rng, boxes)},klaus@extern.example")


def _no_own_alias(site: StandInSite, rng: random.Random, boxes: list[str]) -> None:
    site.sql("DELETE FROM alias WHERE address = ?", _any(rng, boxes))


def _own_alias_off(site: StandInSite, rng: random.Random, boxes: list[str]) -> None:
    site.sql("UPDATE alias SET active = 0 WHERE address = ?", _any(rng, boxes))


def _catch_all(site: StandInSite, rng: random.Random, boxes: list[str]) -> None:
    site.add_alias(f"@{OTHER}", _any(rng, boxes))


def _alias_domain(site: StandInSite, rng: random.Random, boxes: list[str]) -> None:  # as the others
    site.add_domain("alias.example")
    site.sql("INSERT INTO alias_domain (alias_domain, target_domain, active) VALUES ('alias.example', ?, 1)", DOMAIN)


def _vacation(site: StandInSite, rng: random.Random, boxes: list[str]) -> None:
    address = _any(rng, boxes)
    token = address.replace("@", "#") + "@autoreply.example"
    site.sql("UPDATE alias SET goto = ? WHERE address = ?", f"{address},{token}", address)


def _orphan_alias(site: StandInSite, rng: random.Random, boxes: list[str]) -> None:  # as the others
    site.add_alias("waise@nirgends.example", "a@b.example")
    site.add_alias(f"leftover@{DOMAIN}", f"leftover@{DOMAIN}")
    site.add_alias(f"leer@{DOMAIN}", "")


def _orphan_user(site: StandInSite, rng: random.Random, boxes: list[str]) -> None:  # as the others
    site.add_ox_user("waise", f"waise@{DOMAIN}", "Wanda Waise")


def _zero_dates(site: StandInSite, rng: random.Random, boxes: list[str]) -> None:
    site.sql("UPDATE mailbox SET created = '0000-00-00 00:00:00' WHERE username = ?", _any(rng, boxes))


def _latin1(site: StandInSite, rng: random.Random, boxes: list[str]) -> None:
    site.sql("UPDATE mailbox SET name = ? WHERE username = ?", "DÃ¶rte  Vorlage\u00a0", _any(rng, boxes))


def _twice(site: StandInSite, rng: random.Random, boxes: list[str]) -> None:  # as the others
    site.add_alias(f"doppelt@{DOMAIN}", "a@b.example")
    site.add_alias(f"Doppelt@{DOMAIN}", "c@d.example")


def _odd_names(site: StandInSite, rng: random.Random, boxes: list[str]) -> None:
    name = rng.choice(("'quoted'", "„Chef“", "yes", "- x", "a: b # c", "tab\there", "smile 😀", "null", "ehem. X"))
    site.sql("UPDATE mailbox SET name = ? WHERE username = ?", name, _any(rng, boxes))


def _off_alias(site: StandInSite, rng: random.Random, boxes: list[str]) -> None:
    site.add_alias(f"alt.vorstand@{DOMAIN}", _any(rng, boxes))
    site.sql("UPDATE alias SET active = 0 WHERE address = ?", f"alt.vorstand@{DOMAIN}")


def _not_an_address(site: StandInSite, rng: random.Random, boxes: list[str]) -> None:  # as the others
    site.add_alias(f"kaputt@{DOMAIN}", "root,|/bin/false")
    site.add_alias(f"a b@{DOMAIN}", "a@b.example")


def _loop(site: StandInSite, rng: random.Random, boxes: list[str]) -> None:  # as the others
    site.add_alias(f"kreis1@{DOMAIN}", f"kreis2@{DOMAIN}")
    site.add_alias(f"kreis2@{DOMAIN}", f"kreis1@{DOMAIN}")


def _by_hand(site: StandInSite, rng: random.Random, boxes: list[str]) -> None:
    old, new = f"pirat.alt@{OTHER}", f"pirat.neu@{OTHER}"
    site.add_mailbox(old, new, name=f"Pirat Neu ehem. {rng.choice(('Alt', old))}")
    site.add_mailbox(new, name="Pirat Neu")
    if rng.random() < 0.7:
        site.add_ox_user("pirat.neu", new, "Pirat Neu")


_FAULTS: list[Callable[[StandInSite, random.Random, list[str]], None]] = [
    _capitals, _spaces, _no_own_alias, _own_alias_off, _catch_all, _alias_domain, _vacation, _orphan_alias,
    _orphan_user, _zero_dates, _latin1, _twice, _odd_names, _off_alias, _not_an_address, _loop, _by_hand,
]  # fmt: skip
