"""Finds what the site file has to say on a host that is running, over SSH as whoever logs in: PostfixAdmin's
configuration, OX' tools, Postfix' sender map. It only reads, with `grep`, `ls` and `postconf`.

Of PostfixAdmin's configuration only the lines with the names below leave the host: the pattern is applied there, and
takes nothing behind the semicolon. The password is not among them.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple
from urllib.parse import quote

from reconciler.remote.host import PLAIN, Host
from reconciler.systems.postfix.read_map import sender_maps
from reconciler.systems.postfix.tools import POSTCONF, SUFFIXES

_FOLDERS = (
    "/etc/postfixadmin",
    "/usr/share/postfixadmin",
    "/opt/postfixadmin",
    "/srv/www/postfixadmin",
    "/var/www/postfixadmin",
    "/var/www/html/postfixadmin",
)
_FILES = ("config.inc.php", "dbconfig.inc.php", "config.local.php")
"""In this order: what a later one says counts. The second is made by Debian's dbconfig-common."""
_SBIN = "/opt/open-xchange/sbin"
_CONF = (
    "database_type|database_host|database_port|database_user|database_name|database_prefix|quota_multiplier|"
    "vacation_domain|encrypt|domain_path|domain_in_mailbox|mailbox_postcreation_script"
)
_DEBIAN = {
    "dbtype": "database_type",
    "dbserver": "database_host",
    "dbport": "database_port",
    "dbuser": "database_user",
    "dbname": "database_name",
}
_PHP_VALUE = r"""('[^'\\]*'|"[^"\\$]*"|[0-9]+)"""
_PHP = (
    rf"""^[[:space:]]*\$(CONF\[['"]({_CONF})['"]\]|{"|".join(_DEBIAN)})[[:space:]]*=[[:space:]]*"""
    rf"{_PHP_VALUE}[[:space:]]*;"
)
"""For `grep -E`. What is computed is not found, and nothing is guessed of it."""
_ASSIGNED = re.compile(rf"""\$(?:CONF\[['"])?(\w+)['"\]]*\s*=\s*{_PHP_VALUE}\s*;""")
_CONTEXT = r"(^|[[:space:]])(-c|--contextid)[[:space:]=]*[0-9]+"
_DRIVERS = {"mysql": "mysql+pymysql", "mysqli": "mysql+pymysql", "pgsql": "postgresql+psycopg"}
_SCHEMES = {"dovecot:SHA512-CRYPT": "SHA512-CRYPT", "php_crypt:SHA512": "SHA512-CRYPT", "SHA512-CRYPT": "SHA512-CRYPT"}
_SCHEMES |= {"dovecot:BLF-CRYPT": "BLF-CRYPT", "dovecot:ARGON2ID": "ARGON2ID", "ARGON2ID": "ARGON2ID"}
_LOOPBACK = ("", "localhost", "127.0.0.1", "::1")


class Found(NamedTuple):
    """A value of the site file, and where it was seen."""

    key: str
    value: str
    source: str


class Missing(NamedTuple):
    """What was not found, and where it was looked for."""

    what: str
    why: str


@dataclass(slots=True)
class Probed:
    """What a host says."""

    found: list[Found] = field(default_factory=list)
    missing: list[Missing] = field(default_factory=list)


class _Setting(NamedTuple):
    value: str
    source: str
    folder: str


_NAME_IT = "name its folder with --look-in"


async def probe(
    host: Host, folders: Sequence[str] = (), config_directory: str | None = None, address: str | None = None
) -> Probed:
    """`folders` are further places for PostfixAdmin's configuration and OX' tools; `config_directory` is Postfix';
    `address` is where the host is reached when its name is not what DNS knows. Raises Unreadable when nobody can log
    in."""
    probed = Probed()
    places = [*folders, *_FOLDERS]
    installed = await _postfixadmin(host, places, probed)
    settings = installed[0] if installed else {}
    if (
        len({_url(host.name, "", each) for each in installed}) > 1
        and installed[0]["database_name"].folder not in folders
    ):
        where = ", ".join(each["database_name"].folder for each in installed)
        probed.missing.append(Missing("PostfixAdmin's configuration", f"there are several, in {where}; {_NAME_IT}"))
        settings = {}
    elif settings:
        _take_database(address or host.name, settings, probed)
    else:
        why = f"no readable {' or '.join(_FILES)} with the name of a database in {', '.join(places)}; {_NAME_IT}"
        probed.missing.append(Missing("PostfixAdmin's configuration", why))
    await _openxchange(host, [_SBIN, *folders], settings.get("mailbox_postcreation_script"), probed)
    await _postfix(host, config_directory, probed)
    return probed


async def _postfixadmin(host: Host, folders: Sequence[str], probed: Probed) -> list[dict[str, _Setting]]:
    """What each folder's configuration says, of those that name a database."""
    files = {posixpath.join(folder, file): folder for folder in folders for file in _FILES}
    # its status says only that a file is missing, as most of them are
    done = await host.run(["grep", "-oHE", "--", _PHP, *files], env=PLAIN, repeatable=True)
    settings: dict[str, dict[str, _Setting]] = {folder: {} for folder in folders}
    for line in done.stdout.decode("utf-8", "replace").splitlines():
        path, _, text = line.partition(":")
        if path in files and (match := _ASSIGNED.search(text)):
            value = match[2] if match[2].isdigit() else match[2][1:-1]
            name, folder = _DEBIAN.get(match[1], match[1]), files[path]
            settings[folder][name] = _Setting(value, f"{path} on {host.name}", folder)
    for path in files:
        if f"{path}: Permission denied" in done.stderr.decode("utf-8", "replace"):
            probed.missing.append(Missing(path, f"it is there on {host.name}, and this login may not read it"))
    return [each for each in settings.values() if "database_name" in each]


