"""Reads the sender map and the settings of Postfix that decide what it means. Writes nothing.

A map may stand alone in the settings or inside others (`unionmap:{hash:/a, hash:/b}`, `pipemap:{…}`, `proxy:hash:/a`),
in braces after `check_sender_access`, in a restriction class, or in an override of one service in master.cf.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from reconciler.errors import Unreadable
from reconciler.planning.snapshot import DELIMITER
from reconciler.remote.host import PLAIN, Completed, Host
from reconciler.systems.postfix.map_entries import KeyRules
from reconciler.systems.postfix.map_state import View, first_of, look, repeated
from reconciler.systems.postfix.mapfile import MapText, parse
from reconciler.systems.postfix.tools import SUFFIXES, Argv, Tools

# a built map that postmap cannot open counts as missing: the next write makes a new one
_NO_MAP = (
    "No such file or directory",
    "unexpected file type or format",
    "Invalid argument",
    "MDB_INVALID",
    "Protocol error",
)
_CHECK = re.compile(r"check_sender_access[\s,]+")
_TABLE = re.compile(r"(?<![\w:])(?:proxy:)?([a-z][a-z0-9_]*):(/[^\s,{}\"']+)")


class Rules(NamedTuple):
    """What the settings of Postfix say about our map."""

    keys: KeyRules
    classes: frozenset[str]
    """The site's own restriction classes, which may be actions in a map."""
    used: bool
    """Whether any setting may mean the map. If not, no block has any effect, and there is nothing to reload."""
    installed: bool = True
    recognised: bool = True
    """Whether it is certain that senders are looked up in it, where it is used."""
    one_delimiter: bool = True
    """Whether `recipient_delimiter` is the same for every service, none having its own in master.cf."""


_NO_POSTFIX = Rules(KeyRules(), frozenset(), used=False, installed=False)


