"""What was seen of one domain, and how what many domains have in common becomes one check."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from reconciler.doctor.check import UNSEEN, Check, Verdict
from reconciler.errors import Unreadable

AREA = "dns"
DOMAIN = "DOMAIN"
"""In a text about a domain: its name, or this word where several domains share the text."""
SHOWN = 10
"""Domains that are named where there are more."""


class Seen(NamedTuple):
    """A check of one domain, as in `Check`; `DOMAIN` stands for its name."""

    verdict: Verdict
    saw: str
    why: str = ""
    fix: tuple[str, ...] = ()


def not_seen(error: Unreadable, domain: str) -> Seen:
    """A lookup that failed."""
    return Seen(Verdict.UNKNOWN, error.message.replace(domain, DOMAIN), UNSEEN, (error.hint,))


def grouped(topic: str, found: Mapping[str, Seen]) -> Iterator[Check]:
    """`SPF of a.example`, or `SPF of a.example and 11 other domains` for those of which the same is to be said: a
    thousand domains that lack the same record are one line."""
    domains: dict[Seen, list[str]] = {}
    for domain, seen in sorted(found.items()):
        domains.setdefault(seen, []).append(domain)
    for seen, names in domains.items():
        if len(names) == 1:
            yield _check(f"{topic} of {names[0]}", seen, names[0])
            continue
        others = "1 other domain" if len(names) == 2 else f"{len(names) - 1} other domains"
        more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
        saw = f"{seen.saw}: {', '.join(names[:SHOWN])}{more}"
        yield _check(f"{topic} of {names[0]} and {others}", seen._replace(saw=saw), DOMAIN)


def _check(name: str, seen: Seen, domain: str) -> Check:
    saw, why, *fix = (text.replace(DOMAIN, domain) for text in (seen.saw, seen.why, *seen.fix))
    return Check(AREA, name, seen.verdict, saw, why, tuple(fix))
