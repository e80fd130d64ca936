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

IpAddress: TypeAlias = IPv4Address | IPv6Address


class Role(StrEnum):
    """Which of a site's two sets of credentials are in force (docs/doctor.md, "Planner and applier")."""

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
    role: Role | None = None
    """None: whichever of both the credentials fit."""
    moving_to: Sequence[IpAddress] = ()
    """The addresses from which the site is going to send its mail."""