class Reader:
    """Reads one map on one host."""

    def __init__(self, host: Host, tools: Tools, site: str) -> None:
        self.host = host
        self.tools = tools
        self.site = site
        self._rules: Rules | None = None

    async def rules(self, *, fresh: bool = False) -> Rules:
        """The settings, read once. Raises Unreadable: no such map type here, or main.cf means another one."""
        if self._rules is None or fresh:
            self._rules = await self._read_rules()
        return self._rules

    async def view(self) -> View:
        """Text and built map now. Raises Unreadable."""
        rules = (await self.rules()).keys
        content = await self.host.read(self.tools.path)
        text = self._parse(content or b"")
        built = await self.dump(self.tools.path, text) if self.tools.is_built else await self._loaded(text, rules)
        return look(content, text, built, rules)

    async def dump(self, path: str, text: MapText, *, strict: bool = False) -> dict[str, str] | None:
        """The built map of the text at `path` by folded key; None when there is none, or something that is none.
        A cdb shows only the keys of `text`. With `strict` any output on stderr is an error. Raises Unreadable."""
        fold = (await self.rules()).keys.fold
        by_question = self.tools.type == "cdb"
        # one question at least: without any, postmap does not even open the map, and a missing one looks empty
        keys = [".", *(entry.key for entry in text.entries if entry.action)] if by_question else []
        argv = self.tools.list_map(path)
        done = await self._run(argv, "".join(f"{key}\n" for key in keys).encode())
        words = _stderr(done)
        if path + self.tools.suffix in words and any(reason in words for reason in _NO_MAP):
            return None
        nothing_hit = by_question and done.status == 1 and not words
        if (done.status and not nothing_hit) or (strict and words):
            raise self._unreadable(argv, done)
        pairs = (line.partition("\t") for line in done.stdout.decode("utf-8", "replace").split("\n") if line)
        return {fold(key): action for key, _, action in pairs}

    def _parse(self, content: bytes) -> MapText:
        return parse(content, self.site, self.tools.path, whole_file=self.tools.section.whole_file)

    async def _loaded(self, text: MapText, rules: KeyRules) -> dict[str, str]:
        """What Postfix has in memory of a text that it reads itself: nothing at all when a key stands there twice
        (facts/postfix.md section 4)."""
        before_reload = await self.host.read(self.tools.before_reload)
        read = text if before_reload is None else self._parse(before_reload)
        if repeated(read.entries, rules):
            return {}
        return {key: entry.action for key, entry in first_of(read.entries, rules).items()}

    async def _read_rules(self) -> Rules:
        if self.tools.type not in SUFFIXES:
            raise Unreadable(
                f"{self.tools.type} is not a map type that can be managed here",
                hint=f"write one of {', '.join(SUFFIXES)} in postfix.sender_access and in main.cf",
            )
        settings = await self._run(self.tools.settings)
        missing = settings.status == 127 or "main.cf: No such file or directory" in _stderr(settings)
        if settings.status and missing and not self.tools.is_built:
            return _NO_POSTFIX
        if settings.status:
            raise self._unreadable(self.tools.settings, settings)
        offered = (await self._ask(self.tools.map_types)).split()
        if self.tools.type not in offered:
            possible = ", ".join(name for name in SUFFIXES if name in offered)
            raise Unreadable(
                f"{self.host.name}: this Postfix has no {self.tools.type} maps, only {possible}",
                hint=f"install the package postfix-{self.tools.type}, or change the type here and in main.cf",
            )
        await self._refuse_links()
        return self._rules_from(settings.stdout.decode("utf-8", "replace"), await self._ask(self.tools.overrides))

    async def _refuse_links(self) -> None:
        """The next map is moved over the old one: a link would be replaced by a file, and its target would no longer be
        the map. Raises Unreadable. The status of find says only that a file is missing, which is fine."""
        done = await self._run(self.tools.links)
        for line in done.stdout.decode("utf-8", "replace").splitlines():
            link, _, target = line.partition("\t")
            real = posixpath.normpath(posixpath.join(posixpath.dirname(link), target))
            raise Unreadable(
                f"{self.host.name}: {link} is a link to {real}, and a new map would replace the link by a file",
                hint="name the file itself in main.cf, in postfix.sender_access and in the sudoers lines, or put the "
                "file in the place of the link",
            )

    def _rules_from(self, settings: str, overrides: str) -> Rules:
        values = {name: value for name, _, value in (line.partition(" = ") for line in settings.splitlines())}
        text, ours = f"{settings}\n{overrides}", self.tools.section.sender_access
        asked = sender_maps(text)
        for other in sorted(asked) if ours not in asked else ():
            if other.partition(":")[2] == self.tools.path:
                raise Unreadable(
                    f"{self.host.name}: Postfix reads this map as {other}, the site file says {self.tools.type}",
                    hint=f"write `sender_access: {other}` in the site file",
                )
        keys = KeyRules(
            parent_matches="smtpd_access_maps" in _words_of(values, "parent_domain_matches_subdomains"),
            delimiter=values.get(DELIMITER, ""),
            utf8=values.get("smtputf8_enable") == "yes",
        )
        # a file of the same name elsewhere may be a link to the map
        name = posixpath.basename(ours)
        own = (line.partition("=")[2].strip() for line in overrides.splitlines() if f"/{DELIMITER} =" in line)
        return Rules(
            keys,
            frozenset(_words_of(values, "smtpd_restriction_classes")),
            used=ours in _tables(text) or any(posixpath.basename(other) == name for other in asked),
            recognised=ours in asked,
            one_delimiter=all(value == keys.delimiter for value in own),
        )

    async def _ask(self, argv: Argv) -> str:
        done = await self._run(argv)
        if done.status:
            raise self._unreadable(argv, done)
        return done.stdout.decode("utf-8", "replace")

    async def _run(self, argv: Argv, stdin: bytes = b"") -> Completed:
        return await self.host.run(argv, stdin=stdin, env=PLAIN, repeatable=True)

    def _unreadable(self, argv: Argv, done: Completed) -> Unreadable:
        reason = _stderr(done)[:400] or "it gave no reason"
        return Unreadable(
            f"{self.host.name}: {argv[0]} ended with status {done.status}: {reason}",
            hint=f"run it there as the user who logs in: {' '.join(argv)}",
        )


def _stderr(done: Completed) -> str:
    return done.stderr.decode("utf-8", "replace").strip()


def _words_of(values: Mapping[str, str], name: str) -> list[str]:
    return re.split(r"[\s,]+", values.get(name, ""))


def sender_maps(text: str) -> set[str]:
    """`TYPE:PATH` of every table in which Postfix' settings have senders looked up."""
    return {table for argument in _arguments(text) for table in _tables(argument)}


def _tables(text: str) -> set[str]:
    """`TYPE:PATH` of every table that settings name."""
    return {f"{match[1]}:{match[2]}" for match in _TABLE.finditer(text)}


def _arguments(text: str) -> Iterator[str]:
    """What follows each `check_sender_access`: one word, with all that its braces hold."""
    for match in _CHECK.finditer(text):
        depth, end = 0, match.end()
        while end < len(text) and text[end] != "\n" and (depth or text[end] not in " \t,}"):
            depth += {"{": 1, "}": -1}.get(text[end], 0)
            end += 1
        yield text[match.end() : end]
