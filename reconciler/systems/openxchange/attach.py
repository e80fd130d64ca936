"""Attaching the old mailbox as an external mail account in OX, as the person's own user (facts/open-xchange.md 6, 11).

Log in, list, create if absent, try, log out. The list decides, not an answer: one version of OX creates the account
although its trial login failed, another does not.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple

from pydantic import SecretStr

from reconciler.errors import EffectFailed, Halted
from reconciler.model.records import AttachmentRow
from reconciler.model.secrets import Passwords
from reconciler.planning.changes import Outcome, Result, Step
from reconciler.remote.concurrency import to_its_end
from reconciler.settings import MailServer, OpenXchange
from reconciler.systems.openxchange import web_client
from reconciler.systems.openxchange.listuser_csv import Listed, canonical
from reconciler.systems.openxchange.provisioning import Provisioning
from reconciler.systems.openxchange.tool_answers import PLAN
from reconciler.systems.openxchange.web_client import BY_HAND, Answer, Web, WebError, error_text

_COLUMNS = ("1001", "1002", "1007", "1015")
"""Id, login, primary address, mail server."""


class Target(NamedTuple):
    """OX' web interface, and the mail servers as OX reaches them."""

    url: str
    imap: MailServer
    smtp: MailServer


class WebUser(NamedTuple):
    """The user whose old mailbox it is."""

    id: str
    login: str
    password: SecretStr


class ExternalAccount(NamedTuple):
    """A mail account as the list shows it."""

    id: int
    login: str
    address: str
    server: str


def target_of(section: OpenXchange) -> Target | None:
    """None when the site file does not name all of them: then somebody attaches it by hand."""
    if section.web_url is None or section.imap is None or section.smtp is None:
        return None
    return Target(section.web_url, section.imap, section.smtp)


async def perform(
    ox: Provisioning, target: Target | None, passwords: Passwords, batch: Sequence[Step]
) -> list[Outcome]:
    """One outcome for each step, in order. Raises Unreadable when the users cannot be listed."""
    if target is None:
        missing = "the site file no longer says where the web interface and the mail servers of OX are"
        return [Outcome(Result.FAILED, missing, f"write openxchange.web_url, imap and smtp; or {BY_HAND}")] * len(batch)
    wanted = {step.change.owner.subject for step in batch}
    people = await ox.read(partial(_people, ox.admin, wanted), recent=True)  # the list that read the users back
    outcomes = []
    for step in batch:  # one after the other: each is a login with its own trial, and there are few
        row = step.change.row
        assert isinstance(row, AttachmentRow)
        found = people.get(row.account)
        if found is None:
            message = f"no OX user has the primary address {row.account}: its old mailbox cannot be attached"
            outcomes.append(Outcome.lost_race(message, PLAN))
            continue
        user = WebUser(*found, passwords.of(row.account))
        try:
            async with ox.fence.effect(step.change.owner):
                outcomes.append(await to_its_end(attach, Web(target.url), target, user, row))
        except Halted as error:
            outcomes.append(Outcome.of(error))
    return outcomes


def attach(web: Web, target: Target, user: WebUser, row: AttachmentRow) -> Outcome:
    try:
        with web.signed_in(user.login, user.password):
            return _Visit(web, target, user, row).outcome()
    except WebError as error:
        return _failed(error, target, user, row)
    except EffectFailed as error:
        return Outcome.of(error)