def _take_database(name: str, settings: Mapping[str, _Setting], probed: Probed) -> None:
    kind, database = settings.get("database_type"), settings["database_name"]
    driver = _DRIVERS.get(kind.value) if kind else None
    if driver is None:
        said = f"its type is {kind.value}" if kind else "its type is computed, or not set,"
        probed.missing.append(Missing("PostfixAdmin's database", f"{said} in {database.source}"))
    else:
        probed.found.append(Found("postfixadmin.url", _url(name, driver, settings), database.source))
    for key, (setting, value) in _plain_settings(settings).items():
        probed.found.append(Found(f"postfixadmin.{key}", value, setting.source))


def _url(name: str, driver: str, settings: Mapping[str, _Setting]) -> str:
    def text(key: str) -> str:
        return settings[key].value if key in settings else ""

    server, _, port = text("database_host").partition(":") if text("database_host").count(":") == 1 else ("", "", "")
    server, port = server or text("database_host"), port or text("database_port")
    where = name if server in _LOOPBACK else f"[{server}]" if ":" in server else server
    user = quote(text("database_user"), safe="")
    at = f"{user}@" if user else ""
    return f"{driver}://{at}{where}{f':{port}' if port.isdigit() else ''}/{quote(text('database_name'), safe='')}"


def _plain_settings(settings: Mapping[str, _Setting]) -> dict[str, tuple[_Setting, str]]:
    same = {"database_prefix": "table_prefix", "quota_multiplier": "quota_multiplier"}
    same["vacation_domain"] = "vacation_domain"
    taken = {new: (settings[old], settings[old].value) for old, new in same.items() if old in settings}
    taken = {key: found for key, found in taken.items() if found[1]}
    if (encrypt := settings.get("encrypt")) and (scheme := _SCHEMES.get(encrypt.value)):
        taken["password_scheme"] = (encrypt, scheme)
    path, inside = settings.get("domain_path"), settings.get("domain_in_mailbox")
    if path is not None and path.value == "NO":
        taken["maildir"] = (path, "{address}/")
    elif inside is not None and inside.value == "YES":
        taken["maildir"] = (inside, "{domain}/{address}/")
    return taken


async def _openxchange(host: Host, folders: Sequence[str], script: _Setting | None, probed: Probed) -> None:
    tools = [posixpath.join(folder, "listuser") for folder in folders]
    done = await host.run(["ls", "-d", "--", *tools], env=PLAIN, repeatable=True)
    there = [line for line in done.stdout.decode("utf-8", "replace").splitlines() if line in tools]
    if not there:
        why = f"no listuser in {', '.join(folders)} on {host.name}; name the folder with --look-in"
        probed.missing.append(Missing("OX' command-line tools", why))
        return
    source = f"listuser is there on {host.name}"
    probed.found.append(Found("openxchange.host", host.name, source))
    probed.found.append(Found("openxchange.sbin", posixpath.dirname(there[0]), source))
    program = next((w for w in reversed(script.value.split()) if w.startswith("/")), None) if script else None
    contexts = set()
    if program is not None:
        told = await host.run(["grep", "-sohE", "--", _CONTEXT, program], env=PLAIN, repeatable=True)
        contexts = set(re.findall(r"[0-9]+", told.stdout.decode("ascii", "replace")))
    if len(contexts) == 1:
        source = f"{program} on {host.name}, which PostfixAdmin runs for a new mailbox"
        probed.found.append(Found("openxchange.context", contexts.pop(), source))
    else:
        why = "no script of PostfixAdmin names one, and OX tells its contexts to its master administrator only"
        probed.missing.append(Missing("the OX context", f"{why}; it is usually 1"))


async def _postfix(host: Host, config_directory: str | None, probed: Probed) -> None:
    config = ["-c", config_directory] if config_directory else []
    done = await host.run([POSTCONF, *config, "-x"], env=PLAIN, repeatable=True)
    if done.status:
        probed.missing.append(Missing("Postfix", f"{POSTCONF} ended with status {done.status} on {host.name}"))
        return
    probed.found.append(Found("postfix.host", host.name, f"postconf answers on {host.name}"))
    overrides = await host.run([POSTCONF, *config, "-xP"], env=PLAIN, repeatable=True)
    text = "\n".join(each.stdout.decode("utf-8", "replace") for each in (done, overrides))
    maps = sorted(sender_maps(text))
    usable = [each for each in maps if each.partition(":")[0] in SUFFIXES]
    if len(usable) == 1:
        source = f"`check_sender_access` in `postconf` on {host.name}"
        probed.found.append(Found("postfix.sender_access", usable[0], source))
    else:
        seen = f"there are several, {', '.join(usable)}" if usable else _none(maps)
        probed.missing.append(Missing("the sender map", f"{seen} (`postconf` on {host.name})"))


def _none(maps: Sequence[str]) -> str:
    if maps:
        return f"{', '.join(maps)} is of a type that cannot be managed; {', '.join(SUFFIXES)} can"
    return "no `check_sender_access` in its settings, and without one no sender is blocked"


def told(probed: Probed) -> Iterator[str]:
    """What was found where, and what was not, a line each."""
    for found in probed.found:
        yield f"  {found.key}: {found.value}   (from {found.source})"
    for missing in probed.missing:
        yield f"  not found: {missing.what}: {missing.why}"
