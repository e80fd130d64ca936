"""How the command-line tools of OX are called: options, environment, time limits, how many at once.

Every option is written `--name=value`: a value may then begin with `-`, and one that begins with `--` and has `/` and
`=` in it is not taken for a dynamic attribute (facts/open-xchange.md 1.1). Passwords are in the environment of the one
process that needs them, fed over standard input by `Host.run`; they are never in an argument list.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Generic

from pydantic import SecretStr

from reconciler.errors import Unreadable
from reconciler.model.records import Owner
from reconciler.planning.changes import Action, Outcome
from reconciler.remote.host import Completed, Host, W
from reconciler.remote.spool import Spool
from reconciler.settings import OpenXchange
from reconciler.systems.openxchange.listuser_csv import ListReader, read_users
from reconciler.systems.openxchange.provisioning import ALL, C, One, Provisioning, Write
from reconciler.systems.openxchange.recent_list import UserList
from reconciler.systems.openxchange.tool_answers import Words, complaint
from reconciler.systems.system_context import Fence, NoFence

LOCALE = {"LC_ALL": "C.UTF-8"}  # otherwise Java reads and writes `?` for every umlaut (facts 2.3)
_LIST_SECONDS = 1800.0
"""listuser --csv asks the server once for each user (facts 2.1)."""
_WRITE_SECONDS = 180.0
_LOOK_SECONDS = 0.5
"""Between two looks at the processes of a dead run."""
_PROCESS = re.compile(r"^/proc/(\d+)/cmdline$", re.MULTILINE)
_JAVA = "[c]om.openexchange.admin.console.user.(Create|Change|Delete)"
"""What the scripts start."""


_TOOLS = {
    Action.CREATE: ("createuser", rb"user \d+ in context \d+ created"),
    Action.UPDATE: ("changeuser", rb"user \S+ in context \d+ changed"),
    Action.DELETE: ("deleteuser", rb"user \S+ in context \d+ deleted"),
}
"""Each with what it says when it is done (facts/open-xchange.md 1.5)."""
_OPTIONS = {
    "login": "username",  # with --userid this is the wanted login (facts 3.3)
    "display_name": "displayname",
    "given_name": "givenname",
    "surname": "surname",
    "imap_login": "imaplogin",
    "primary": "email",
    "default_sender": "defaultsenderaddress",
}
"""Our words that are not the tools'."""


