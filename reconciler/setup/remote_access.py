"""What root runs on a mail host so that the planner's key lists there and does nothing else: the text, to be pasted or
run as a file (docs/remote.md). Pure but for the key, which is read. Called by `reconciler remote`.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined

from reconciler.declared.site_file.planner import login_of
from reconciler.errors import UsageError
from reconciler.remote.host import PLAIN, reading
from reconciler.remote.read_only import wire
from reconciler.remote.reconciler_remote import LIST
from reconciler.settings import Settings
from reconciler.systems.openxchange.listuser_csv import COLUMNS
from reconciler.systems.openxchange.tools import LOCALE, list_all
from reconciler.systems.postfix.tools import Tools

USER = "reconciler-plan"
"""Who logs in, when nothing else is said."""
_NAME = re.compile(r"[a-z][a-z0-9-]{0,30}")
"""It is a part of paths and the name of a sudoers file, where a dot would switch the file off."""
_HOST = re.compile(r"[A-Za-z0-9._:-]+")
_PUBLIC_KEY = re.compile(r"((?:ssh|ecdsa|sk)-[a-z0-9@.-]+) ([A-Za-z0-9+/]+={0,3})(?: .*)?")


_DOCTOR: tuple[tuple[Sequence[str], Mapping[str, str]], ...] = (
    (("true",), {}),  # whether one can log in
    (("date", "-u", "+%s.%N"), PLAIN),
)
"""What `reconciler doctor` asks of every host."""


class Access(NamedTuple):
    """The way in to one host."""

    host: str
    user: str
    site: str
    commands: tuple[str, ...]
    """The lines of the list that `reconciler_remote` compares with."""
    openxchange_admin: str
    """Empty where OX is not on this host."""

    list_option: str = LIST

    @property
    def program(self) -> str:
        """Where `reconciler_remote` is there."""
        return f"/usr/local/lib/reconciler-remote/{self.user}/reconciler-remote"

    @property
    def folder(self) -> str:
        """The list, and OX' password."""
        return f"/etc/reconciler-remote/{self.user}"

    @property
    def home(self) -> str:
        """Of that user; root owns it, too."""
        return f"/var/lib/reconciler-remote/{self.user}"

    @property
    def sudoers_file(self) -> str:
        """Its name has no dot: sudo passes over those."""
        return f"/etc/sudoers.d/reconciler-remote-{self.user}"

    @property
    def sudoers(self) -> tuple[str, ...]:
        """What lets it run the half that knows OX' password, with these very arguments."""
        command = f"{self.program} {self.folder} {LIST}"
        return (
            f"Defaults:{self.user} !requiretty, env_reset",
            f"{self.user} ALL=(root:root) NOPASSWD: {command}",
        )


def access(settings: Settings, host: str | None, user: str | None) -> Access:
    """The way in to the host that the site file names, or to `host` of several. Raises UsageError."""
    sections = (settings.openxchange, settings.postfix)
    named = sorted({section.host for section in sections if section and section.host is not None})
    if not named:
        hint = "the planner runs there itself; or write `host:` in them"
        raise UsageError("OX and Postfix are on this machine, as the site file says, and nobody logs in", hint=hint)
    if host is None and len(named) > 1:
        raise UsageError(f"the site file names {' and '.join(named)}", hint="name one: reconciler remote install HOST")
    if host is not None and host not in named:
        raise UsageError(f"neither OX nor Postfix is on {host}", hint=f"name {' or '.join(named)}")
    chosen = host or named[0]
    if not _HOST.fullmatch(chosen):
        raise UsageError(f"{chosen!r} is not the name of a host", hint="correct `host:` in the site file")
    openxchange = settings.openxchange if settings.openxchange and settings.openxchange.host == chosen else None
    return Access(
        host=chosen,
        user=_user(settings, chosen, user),
        site=settings.site,
        commands=tuple(_commands(settings, chosen)),
        openxchange_admin=openxchange.admin if openxchange else "",
    )


def key_file(settings: Settings, host: str) -> Path | None:
    """The public half of the key that the planner logs in with; None when the site file names none of its own."""
    own = settings.planner.ssh.get(host) if settings.planner else None
    if own is not None and own.key_file is not None:
        return settings.path(f"{own.key_file}.pub")
    login = settings.ssh.get(host)
    return settings.path(f"{login.key_file}.pub") if own is None and login and login.read_only else None


def install_text(access: Access, keys: Path) -> str:
    """What root runs there. Raises UsageError for a file that holds no public key."""
    program = resources.files("reconciler.remote").joinpath("reconciler_remote.py").read_text("utf-8")
    return _template("remote-install.sh.j2", access, program=program, keys=_public_keys(keys))


def uninstall_text(access: Access) -> str:
    """What takes all of it away again."""
    return _template("remote-uninstall.sh.j2", access)


def _template(name: str, access: Access, **more: object) -> str:
    environment = Environment(
        loader=PackageLoader("reconciler.setup"),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=StrictUndefined,
        autoescape=False,  # sh; what is put in has been checked, or stands in a quoted here-document
    )
    environment.filters["quoted"] = shlex.quote
    return environment.get_template(name).render(access=access, **more)


def _user(settings: Settings, host: str, asked: str | None) -> str:
    login, applies = login_of(settings, host), settings.ssh.get(host)
    user = asked or (login.user if login and login.read_only else None) or USER
    if not _NAME.fullmatch(user):
        hint = "small letters, digits and hyphens, at most 31: it is a part of paths, and the name of a sudoers file"
        raise UsageError(f"{user!r} cannot be the name of that user", hint=hint)
    if applies and applies.user == user and not applies.read_only:
        hint = "write `user:` of another one under `planner: ssh:` (docs/remote.md), or name one with --user"
        raise UsageError(f"{user} is the user who applies on {host}, and the planner must be another one", hint=hint)
    return user


def _commands(settings: Settings, host: str) -> Iterator[str]:
    """Everything that reading runs there."""
    for argv, env in _DOCTOR:
        yield f"user {wire(argv, env)}"
    postfix, openxchange = settings.postfix, settings.openxchange
    if postfix is not None and postfix.host == host:
        tools = Tools(postfix)
        texts = [argv for path in tools.texts for argv in reading(path)]
        lists = [tools.list_map(tools.path)] if tools.is_built else []
        asked = (
            tools.settings,
            tools.overrides,
            tools.services,
            tools.map_types,
            tools.links,
            tools.files,
            *tools.ways_out.values(),
        )
        for argv in (*asked, *lists, *texts):
            yield f"user {wire(argv, PLAIN)}"
    if openxchange is not None and openxchange.host == host:
        yield f"root {wire(list_all(openxchange, openxchange.sbin), LOCALE)}"
        yield f"columns {','.join(COLUMNS)}"


def _public_keys(path: Path) -> list[str]:
    """The keys in a file as ssh-keygen writes it, without comments."""
    hint = "name a file as ssh-keygen writes it: --key FILE.pub"
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise UsageError(f"{path} cannot be read: {reason}", hint=hint) from None
    matches = [_PUBLIC_KEY.fullmatch(line.strip()) for line in lines if line.strip() and not line.startswith("#")]
    if not matches or None in matches:  # nothing of it is quoted: it may be the private half
        raise UsageError(f"{path} is not a public key", hint=hint)
    return [f"{match[1]} {match[2]}" for match in matches if match]
