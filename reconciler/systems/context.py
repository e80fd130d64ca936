"""What a system is built from."""

from __future__ import annotations

from dataclasses import dataclass

from reconciler.model.secrets import Passwords
from reconciler.remote.host import Hosts
from reconciler.remote.mail import Mailer
from reconciler.settings import Settings


@dataclass(frozen=True, slots=True)
class Context:
    """One site, for one run: its settings, the lines to its hosts, its mail server, the passwords of this run."""

    settings: Settings
    hosts: Hosts
    mailer: Mailer
    passwords: Passwords
