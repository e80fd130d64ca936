"""`report --mask`: a document in which short tokens stand for names, addresses and numbers, for places where not
everybody may read. All reports are written from it, so that none can forget it.

A token is an HMAC under a key: a plain hash of an address could be guessed by hashing all that are likely. What is
known to be no name (enumerations, counts, dates, names of systems and rules) stays. Of what is written for people the
words of the program's own sentences stay, and everything else is replaced: a text that nobody thought of is hidden, not
shown (docs/decisions/0022-masked-reports.md).
"""

from __future__ import annotations

import hmac
import re
from base64 import b32encode
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.resources import files

from reconciler.report.read_document import Document

SHORTEST_KEY = 16
"""Bytes. A shorter key could be guessed, and with it every address."""

_KEPT = frozenset(
    {"$schema", "site", "commit", "ref", "fetch", "purpose", "language", "scope"}
    | {"effect", "severity", "rule", "system", "kind", "cause", "direction", "result"}
)
"""Fields that hold no name: words of ours, hashes of git, what the site is called."""
_WORDS = {"action": frozenset({"create", "update", "rename", "delete"})}
_HASHES = frozenset({"digest", "checksum", "fingerprint", "plan"})
"""SHA-256 over names among other things: whoever knows the rest could try names until it fits."""
_IDS = frozenset({"id", "owner", "target"})
_VALUES = frozenset(
    {"subject", "key", "former_key", "address", "only", "who", "author"}
    | {"mailboxes", "external", "answers", "bounces", "loops"}
)
"""Fields that hold nothing but an address, a name or the like."""
_COUNTING = frozenset({"gates"})
"""Fields with numbers that count and name nobody."""
_ROWS = frozenset({"before", "after", "fields"})
_PLAIN_NUMBERS = frozenset({"quota"})
_DROPPED = frozenset({"policy"})
"""The configuration of the gates: keys are names of domains, values lists of accounts."""

_FILES = frozenset({"yaml", "yml", "json", "md", "j2", "cf", "properties"})
_PIECE = re.compile(
    r"""(?P<moment>\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2})?(?:\ ?[+-]\d{2}:?\d{2})?)?(?!\d))
      | "(?P<quoted>[^"]*)"
      | (?P<address>[^\s<>()\[\]{},;:"'`→−+=]*@[^\s<>()\[\]{},;:"'`]*)
      | (?P<chunk>[^\W_]+(?:[-._/'’][^\W_]+)*)""",
    re.VERBOSE,
)
_ATOM = re.compile(r"[^\W\d_]+|\d+")
_NOUNS = (
    "s|min|h|bytes|accounts?|mailbox(?:es)?|alias(?:es)?|OX users|rows?|lines?"
    "|(?:OX-)?Kont(?:o|en)|Postf(?:ach|ächer)|Alias(?:se)?|Zeilen?"
)
_UNIT = re.compile(rf"\s?(?:MB|GB|KB|kB|%|(?:{_NOUNS})\b)")
"""What a number counts that is nobody's."""


def masked(document: Document, key: bytes) -> Document:
    """The same document without names. Raises ValueError for a key that is too short."""
    if len(key) < SHORTEST_KEY:
        raise ValueError(f"the key has {len(key)} bytes, {SHORTEST_KEY} are the least")
    data = document.model_dump(by_alias=True)
    changed = _Mask(key, _known(data), str(data.get("site", ""))).part(data)
    assert isinstance(changed, dict)
    return type(document).model_validate({**changed, "masked": True})


def _known(data: object, field: str = "", row: bool = False) -> Iterator[str]:
    """Every value that is certainly an address, a name or a number of somebody."""
    match data:
        case dict():
            for name, value in data.items():
                yield from _known(value, name, row or field in _ROWS)
        case list() | tuple():
            for value in data:
                yield from _known(value, field, row)
        case str() if row or field in _VALUES:
            yield data
        case int() if row and field not in _PLAIN_NUMBERS:
            yield str(data)


