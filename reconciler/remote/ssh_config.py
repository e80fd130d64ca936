"""The part of ssh_config(5) that a site may use: where hosts and their jump hosts are. Pure; no library is loaded.

It is read only when the site file names it, and who writes it may be anybody who opens a merge request. So options are
an allow-list: nothing in it runs a command, reads another file or softens a check. Nothing in a wrong file is quoted,
since its path may be that of a password. Called by `route`, and by `declared` for `validate`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

MAX_BYTES = 1024 * 1024


class Wrong(NamedTuple):
    """What is wrong at a place of the file, and what to write instead."""

    line: int
    column: int
    message: str
    hint: str


class Value(NamedTuple):
    """The argument of an option, and where it stands."""

    text: str
    line: int
    column: int


class _Block(NamedTuple):
    """What one `Host` line says, or what stands before the first, by the option's name in lower case."""

    patterns: tuple[str, ...]
    options: dict[str, Value]

    def fits(self, host: str) -> bool:
        found = [pattern for pattern in self.patterns if _matches(pattern.removeprefix("!"), host)]
        return bool(found) and not any(pattern.startswith("!") for pattern in found)


class SshConfig(NamedTuple):
    """A file without mistakes."""

    blocks: tuple[_Block, ...]

    def of(self, host: str) -> dict[str, Value]:
        """What holds for the host of this name: of several values of an option the first, as for ssh."""
        found: dict[str, Value] = {}
        for block in self.blocks:
            if block.fits(host):
                found = block.options | found
        return found


class Jump(NamedTuple):
    """One stop of a ProxyJump: a name that `Host` lines may know, and what stands beside it."""

    host: str
    user: str | None
    port: int | None


def read_text(path: str) -> str:
    """The file's text. Raises OSError and ValueError, whose text says why."""
    with Path(path).open("rb") as file:
        content = file.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise ValueError(f"it has more than {MAX_BYTES // 1024} kB")
    try:
        return content.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError:
        raise ValueError("it is not text in UTF-8") from None


def parse(text: str) -> tuple[SshConfig, list[Wrong]]:
    """What the file says, and everything that is wrong with it."""
    blocks, wrong = [_Block(("*",), {})], list[Wrong]()
    for number, line in enumerate(text.split("\n"), 1):
        try:
            _take(line.rstrip("\r"), number, blocks)
        except _Refused as refused:
            wrong.append(refused.wrong)
    return SshConfig(tuple(blocks)), wrong


def jumps(value: Value) -> tuple[Jump, ...]:
    """The stops of a ProxyJump, the first one first; none for `none`. Raises _Refused, of which a file without mistakes
    has none."""
    return () if value.text.lower() == "none" else tuple(_jump(value, part.strip()) for part in value.text.split(","))


class _Refused(Exception):
    def __init__(self, value: Value, message: str, hint: str) -> None:
        super().__init__(message)
        self.wrong = Wrong(value.line, value.column, message, hint)


_LINE = re.compile(r"\s*(?:(?P<name>[^\s=#\"]+)(?:\s*=\s*|\s+|$)(?P<rest>.*))?(?:#.*)?")
_WORD = re.compile(r"\s*(?:\"(?P<quoted>[^\"]*)\"(?=\s|$)|(?P<comment>#.*)|(?P<plain>[^\s\"]+)(?=\s|$)|(?P<bad>\S.*))")
_JUMP = re.compile(r"(?:(?P<user>[^@,\s]+)@)?(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::(?P<port>[0-9]{1,5}))?")
_HOST_NAME = re.compile(r"[A-Za-z0-9._:%-]+")
_NAMES = ("HostName", "Port", "User", "IdentityFile", "CertificateFile", "ProxyJump")
_KEYS = frozenset(name.lower() for name in _NAMES)
_ALREADY = {"identitiesonly": "yes", "stricthostkeychecking": "yes", "batchmode": "yes"}
"""What may be written since it holds anyway."""
_KNOWN = f"only {', '.join(_NAMES)} are allowed in the blocks of `Host`"
_COMMANDS = "it runs a command, and who may change this file could run any; to go through another host: ProxyJump"
_HOST_KEYS = "host keys are always verified, against the file that `known_hosts` in the site file names; remove it"
_OF_HOST_KEYS = (
    *("KnownHostsCommand", "UserKnownHostsFile", "GlobalKnownHostsFile", "HostKeyAlias", "CheckHostIP"),
    *("VerifyHostKeyDNS", "UpdateHostKeys", "NoHostAuthenticationForLocalhost"),
)
_FORWARDED = "the hosts on the way could log in with the agent's keys; remove it"
_NOT_HERE = {
    **{name.lower(): (f"{name} is not allowed", _HOST_KEYS) for name in _OF_HOST_KEYS},
    "proxycommand": ("ProxyCommand is not allowed", _COMMANDS),
    "localcommand": ("LocalCommand is not allowed", f"{_COMMANDS.partition(';')[0]}; remove it"),
    "permitlocalcommand": ("PermitLocalCommand is not allowed", f"{_COMMANDS.partition(';')[0]}; remove it"),
    "match": ("Match is not allowed, since it can run commands", "write `Host NAME`, with * and ? where several fit"),
    "include": ("Include is not allowed", "write the lines of that file here: a reviewer sees this one only"),
    "stricthostkeychecking": ("host key checking cannot be changed", _HOST_KEYS),
    "forwardagent": ("ForwardAgent is not allowed", _FORWARDED),
    "identityagent": ("IdentityAgent is not allowed", "the agent is the one that SSH_AUTH_SOCK names; remove it"),
    "pkcs11provider": ("PKCS11Provider is not allowed", "it loads a library; ask an agent to hold that key"),
    "securitykeyprovider": ("SecurityKeyProvider is not allowed", "it loads a library; ask an agent to hold that key"),
    "identitiesonly": ("only the named key is offered", "write `IdentitiesOnly yes`, or remove it"),
    "batchmode": ("nobody is asked for a password", "write `BatchMode yes`, or remove it"),
}


