"""Which files of a state may declare something, by a search over their bytes: for who reads only what it needs.

A search gives every file in which the thing could stand, and sometimes others. It goes by letters, so files that can
spell an address in another way are in every answer: escapes, aliases of YAML, complex keys, domains that are no ASCII
or are given in an odd way, and files with any other section than those that are searched.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from codecs import BOM_UTF8
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Set
from functools import cached_property, partial
from itertools import accumulate, pairwise

from reconciler.declared.registry import section_names
from reconciler.model.addresses import domain_of, local_part

SEARCHED = frozenset({"mailboxes", "aliases"})
"""The sections whose entries are searched for."""

_TWICE = "'"
"""A quote in quotes is written twice, so what has one is not found by its letters."""
_LOGIN = re.compile(r"[-+._0-9a-z@$%]+")
_FEW = 30
"""Names that are searched one after the other, which takes as long as it takes to search for any number of them."""
_LETTERS = b"+-._0123456789abcdefghijklmnopqrstuvwxyz"
_WORD = frozenset(_LETTERS)
"""Beside one of these, letters are a part of something longer: it is nothing of YAML, and no space that is left out."""
_SPACED = bytes(sign if sign in _WORD else ord(" ") for sign in range(256))
_BEGINS = frozenset(b" \t\r\n[{,:-")
"""Before something of YAML that begins here."""
_END_OF_DOMAIN = re.compile(rb"(?!\.*[-0-9a-z_])")
_ODD = re.compile(rb"\\")
_NODE = (re.compile(rb"\?"), re.compile(rb"\*\S"))
"""A complex key, and an alias, where something begins."""
_ODD_DOMAIN = re.compile(rb"@(?:[-0-9a-z.]*[^\x00-\x7f]|\s)")
_DOMAIN = re.compile(rb"domain[\"']?\s*:")
_HEADER = re.compile(
    rb"\n[\"']?domain[\"']?[ \t]*:[ \t]+[\"']?([-0-9a-z.]+)[\"']?(?:[ \t]+#[^\n]*)?[ \t]*\r?\n"
)  # the usual form; every other one is odd
_MEMBER = re.compile(rb"member[\"']?\s*:(?:\s*[\"']?([0-9]+)(?![-+.0-9_a-z])|)")
_NUMBER_UNKNOWN = b""
_FIRST = (b": ", b"- ")
_VALUE = re.compile(rb"[:-][ \t]+\Z")
"""Up to here the line says that what follows is a value or an item of a list."""
_USERNAME = re.compile(rb"username[\"']?[ \t]*:[ \t]+\Z")
_ITEM = re.compile(rb"[ \t]*#[^\"']*\Z|.*[ \t]\[[^][{}\"'#]*\Z")
"""That it is a remark, or an item in brackets."""
_LONGEST_LINE = 1_000
"""Bytes of a line before a name; of a longer one nobody says what the name is."""
_LONGEST = 140
"""Bytes of the longest local part, with each quote written twice."""

Holds = Callable[[int, int, int], bool]
"""Whether a name that is found says what is asked: the file, and where the name begins and ends."""


class Mentions:
    """The files by their names, with their contents. Addresses, domains and numbers are asked for in their canonical
    form."""

    def __init__(self, contents: Mapping[str, bytes]) -> None:
        self._names = list(contents)
        texts = [content.removeprefix(BOM_UTF8) for content in contents.values()]
        # a line's end is before and behind each
        self._text = b"\n".join([b"", *texts, b""]).lower()
        self._starts = list(accumulate((len(text) + 1 for text in texts), initial=1))
        self._domains: dict[int, bytes] = {}
        # both states of a merge request ask the same
        self._known: dict[tuple[bytes, frozenset[bytes]], set[int]] = {}
        self._known_of_many: dict[frozenset[str], set[int]] = {}
        headers, self._odd = self._find_headers()
        self._domains = {file: domain for file, domain in headers.items() if file not in self._odd}
        self._odd |= {self._file(at) for at in self._oddities()}

    @property
    def odd(self) -> frozenset[str]:
        """The files that are in every answer."""
        return frozenset(self._named(self._odd))

    def declaring(self, addresses: Collection[str]) -> set[str]:
        """The files that may have a mailbox or an alias of one of these addresses."""
        by_local: dict[str, set[bytes]] = {}
        for address in addresses:
            by_local.setdefault(local_part(address), set()).add(domain_of(address).encode())
        if any(_TWICE in local for local in by_local):
            return set(self._names)
        words = {local.encode(): domains for local, domains in by_local.items()}
        if len(words) > _FEW and all(_WORD.issuperset(word) for word in words):
            many = frozenset(addresses)
            if many not in self._known_of_many:
                self._known_of_many[many] = self._files_of_many(words)
            return self._named(self._known_of_many[many])
        return self._named({file for word in words for file in self._declaring(word, frozenset(words[word]))})

    def _declaring(self, word: bytes, domains: frozenset[bytes]) -> set[int]:
        known = self._known.get((word, domains))
        if known is None:
            known = self._known[word, domains] = self._files(word, partial(self._declares, domains))
        return known

    def at(self, domain: str) -> set[str]:
        """The files that may have a mailbox or an alias in this domain."""
        found = {file for file, each in self._domains.items() if each == domain.encode()}

        def holds(file: int, at: int, end: int) -> bool:  # noqa: ARG001  # as Holds
            return _END_OF_DOMAIN.match(self._text, end) is not None and self._may_end_key(at)

        return self._named(found | self._files(b"@" + domain.encode(), holds, anywhere=True))

    def leading_to(self, addresses: Iterable[str], delimiters: str = "") -> set[str]:
        """The files in which an alias may lead to one of these addresses, or to one with an extension behind one of
        the delimiters."""
        found = set[int]()
        for address in addresses:
            if _TWICE in (local := local_part(address)):
                return set(self._names)
            names = partial(self._names_one, domain_of(address).encode(), delimiters.lower().encode())
            found |= self._files(local.encode(), names)
        return self._named(found)

    def numbered(self, number: str) -> set[str]:
        """The files that may have a mailbox of this member number."""
        asked = {number.encode(), _NUMBER_UNKNOWN}
        return self._named(
            {file for file, there in enumerate(self._numbers) if not asked.isdisjoint(there)} | self._odd
        )

    def claiming(self, login: str) -> set[str]:
        """The files in which a mailbox may have this login, written or as its local part; capitals are no matter."""
        lowered = login.lower()
        if not _LOGIN.fullmatch(lowered):
            return set(self._names)
        made = self.declaring((lowered,)) if "@" in lowered else set()
        return made | self._named(self._files(lowered.encode(), self._claims))

    def _named(self, files: Iterable[int]) -> set[str]:
        return {self._names[file] for file in files}

    def _file(self, at: int) -> int:
        return bisect_right(self._starts, at) - 1

    def _files(self, word: bytes, holds: Holds, *, anywhere: bool = False) -> set[int]:
        """The files with a word for which this holds, and the odd ones. `anywhere`: also behind letters."""
        text, found = self._text, set(self._odd)
        at, file, behind = text.find(word), -1, 0
        while at >= 0:
            if at >= behind:
                file = self._file(at)
                behind = self._starts[file + 1]
            following = at + 1
            if file in found:
                following = behind
            elif (anywhere or text[at - 1] not in _WORD) and holds(file, at, at + len(word)):
                found.add(file)
                following = behind
            at = text.find(word, following)
        return found

    def _files_of_many(self, words: Mapping[bytes, set[bytes]]) -> set[int]:
        """The files that may declare one of many addresses, in one pass."""
        found = set(self._odd)
        for file, (start, end) in enumerate(pairwise(self._starts)):
            here = words.keys() & self._text[start:end].translate(_SPACED).split() if file not in found else ()
            if any(self._holds_in(file, word, partial(self._declares, words[word])) for word in here):
                found.add(file)
        return found

    def _holds_in(self, file: int, word: bytes, holds: Holds) -> bool:
        text, at, behind = self._text, self._starts[file], self._starts[file + 1]
        while (at := text.find(word, at, behind)) >= 0:
            if text[at - 1] not in _WORD and holds(file, at, at + len(word)):
                return True
            at += 1
        return False

    def _declares(self, domains: Set[bytes], file: int, at: int, end: int) -> bool:
        if self._text[at - 2 : at] in _FIRST:
            return False  # nearly always
        return any(self._is_in(domain, file, end) for domain in domains) and self._may_be_key(at)

    def _is_in(self, domain: bytes, file: int, end: int) -> bool:
        """Whether the local part that ends here has this domain, written or by the file's."""
        text = self._text
        if text[end] == ord("@"):
            whole = text.startswith(domain, end + 1)
            return whole and _END_OF_DOMAIN.match(text, end + 1 + len(domain)) is not None
        return text[end] not in _WORD and self._domains.get(file) == domain

    def _names_one(self, domain: bytes, delimiters: bytes, file: int, at: int, end: int) -> bool:  # noqa: ARG002  # as Holds
        if self._text[end] in delimiters:
            here = self._domains.get(file) == domain
            return here or domain in self._text[end : end + _LONGEST + len(domain)]
        return self._is_in(domain, file, end)

    def _claims(self, file: int, at: int, end: int) -> bool:  # noqa: ARG002  # as Holds
        return self._text[end] not in _WORD and (
            self._may_be_key(at) or _USERNAME.search(self._line_before(at) or b"") is not None
        )

    def _may_end_key(self, at: int) -> bool:
        """The same of a name that ends here."""
        before = self._text[max(0, at - _LONGEST) : at]
        rest, _, name = before.rpartition(b" ")
        if rest[-1:] in (b":", b"-") and not name.translate(None, _LETTERS):
            return False  # nearly always
        begin = max(before.rfind(sign) for sign in b" \t\r\n'\"[{,:") + 1
        return self._may_be_key(at - len(before) + begin)

    def _may_be_key(self, at: int) -> bool:
        """False where the line before says that what begins here is a value, an item or a remark. A key behind a colon
        or a dash in quotes, or in a text of several lines, has spaces: it is no address."""
        before = self._line_before(at)
        return before is None or not (_VALUE.search(before) or _ITEM.match(before))

    def _line_before(self, at: int) -> bytes | None:
        """The line up to here, without the quote that a name begins with; None where it is too long."""
        begin = self._text.rfind(b"\n", max(0, at - _LONGEST_LINE), at) + 1
        line = self._text[begin:at]
        return None if not begin else line[:-1] if line[-1:] in (b"'", b'"') else line

    @cached_property
    def _numbers(self) -> list[frozenset[bytes]]:
        return [frozenset(_MEMBER.findall(self._text, *places)) for places in pairwise(self._starts)]

    def _find_headers(self) -> tuple[dict[int, bytes], set[int]]:
        """The domain on top of each file that has one in the usual form; and the files that have any other."""
        headers, odd = dict[int, bytes](), set[int]()
        for match in _DOMAIN.finditer(self._text):
            at = match.start()
            if self._text[at - 1] in _WORD:
                continue  # the end of another word
            file = self._file(at)
            begin = self._text.rfind(b"\n", 0, at)
            header = _HEADER.match(self._text, begin) if at - begin <= len(b"\n'") else None
            if header is None or file in headers:
                odd.add(file)
            else:
                headers[file] = header[1].rstrip(b".")
        return headers, odd

    def _oddities(self) -> Iterator[int]:
        text = self._text
        yield from (match.start() for match in _ODD.finditer(text))
        for node in _NODE:
            yield from (match.start() for match in node.finditer(text) if text[match.start() - 1] in _BEGINS)
        yield from (match.start() for match in _ODD_DOMAIN.finditer(text))
        for section in section_names():
            if section not in SEARCHED and (word := section.encode()) in text:  # in whatever word: a few files more
                yield from (match.start() for match in re.finditer(rb"%s[\"']?\s*:" % word, text))