class _Mask:
    """Replaces the names of one document; equal names have equal tokens, under one key in all documents."""

    def __init__(self, key: bytes, known: Iterable[str], site: str) -> None:
        self._key = key
        values = {value for value in known if value and value != site}
        self._numbers = {value.partition("@")[0] for value in values if value.partition("@")[0].isdigit()}
        self._site = site
        # of all others some word is none of ours, so that it is replaced anyway
        plain = {v for v in values if " " in v and all(word in _words() for word in _ATOM.findall(v))}
        phrases = sorted(plain, key=lambda value: (-len(value), value))
        any_of = "|".join(rf"(?<!\w){re.escape(phrase)}(?!\w)" for phrase in phrases)
        self._phrases, self._issued = re.compile(any_of or "(?!)", re.IGNORECASE), set[str]()
        full: dict[str, set[str]] = {}
        for local, at, domain in (value.casefold().rpartition("@") for value in values):
            if at and domain:
                full.setdefault(local, set()).add(f"{local}@{domain}")
        self._full = {local: found.pop() for local, found in full.items() if len(found) == 1}

    def part(self, data: object, field: str = "", *, row: bool = False) -> object:
        """A value of the document under the name of its field."""
        match data:
            case dict():
                inside = row or field in _ROWS
                return {} if field in _DROPPED else {n: self.part(v, n, row=inside) for n, v in data.items()}
            case list() | tuple():
                return tuple(self.part(value, field, row=row) for value in data)
            case bool() | None:
                return data
            case int() if row and field not in _PLAIN_NUMBERS:
                return self.token(str(data))
            case str():
                return self._text_of(data, field, row=row)
        return data

    def _text_of(self, text: str, field: str, *, row: bool) -> str:
        if not text or (not row and (field in _KEPT or text in _WORDS.get(field, ()) or text == self._site)):
            return text
        if field in _HASHES and not row:
            return hmac.digest(self._key, text.encode(), "sha256").hex()
        if row or field in _VALUES:
            return self.token(text)
        return f"id-{self._short(text, 12)}" if field in _IDS else self.text(text, counts=field in _COUNTING)

    def token(self, value: str) -> str:
        """`a-k3f9x2ma@d-7xq2` for an address, `n-k3f9x2ma` for anything else; the same for the same value."""
        local, at, domain = value.casefold().rpartition("@")
        if not at:
            return f"n-{self._short(value.casefold())}"
        if not domain:
            whole = self._full.get(local, value).casefold()
            return f"a-{self._short(whole)}@"
        return f"{f'a-{self._short(value.casefold())}' if local else ''}@d-{self._short(domain, 5)}"

    def text(self, text: str, *, counts: bool = False) -> str:
        """A sentence: the program's own words stay, and where it `counts` all numbers."""
        named = self._phrases.sub(self._issue, text)
        return _PIECE.sub(lambda found: self._piece(found, named, counts), named)

    def _issue(self, found: re.Match[str]) -> str:
        token = self.token(found[0])
        self._issued.add(token)
        return token

    def _piece(self, found: re.Match[str], text: str, counts: bool) -> str:
        match found.lastgroup:
            case "quoted":
                return f'"{self.token(found["quoted"])}"' if found["quoted"] else '""'
            case "address":
                address = found["address"].rstrip(".!?")
                return self.token(address) + found["address"][len(address) :] if address != "@" else address
            case "chunk" if counts and found["chunk"].isdigit():
                return found[0]
            case "chunk" if not self._harmless(found["chunk"], text[found.end() :]):
                return self.token(found["chunk"])
        return found[0]

    def _harmless(self, chunk: str, behind: str) -> bool:
        """Whether it consists of words of ours and of small numbers, and is no name of a host."""
        if chunk == self._site or chunk in self._issued:
            return True
        stem, dot, last = chunk.rpartition(".")
        if dot and last not in _FILES and not last.isdigit():
            return False
        atoms = _ATOM.findall(stem if dot and last in _FILES else chunk)
        return all(
            self._harmless_number(a, behind) if a.isdigit() else a in _words() or (len(a) == 1 and a.isascii())
            for a in atoms
        )

    def _harmless_number(self, digits: str, behind: str) -> bool:
        return digits not in self._numbers and (len(digits) < 3 or bool(_UNIT.match(behind)))

    def _short(self, value: str, length: int = 8) -> str:
        digest = hmac.digest(self._key, value.encode("utf-8", "replace"), "sha256")
        return b32encode(digest).decode("ascii").lower()[:length]


def _is_ours(word: str) -> bool:
    return word in _words() or (len(word) == 1 and word.isascii())


@cache
def _words() -> frozenset[str]:
    listed = files("reconciler.report.documents").joinpath("known_words.txt").read_text(encoding="utf-8")
    return frozenset(listed.split())