class _Visit:
    """One login of that user."""

    def __init__(self, web: Web, target: Target, user: WebUser, row: AttachmentRow) -> None:
        self._web = web
        self._address = row.key
        self._server = target.imap.host.lower()
        self._connection = {
            "login": row.key,
            "password": user.password.get_secret_value(),
            "transport_auth": "mail",
            **_server("mail", "imap", target.imap),
            **_server("transport", "smtp", target.smtp),
        }
        self._account = {"name": row.name, "primary_address": row.key, **self._connection}

    def outcome(self) -> Outcome:
        """The account is there once, with the new password, and OX has tried it."""
        there, refusal, made = self._find(), None, False
        if there is None:
            refusal = self._create()
            there, made = self._find(), refusal is None
        if there is None:
            raise refusal or WebError("", "it reported success, but the account is not in the list")
        if not made:
            # what was there before has the old password; what a refused creation left may have any
            self._web.put("account", "update", {"id": there.id, **self._connection})
        return self._tried()

    def _find(self) -> ExternalAccount | None:
        """By address, login and server; an account that differs in one of them is still in the way of a new one."""
        answer = self._web.get("account", "all", columns=",".join(_COLUMNS))
        accounts = [_account(row) for row in answer.get("data") or () if isinstance(row, list)]
        best = max((account for account in accounts if account.id != 0), key=self._likeness, default=None)
        return best if best is not None and self._likeness(best) >= _LIKE else None

    def _likeness(self, account: ExternalAccount) -> int:
        same_login, same_server = account.login == self._address, account.server == self._server
        return 3 * (account.address == self._address) + (same_login and same_server) * _LIKE + same_login

    def _create(self) -> WebError | None:
        """None when OX reports success, with or without warnings; its refusal when only the list can decide."""
        try:
            self._web.put("account", "new", self._account)
        except WebError as error:
            if error.code not in web_client.DUPLICATES | web_client.REFUSED_TRIALS:
                raise
            return error
        return None

    def _tried(self) -> Outcome:
        """OX logs in to the mail server with the account's values."""
        answer = self._web.put("account", "validate", self._account)
        if answer.get("data") is True:
            return Outcome(Result.DONE)
        warnings = _warnings(answer)
        if warnings and all(warning.get("code") in _SENDING for warning in warnings):
            # old mail is read there; new mail is sent from the new address
            return Outcome(Result.DONE, f"attached; sending through it was not possible: {error_text(warnings[0])}")
        raise WebError("ACC-0020", error_text(warnings[0]) if warnings else "OX gives no reason")


_LIKE = 2
_SENDING = frozenset({"ACC-0021"})


def _server(prefix: str, protocol: str, server: MailServer) -> dict[str, object]:
    """As a URL and in parts: some versions look at the one, some at the other (facts 6). Never `imaps` in the URL."""
    host = f"[{server.host}]" if ":" in server.host else server.host
    return {
        f"{prefix}_url": f"{protocol}://{host}:{server.port}",
        f"{prefix}_server": server.host,
        f"{prefix}_port": server.port,
        f"{prefix}_protocol": protocol,
        f"{prefix}_secure": server.security == "tls",
        f"{prefix}_starttls": server.security == "starttls",
    }


def _account(row: list[Any]) -> ExternalAccount:
    number, login, address, server = row[: len(_COLUMNS)]
    return ExternalAccount(
        int(number), str(login or "").lower(), canonical(str(address or "")), str(server or "").lower()
    )


def _warnings(answer: Answer) -> list[Answer]:
    """Warnings come as a list or alone, and a single one may stand as `error` beside the data."""
    given = answer.get("warnings")
    several = given if isinstance(given, list) else [given]
    alone = [answer] if "error" in answer else []
    return [warning for warning in several if isinstance(warning, dict)] + alone


def _people(admin: str, addresses: set[str], listed: Iterator[Listed]) -> dict[str, tuple[str, str]]:
    """Id and login of the users with these primary addresses."""
    users = (user.row for user in listed)
    return {user.primary: (user.id, user.login) for user in users if user.primary in addresses and user.login != admin}


def _failed(error: WebError, target: Target, user: WebUser, row: AttachmentRow) -> Outcome:
    known = web_client.KNOWN.get(error.code, web_client.OTHER)
    # what a server says of a login may repeat what it was given
    reason = error.text.replace(user.password.get_secret_value(), "…")
    words = {"login": user.login, "user": user.id, "old": row.key, "url": target.url, "reason": reason}
    return Outcome(Result.FAILED, known.message.format(**words), known.hint.format(**words), known.temporary)
