"""Groupware accounts among each other: what OX refuses by its own rules (facts/open-xchange.md 4)."""

from __future__ import annotations

import re

from reconciler.declared.problems import Problems, Spot
from reconciler.declared.section import Merged
from reconciler.model.addresses import local_part
from reconciler.model.declared import Mailbox
from reconciler.settings import OpenXchange

_LOGIN = re.compile(r"[$@%.+a-zA-Z0-9_-]+")  # CHECK_USER_UID_REGEXP as shipped


def check_groupware(merged: Merged, problems: Problems) -> None:
    """Logins are allowed and differ; display names differ where the server wants that."""
    openxchange = merged.site.openxchange
    if openxchange is None:
        return
    accounts = [mailbox for mailbox in merged.state.mailboxes.values() if mailbox.groupware]
    _check_logins(accounts, openxchange, problems)
    if openxchange.unique_display_names:
        _check_names(accounts, problems)


def _check_logins(accounts: list[Mailbox], openxchange: OpenXchange, problems: Problems) -> None:
    logins: dict[str, Mailbox] = {}
    admin = openxchange.admin.lower()
    for mailbox in accounts:
        login = mailbox.username or (
            mailbox.address if openxchange.username == "address" else local_part(mailbox.address)
        )
        lowered = login.lower()
        if not _LOGIN.fullmatch(login):
            message = f"OX refuses the login {login!r} of {mailbox.address}: letters, digits and $@%.+_- are allowed"
            _say(mailbox, message, problems)
        elif lowered == admin:
            _say(mailbox, f"{mailbox.address} would have the login of the OX administrator, {login}", problems)
        # OX compares exactly, but a server may turn logins into lower case first
        first = logins.setdefault(lowered, mailbox)
        if first is not mailbox:
            message = f"{first.address} and {mailbox.address} want the same OX login, {login}"
            _say(mailbox, message, problems, other=first)


def _say(mailbox: Mailbox, message: str, problems: Problems, other: Mailbox | None = None) -> None:
    """The hint shows a login that is probably free: local part and first label of the domain."""
    local, _, domain = mailbox.address.rpartition("@")
    login = re.sub(r"[^a-z0-9._+-]", "", f"{local}.{domain.partition('.')[0]}")
    hint = f"write `groupware: {{username: {login}}}`" + (" in one of them" if other else "")
    spot = Spot(mailbox.origin, ("groupware", "username"), on_key=mailbox.username is None)
    problems.error("login", mailbox.address, message, hint, spot, other=other.origin if other else None)


def _check_names(accounts: list[Mailbox], problems: Problems) -> None:
    names: dict[str, Mailbox] = {}
    for mailbox in accounts:
        if mailbox.name is None:
            continue
        # whether the server tells capitals apart is its collation's business: do not count on it
        first = names.setdefault(mailbox.name.casefold(), mailbox)
        if first is not mailbox:
            message = (
                f"{first.address} and {mailbox.address} have the same display name, {mailbox.name}: OX refuses that"
            )
            hint = "write a different `name` in one, or `unique_display_names: false` where the server allows it"
            spot = Spot(mailbox.origin, ("name",))
            problems.error("display-name", mailbox.address, message, hint, spot, other=first.origin)