class Tools(Provisioning):
    """The tools of one context on one host, never more than `section.parallel` at the same time."""

    def __init__(
        self,
        host: Host,
        section: OpenXchange,
        sbin: str,
        admin_password: SecretStr,
        words: Words,
        fence: Fence = NoFence(),  # noqa: B008  # it has no state
    ) -> None:
        super().__init__(section, words, fence, section.parallel)
        self._host = host
        self._section = section
        self._sbin = sbin.rstrip("/")
        self._turn = asyncio.Semaphore(section.parallel)
        # blank is the same as unset for the tools; some servers ask for no password (facts 1.7)
        self._secrets = {"ADMIN_PASSWORD": admin_password} if admin_password.get_secret_value() else {}

    async def wait_for_others(self) -> None:
        """Waits until the tools of a dead run have ended: one that ended after ours would bring back a password that
        nobody was told. Where processes cannot be listed (a key that may run OX' tools only) it finds none. Raises
        Unreadable."""
        for _ in range(int(_WRITE_SECONDS / _LOOK_SECONDS)):
            at_work = await self.at_work()
            if not at_work:
                return
            await asyncio.sleep(_LOOK_SECONDS)
        raise Unreadable(
            f"a tool of OX that a dead run left is still at work on {self._host.name} (process {at_work[0]})",
            hint="wait until it has ended, or end it there; then run the same command again",
        )

    async def at_work(self) -> list[str]:
        """The processes of tools that write into this context, as numbers on that host. Raises Unreadable."""
        tools = f"({_literal(self._sbin)}/([c]reate|[c]hange|[d]elete)user|{_JAVA})"
        look = f"grep -lasE '{tools}[^-]--nonl[^-]--contextid={self._section.context}[^0-9]' /proc/[0-9]*/cmdline"
        # the status says nothing: another process that ends meanwhile is an error of grep, whatever else it found
        found = await self._host.run(["sh", "-c", look], env={"LC_ALL": "C"}, repeatable=True)
        return _PROCESS.findall(found.stdout.decode("ascii", "replace"))

    async def _list(self, one: One) -> UserList:
        """See Provisioning."""
        stdout = await self.listing(one.login)
        return UserList(one if one.login else ALL, lambda: read_users(stdout, whole=not one.login))

    async def stream(self, begin: Callable[[], C]) -> C:
        """See Provisioning."""
        reader = await self._listed("", lambda: _Collecting(begin()))
        reader.finish()
        return reader.collector

    async def listing(self, login: str = "") -> Spool:
        """The answer of `listuser --csv`: the whole context, or the users whose login or display name fits `login`;
        others may be among them, since `_` fits any letter (facts 2.1). Raises Unreadable."""
        return await self._listed(login, Spool)

    async def _listed(self, login: str, into: Callable[[], W]) -> W:
        argv = list_all(self._section, self._sbin)
        if login:
            argv.append(f"--searchpattern={login}")
        async with self._turn:
            answer, users = await self._host.streamed(
                argv, into, env=LOCALE, secrets=self._secrets, timeout=_LIST_SECONDS
            )
        self._complain(answer, "the OX users cannot be listed")
        return users

    async def _write(self, write: Write, password: SecretStr | None, owner: Owner, words: Words) -> Outcome | None:
        """See Provisioning."""
        env, secrets = dict(LOCALE), dict(self._secrets)
        if password is not None:
            secrets["NEW_USER_PASSWORD"] = password
        else:
            # one that a login shell exports would become this user's password (facts 1.3); blank counts as unset
            env["NEW_USER_PASSWORD"] = ""
        tool, success = _TOOLS[write.action]
        argv = self._argv(tool, list(_options(write)))
        async with self._turn, self.fence.effect(owner):
            answer = await self._host.run(argv, env=env, secrets=secrets, timeout=_WRITE_SECONDS)
        return complaint(answer, words, success)

    async def check(self) -> None:
        """See Provisioning."""
        await self.listing(self.admin)
        for tool in ("createuser", "changeuser"):
            async with self._turn:
                answer = await self._host.run([f"{self._sbin}/{tool}", "--help"], env=LOCALE, repeatable=True)
            self._complain(answer, f"{tool} cannot be used")

    def _complain(self, answer: Completed, failed: str) -> None:
        """Raises Unreadable when the tool failed."""
        problem = complaint(answer, self.words)
        if problem is not None:
            raise Unreadable(f"{failed}: {problem.message}", hint=problem.hint)

    def _argv(self, tool: str, options: Sequence[str]) -> list[str]:
        return _argv(self._section, self._sbin, tool, options)


class _Collecting(ListReader, Generic[C]):
    """The list of all, whose users are added while it comes."""

    def __init__(self, collector: C) -> None:
        super().__init__(collector.add, whole=True)
        self.collector = collector


def _options(write: Write) -> Iterator[str]:
    if write.user_id:
        yield f"--userid={write.user_id}"
    for name, value in write.values.items():
        yield f"--{_OPTIONS.get(name, name)}={value if isinstance(value, str) else ','.join(value)}"


def list_all(section: OpenXchange, sbin: str) -> list[str]:
    """What prints every user of the context; all that is read without writing (docs/remote.md)."""
    return _argv(section, sbin, "listuser", ["--csv"])


def _argv(section: OpenXchange, sbin: str, tool: str, options: Sequence[str]) -> list[str]:
    context, admin = f"--contextid={section.context}", f"--adminuser={section.admin}"
    return [f"{sbin.rstrip('/')}/{tool}", "--nonl", context, admin, *options]


def _literal(path: str) -> str:
    """The path in a pattern of grep -E between quotes; any character may stand for one that is special there."""
    return re.sub(r"[^\w/-]", ".", path)
