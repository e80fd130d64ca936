"""What an area of checks is handed: one site, for one examination."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address
from typing import TypeAlias

from reconciler.remote.hosts import SiteHosts
from reconciler.remote.mailer import Mailer
from reconciler.settings import Settings

Address: TypeAlias = IPv4Address | IPv6Address


class Account(StrEnum):
    """Which of the two credentials a site file is meant to name (docs/doctor.md, "Planner and applier")."""

    PLANNER = "planner"
    """Reads for `plan` and `drift`, and can do nothing else."""
    APPLIER = "applier"
    """Carries out: `apply` and `resume`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DoctorContext:
    """Settings, the connections to the site's hosts, its mail server, and what the command line asks beside."""

    settings: Settings
    hosts: SiteHosts
    mailer: Mailer
    account: Account | None = None
    """None: whichever of both the credentials fit."""
    moving_to: Sequence[Address] = ()
    """The addresses from which the site is going to send its mail."""
