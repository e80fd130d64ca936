"""kill -9 of a real `reconciler apply` in the middle of a rename, on MariaDB, a hash map with postmap and the tools of
the OX stand-in; then `resume`, or the next `apply`. The end is the one of a run that nobody killed.

`test_crash_matrix` has every moment; here a few of them are real, to show that its deaths are like these.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from reconciler.sandbox.openxchange import control
from reconciler.sandbox.openxchange.web import running
from tests.cli.running import eventually, killed, start
from tests.cli.site import BERND_DECLARED, DOMAIN, OX_ENV, OX_PASSWORD, today
from tests.integration.sink import Sink, running_sink
from tests.integration.sites import RealSite, near
from tests.integration.test_kill import kill_tools, unlock
from tests.services.mail import Postfix
from tests.services.postfixadmin import PostfixAdminDatabase

OLD, NEW = f"anna.muster@{DOMAIN}", f"anna.beispiel@{DOMAIN}"
PRIVATE = "anna@gmx.example"
BEFORE = "anna.muster: {given_name: Anna, surname: Muster, member: 10042, quota: 512 MB}"
AFTER = "anna.beispiel: {given_name: Anna, surname: Beispiel, member: 10042}"

QUERIES = (
    "SELECT address, goto, active FROM alias ORDER BY 1",
    "SELECT username, name, maildir, quota, local_part, domain, active FROM mailbox ORDER BY 1",
    "SELECT system, kind, `key`, subject FROM reconciler_inventory ORDER BY 1, 2, 3",
    "SELECT holder FROM reconciler_lock",
)


class Moment(NamedTuple):
    """When it is killed. `fault` slows a tool of OX down, so that the moment lasts."""

    name: str
    has_come: Callable[[RealSite], bool]
    fault: dict[str, Any] | None = None
    tools: str = "die with it"


def _letters(site: RealSite) -> int:
    return len(site.sink.to(PRIVATE))


SLOW = {"kind": "slow", "tool": "changeuser", "first": 1, "seconds": 3.0}
SLOW_LIST = {"kind": "slow", "tool": "listuser", "seconds": 0.4}
"""Every look at OX takes a while: after the rename and before the attachment there is time to die."""

ATTACH = (
    Moment("the new mailbox is there", lambda site: site.mailbox(NEW) is not None),
    Moment("a tool of OX is at work", lambda site: control.calls(site.ox).get("changeuser", 0) == 1, SLOW),
    Moment("a tool of OX lives on", lambda site: control.calls(site.ox).get("changeuser", 0) == 1, SLOW, "live on"),
    Moment("OX has renamed the user", lambda site: "anna.beispiel" in site.ox_logins(), SLOW_LIST),
    Moment("the old mailbox is attached", lambda site: bool(control.accounts(site.ox, "anna.beispiel"))),
    Moment("the letter is out", lambda site: _letters(site) == 2),
)
MOVE = (
    Moment("the mailbox has moved", lambda site: site.mailbox(NEW) is not None),
    Moment("OX has renamed the user", lambda site: "anna.beispiel" in site.ox_logins(), SLOW_LIST),
)
KILLS = [(kind, moment) for kind, moments in (("attach", ATTACH), ("move", MOVE)) for moment in moments]


@pytest.fixture(scope="module")
def sink() -> Iterator[Sink]:
    with running_sink() as sink:
        yield sink


class Sites:
    """Makes sites on real parts."""

    def __init__(self, folder: Path, fresh: Callable[[], PostfixAdminDatabase], postfix: Postfix, sink: Sink) -> None:
        self._folder = folder
        self._fresh = fresh
        self._postfix = postfix
        self._sink = sink

    @contextmanager
    def before_a_rename(self, name: str, kind: str) -> Iterator[RealSite]:
        """One where Anna has the old name, and the new one is declared."""
        self._sink.forget()
        (self._folder / name).mkdir()
        site = near(self._folder / name, self._fresh(), self._postfix, self._sink)
        control.set_switches(site.ox, USERNAME_CHANGEABLE=True, trial="off")
        nowhere = {"host": "127.0.0.1", "port": 1, "security": "none"}
        with running(site.ox) as url:
            site.write(openxchange=site.sections["openxchange"] | {"web_url": url, "imap": nowhere, "smtp": nowhere})
            site.declare(BEFORE, BERND_DECLARED, aliases=["vorstand: [anna.muster, bernd.muster]"])
            assert site.run("apply", "--yes").status == 0
            entry = {"from": "anna.muster", "to": "anna.beispiel", "date": str(today()), "old_mailbox": kind}
            aliases = ["vorstand: [anna.beispiel, bernd.muster]"]
            site.declare(AFTER, BERND_DECLARED, aliases=aliases, more={"renames": [entry]})
            control.forget_calls(site.ox)
            yield site


@pytest.fixture
def sites(tmp_path: Path, new_mariadb: Callable[[], PostfixAdminDatabase], postfix: Postfix, sink: Sink) -> Sites:
    return Sites(tmp_path, new_mariadb, postfix, sink)


def end(site: RealSite) -> dict[str, Any]:
    """What two sites are compared by."""
    # several tools made them at the same time, in any order
    users = sorted(control.users(site.ox), key=lambda user: user.ident)
    return {
        "rows": [site.rows(query) for query in QUERIES],
        "users": [({**user.fields, "Password": ""}, sorted(user.aliases)) for user in users],
        "attached": [account["primary_address"] for account in control.accounts(site.ox, "anna.beispiel")],
        "letter": site.letter(PRIVATE)["Subject"],
    }


ENDS: dict[str, dict[str, Any]] = {}
"""How a rename of each kind ends when nobody is killed; found out once."""


def undisturbed(sites: Sites, kind: str) -> dict[str, Any]:
    if kind not in ENDS:
        with sites.before_a_rename("undisturbed", kind) as site:
            applied = site.run("apply", "--yes")
            assert applied.status == 0, applied
            ENDS[kind] = end(site)
    return ENDS[kind]


@pytest.mark.parametrize(("kind", "moment"), KILLS, ids=lambda part: part.name if isinstance(part, Moment) else part)
def test_killed_in_the_middle_of_a_rename(sites: Sites, kind: str, moment: Moment) -> None:
    wanted = undisturbed(sites, kind)
    with sites.before_a_rename("killed", kind) as site:
        first = site.password_of(PRIVATE)
        if moment.fault is not None:
            site.fault(**moment.fault)
        process = start(site.folder, "apply", "--yes", env={OX_ENV: OX_PASSWORD})
        eventually(lambda: moment.has_come(site), process)
        killed(process)
        site.sound()
        if moment.tools == "die with it":
            kill_tools(site)
        if moment.tools != "live on":  # then the next run takes over by itself
            unlock(site)
        recovery = "apply" if moment.tools == "live on" else "resume"
        answer = site.run(recovery, "--yes")
        assert answer.status == 0, answer
        assert end(site) == wanted
        told = site.password_of(PRIVATE) if kind == "attach" else first
        assert site.opens(NEW, "anna.beispiel", told) == (True, True)
        if kind == "attach":
            assert site.opens(OLD, "anna.beispiel", told) == (True, True)
            assert site.opens(NEW, "anna.beispiel", first) == (False, False)
            (attached,) = control.accounts(site.ox, "anna.beispiel")
            assert attached["password"] == told
        assert site.run("plan").status == 0
