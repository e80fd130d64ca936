"""Whether each service that takes mail asks the sender map, and before it lets anybody pass."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.doctor.check import Check, Verdict
from reconciler.doctor.main_cf import MainCf, Service
from reconciler.doctor.postfix.restrictions import Place, is_for_own_users, places

AREA = "postfix"
_PUBLIC = ("smtp", "25", "smtpd")
"""The services that other servers talk to; `smtpd` is the one behind postscreen."""


def check_use(main_cf: MainCf, table: str) -> Iterator[Check]:
    """A check for each smtpd of master.cf."""
    services = [each for each in main_cf.services if each.command == "smtpd" and each.kind in ("inet", "pass")]
    if not services:
        saw = "master.cf has no smtpd, so no mail comes in here and the map is not asked"
        yield Check(AREA, "use of the map", Verdict.WARNING, saw, "declared blocks have no effect", _add(table, None))
    for service in services:
        yield _check(main_cf, service, table)


def _check(main_cf: MainCf, service: Service, table: str) -> Check:
    name = f"use of the map by {service.title}"
    found = places(main_cf, service, table)
    if not found:
        return _unused(main_cf, service, table, name)
    best = min(found, key=lambda place: (bool(place.unreachable), len(place.before)))
    if best.unreachable:
        saw = f"{best.setting} ends in `{best.unreachable}` before it asks the map"
        return Check(AREA, name, Verdict.FAILED, saw, "declared blocks have no effect", _move(table, best))
    if best.before:
        saw = f"{best.setting} asks the map after {', '.join(dict.fromkeys(best.before))}"
        why = "mail that is let pass before is not looked up: a blocked sender gets through from there"
        return Check(AREA, name, Verdict.WARNING, saw, why, _move(table, best))
    return Check(AREA, name, Verdict.OK, f"{best.setting} asks it before anything lets mail pass")


def _unused(main_cf: MainCf, service: Service, table: str, name: str) -> Check:
    if is_for_own_users(main_cf, service):
        return Check(AREA, name, Verdict.OK, "it does not, and takes mail only from those who log in")
    public = service.name.rpartition(":")[2] in _PUBLIC
    verdict = Verdict.FAILED if public else Verdict.WARNING
    saw = "none of its restriction lists asks the map"
    return Check(AREA, name, verdict, saw, "declared blocks have no effect there", _add(table, service))


def _add(table: str, service: Service | None) -> tuple[str, ...]:
    own = service is not None and any(key.startswith("smtpd_") for key in service.settings)
    where = f"the `-o` lines of {service.title} in master.cf" if service and own else "main.cf"
    return (
        f"put this into smtpd_recipient_restrictions, before each permit, in {where}:",
        f"check_sender_access {table}",
    )


def _move(table: str, place: Place) -> tuple[str, ...]:
    return (f"put this first in {place.setting}, unless the exception is meant:", f"check_sender_access {table}")
