"""A state of which only the files are read that are needed, for a plan that is about a part of a big site.

Which files may declare something says a search over their bytes (`mentions`). A file is read as a whole, once. Where
something is wrong with a file that was read, or with what was read together, this gives up (`Unsound`): then everything
is to be read, so that all problems are told. What is wrong in files that were not read, nobody says.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from threading import RLock
from typing import Any, NoReturn

from reconciler.declared.mentions import SEARCHED, Mentions
from reconciler.declared.merge import check, merge
from reconciler.declared.problems import Problem, Problems
from reconciler.declared.read.source import Source
from reconciler.declared.read.text import read_content
from reconciler.declared.section import Batch
from reconciler.declared.values import Load, read_files
from reconciler.model.addresses import Address, BadAddress, domain_of, local_part, parse_address
from reconciler.model.declared import Alias, Mailbox
from reconciler.model.lazy_table import Files, LazyTable
from reconciler.planning.finding import Finding
from reconciler.settings import Settings

BIG = 4_000_000
"""Bytes of a whole state; a smaller one is read before a part of it would be found."""
MOST = 150
"""Searches, each through all bytes; who needs more is better off when everything is read."""
_TOGETHER = 30
"""As many of them any number of addresses takes at once."""


class Unsound(Exception):
    """Everything is to be read: something is wrong with what was read, or may be."""


def read_lazily(sources: Sequence[Source], load: Load, site: Settings) -> PartlyRead | None:
    """None where all is to be read, with another `load`: a small state, and one with which something is wrong."""
    contents = {source: read_content(source, load.problems) for source in sources}
    whole = {source: content for source, content in contents.items() if content is not None}
    if load.problems.any_error or sum(map(len, whole.values())) < BIG:
        return None
    mentions = Mentions({source.name: content for source, content in whole.items()})
    try:
        return PartlyRead(whole, mentions, load, site)
    except Unsound:
        return None


def read_beside(head: PartlyRead, contents: Mapping[Source, bytes], load: Load, site: Settings) -> PartlyRead | None:
    """The same of another state, of which most files are those of `head`: the others are read, in both. None where all
    of it is to be read. Raises Unsound for what is wrong with `head`."""
    same = {source.name for source, content in contents.items() if head.contents.get(source.name) == content}
    head.apart_from(same)
    try:
        return PartlyRead(contents, head.mentions, load, site, same)
    except Unsound:
        return None


class PartlyRead(Files):
    """The files of one state by what was read of them. `mentions` knows at least those that are not read."""

    def __init__(
        self,
        contents: Mapping[Source, bytes],
        mentions: Mentions,
        load: Load,
        site: Settings,
        same: Collection[str] | None = None,
    ) -> None:
        """Reads what no search could find. `same`: the files of which `mentions` knows the content, when that is not
        all. Raises Unsound."""
        self.contents = {source.name: content for source, content in contents.items()}
        self.mentions = mentions
        self.load = load
        self._site = site
        self._places = {source.name: place for place, source in enumerate(contents)}
        self._left = {source.name: source for source in contents}
        self._boxes = LazyTable[Address, Mailbox](self)
        self._aliases = LazyTable[Address, Alias](self)
        self._numbers: dict[str, Address] = {}
        self._domains: set[str] = set()
        self._asked: set[str] = set()
        self._whole_domains: set[str] = set()
        self._no_domains: set[str] = set()
        self._searches = 0
        self._given_up = False
        self._compared: tuple[int, ...] = ()
        self._remarks: Sequence[Problem] = ()
        self._lock = RLock()
        """What systems should hold is worked out in a thread."""
        self._others: list[Batch] | None = []
        self._read(mentions.odd)
        if same is not None:
            self.apart_from(same)
        state, self._others = merge(self._others, load.today, load.problems), None
        self.state = replace(state, mailboxes=self._boxes, aliases=self._aliases)
        self._removed = {removal.mailbox for removal in state.removals}
        self.settle()

    @property
    def unread(self) -> int:
        """How many files were not read."""
        return len(self._left)

    def findings(self) -> tuple[Finding, ...]:
        """What is to be said of what was read. Raises Unsound."""
        self.settle()
        problems = Problems()
        problems.add(self.load.problems.since(0))
        problems.add(self._remarks)
        return problems.findings(self.load.locator.place_of)

    def apart_from(self, same: Collection[str]) -> None:
        """Reads all but these, which another state has as well."""
        names = self._places.keys() - same
        self._read(names)
        self._boxes.apart = self._aliases.apart = frozenset(self._places[name] for name in names)

    def look_up(self, addresses: Collection[str]) -> None:
        with self._lock:
            new = [each for each in addresses if not self._knows(Address(each))]
            self._asked.update(new)
            self.among(new)
            for address in new if self._left else ():
                self._read_beside(Address(address))

    def among(self, addresses: Collection[str]) -> None:
        with self._lock:
            new = {each for each in addresses if not self._is_of_whole_domain(each) and _is_address(each)}
            if new and self._left:
                self._search(min(len(new), _TOGETHER))
                self._read(self.mentions.declaring(new))

    def _knows(self, address: Address) -> bool:
        """Whether all files were read that may declare something there."""
        return not self._left or address in self._asked or self._is_of_whole_domain(address)

    def _is_of_whole_domain(self, address: str) -> bool:
        return domain_of(address) in self._whole_domains

    def _read_beside(self, address: Address) -> None:
        """What could contradict what is declared at an address."""
        if local_part(address).isdigit():
            self._read(self.mentions.numbered(local_part(address)))
        box = self._boxes.among_read(address)
        if box is not None and box.member is not None:
            self._read(self.mentions.numbered(box.member))
        openxchange = self._site.openxchange
        if box is not None and box.groupware and openxchange is not None:
            made = box.address if openxchange.username == "address" else local_part(box.address)
            self.claiming(box.username or made)
        if address in self._removed:
            self.leading_to((address,), "+")

    def at(self, domain: str) -> None:
        with self._lock:
            if domain in self._whole_domains or not self._left:
                return
            self._search(1)
            self._read(self.mentions.at(domain))
            self._whole_domains.add(domain)
            boxes = [box for box in self._boxes.read.values() if domain_of(box.address) == domain]
            self._read({name for box in boxes if box.member for name in self.mentions.numbered(box.member)})

    def has_domain(self, domain: str) -> bool:
        with self._lock:
            known = domain in self._domains or domain in self._no_domains or not self._left
            if known or not _is_address(f"a@{domain}"):
                return domain in self._domains
            self._search(1)
            for name in sorted(self.mentions.at(domain)):
                if domain not in self._domains:
                    self._read((name,))
            self._no_domains.add(domain)
            return domain in self._domains

    def leading_to(self, addresses: Collection[str], delimiters: str) -> None:
        with self._lock:
            if self._left:
                self._search(len(addresses))
                self._read(self.mentions.leading_to(addresses, delimiters))

    def numbered(self, number: str) -> str | None:
        with self._lock:
            if number not in self._numbers and self._left and number.isdigit():
                self._read(self.mentions.numbered(number))
            return self._numbers.get(number)

    def claiming(self, login: str) -> None:
        with self._lock:
            if self._left:
                self._search(1)
                self._read(self.mentions.claiming(login))

    def read_more(self) -> bool:
        with self._lock:
            self._read(list(self._left)[:1])
            return bool(self._left)

    def read_all(self) -> None:
        with self._lock:
            if self._left:
                self._read(self._left.keys())
                self.settle()

    def settle(self) -> None:
        """Raises Unsound."""
        with self._lock:
            self._refuse(self.load.problems)
            there = len(self._left), len(self._asked), len(self._whole_domains)
            if self._compared == there:
                return
            said = Problems()
            state = replace(self.state, mailboxes=self._boxes.read, aliases=self._aliases.read)
            check(state, self._site, said, self._knows)
            self._refuse(said)
            self._compared, self._remarks = there, said.since(0)

    def _search(self, number: int) -> None:
        self._searches += number
        if self._searches > MOST:
            self.read_all()

    def _read(self, names: Collection[str]) -> None:
        """Those of them that were not read; everything, when little would be left."""
        new = self._left.keys() & names
        if new and (len(self._left) - len(new)) * 2 < len(self._places):
            new = set(self._left)
        sources = [source for name, source in self._left.items() if name in new]
        for name in new:
            del self._left[name]
        for source, batches in read_files(sources, self.contents, self.load):
            self._take_in(self._places[source.name], batches)
        self._refuse(self.load.problems)

    def _take_in(self, place: int, batches: Sequence[Batch]) -> None:
        for section, values in batches:
            if section.name not in SEARCHED:
                if self._others is None:
                    self._give_up()  # no search finds these: all are to be read at first
                self._others.append((section, values))
                continue
            entries = dict(zip(map(section.key, values), values, strict=True))
            is_boxes = section.name == "mailboxes"
            table: LazyTable[Any, Any] = self._boxes if is_boxes else self._aliases
            if not table.put(place, entries) or len(entries) != len(values):
                self._give_up()
            self._domains.update(map(domain_of, entries))
            if is_boxes:
                self._numbers.update((box.member, box.address) for box in values if box.member is not None)

    def _refuse(self, problems: Problems) -> None:
        if problems.any_error or self._given_up:
            self._give_up()

    def _give_up(self) -> NoReturn:
        """Again and again, so that nobody who catches much goes on with half of a state."""
        self._given_up = True
        raise Unsound


def _is_address(text: str) -> bool:
    """Whether something can be declared there."""
    try:
        return parse_address(text) == text
    except BadAddress:
        return False