def _take(line: str, number: int, blocks: list[_Block]) -> None:
    """Adds what a line says to the blocks. Raises _Refused."""
    unseen = next((at for at, c in enumerate(line) if not (c.isprintable() or c == "\t")), None)
    if unseen is not None:
        place = Value("", number, unseen + 1)
        raise _Refused(place, f"found the invisible character U+{ord(line[unseen]):04X}", "delete it")
    found = _LINE.fullmatch(line)
    if found is None:
        raise _Refused(Value(line, number, 1), "this line has no option", f"write `Option value`; {_KNOWN}")
    if found["name"] is None:
        return
    name = Value(found["name"], number, found.start("name") + 1)
    words = list(_words(found["rest"], number, found.start("rest")))
    key = name.text.lower()
    if key == "host":
        if not words:
            hint = "write `Host NAME`, the name as the site file or a ProxyJump has it"
            raise _Refused(name, "Host names no host", hint)
        blocks.append(_Block(tuple(word.text for word in words), {}))
        return
    if key in _ALREADY and [word.text.lower() for word in words] == [_ALREADY[key]]:
        return
    if key not in _KEYS:
        message, hint = _NOT_HERE.get(key, ("this option is not allowed in this file", f"remove it: {_KNOWN}"))
        raise _Refused(name, message, hint)
    if len(words) != 1:
        raise _Refused(name, f"{name.text} has {len(words)} values", "write one; a value with blanks in double quotes")
    if key in blocks[-1].options:
        first = blocks[-1].options[key].line
        raise _Refused(name, f"{name.text} is repeated in this block, first in line {first}", "write it once")
    _check(name.text, key, words[0])
    blocks[-1].options[key] = words[0]


def _words(rest: str, number: int, before: int) -> Iterator[Value]:
    at = 0
    while (found := _WORD.match(rest, at)) is not None and found[0].strip():
        at = found.end()
        if found["comment"] is not None:
            return
        kind = next(kind for kind in ("quoted", "plain", "bad") if found[kind] is not None)
        value = Value(found[kind], number, before + found.start(kind) + 1)
        if kind == "bad":
            raise _Refused(value, "a quotation mark that does not fit", 'write the whole value in quotes: "like this"')
        yield value


def _check(name: str, key: str, value: Value) -> None:
    """Raises _Refused when the value does not work, or depends on what the file does not show."""
    if "${" in value.text:
        hint = "write it out: a variable may hold a secret"
        raise _Refused(value, f"{name} takes no variables of the environment", hint)
    if "%" in value.text.replace("%h", "") or ("%h" in value.text and key != "hostname"):
        raise _Refused(value, f"{name} has a `%` token", "write it out; only HostName may have %h, the host's name")
    match key:
        case "hostname" if value.text.startswith("-") or not _HOST_NAME.fullmatch(value.text):
            raise _Refused(
                value, "HostName has a value that is not a name or address", "write what DNS knows, or an IP"
            )
        case "port" if not _is_port(value.text):
            raise _Refused(value, "Port has a value that is not a port", "write a number from 1 to 65535")
        case "user" if value.text.startswith("-"):
            raise _Refused(value, "User has a value that is not a user name", "write the name of the login")
        case "identityfile" | "certificatefile" if not value.text.startswith(("/", "~/")):
            hint = "write the whole path, or one that begins with ~/"
            raise _Refused(value, f"{name} depends on the folder that one is in", hint)
        case "proxyjump":
            jumps(value)


def _jump(value: Value, part: str) -> Jump:
    found = _JUMP.fullmatch(part)
    if found is None or found["host"].startswith("-") or not (found["port"] is None or _is_port(found["port"])):
        hint = "write HOST, USER@HOST:PORT, several of them with commas and without blanks, or none"
        raise _Refused(value, "ProxyJump has a part that is not a jump host", hint)
    return Jump(found["host"].strip("[]"), found["user"], int(found["port"]) if found["port"] else None)


def _is_port(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= 5 and 1 <= int(text) <= 65535


def _matches(pattern: str, host: str) -> bool:
    regex = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    return re.fullmatch(regex, host, re.IGNORECASE) is not None
