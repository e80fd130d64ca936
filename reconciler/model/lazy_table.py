"""A declared table of which only some files were read: who asks for an entry has those read that may hold it. For plans
that are about a part of a big site (`declared.lazy`)."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection, Iterator, Mapping, Set
from typing import Any, Protocol, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Files(Protocol):
    """The files of a state. Each method has all files read that may hold what is asked for, and raises what is to be
    raised where one cannot be used."""

    @abstractmethod
    def look_up(self, addresses: Collection[str]) -> None:
        """Whatever is declared at these addresses, and what could contradict it."""

    @abstractmethod
    def among(self, addresses: Collection[str]) -> None:
        """Whatever is declared at these addresses."""

    @abstractmethod
    def at(self, domain: str) -> None:
        """Whatever is declared in this domain."""

    @abstractmethod
    def has_domain(self, domain: str) -> bool:
        """Whether a mailbox or an alias is declared there."""

    @abstractmethod
    def leading_to(self, addresses: Collection[str], delimiters: str) -> None:
        """Aliases that lead to one of these addresses, or to one with an extension behind a delimiter."""

    @abstractmethod
    def numbered(self, number: str) -> str | None:
        """The mailbox of a member number."""

    @abstractmethod
    def claiming(self, login: str) -> None:
        """Mailboxes that want this login."""

    @abstractmethod
    def read_more(self) -> bool:
        """A file that was not read yet; False where there is none."""

    @abstractmethod
    def read_all(self) -> None:
        """All of them."""

    @abstractmethod
    def settle(self) -> None:
        """Compares what was read so far."""


class LazyTable(Mapping[K, V]):
    """`files` read, and put what they read in here. Who loops over it has all files read."""

    def __init__(self, files: Files) -> None:
        self.files = files
        self._by_place: dict[int, Mapping[K, V]] = {}
        self._found: dict[K, V] = {}
        self.apart = frozenset[int]()
        """The places of the files that another state does not have so, where there is one."""

    def put(self, place: int, entries: Mapping[K, V]) -> bool:
        """These are in the file of that place; False where another file has one of them."""
        is_new = self._found.keys().isdisjoint(entries)
        self._by_place[place] = entries
        self._found.update(entries)
        return is_new

    @property
    def read(self) -> Mapping[K, V]:
        """What was read so far, in the order of the files; what is read later does not come in."""
        return {key: value for _, entries in sorted(self._by_place.items()) for key, value in entries.items()}

    def among_read(self, key: K) -> V | None:
        """An entry, if it was read."""
        return self._found.get(key)

    @property
    def differing(self) -> Mapping[K, V]:
        """The entries of the files `apart`."""
        return {k: v for place in sorted(self.apart & self._by_place.keys()) for k, v in self._by_place[place].items()}

    def __getitem__(self, key: K) -> V:
        self.files.look_up((str(key),))
        return self._found[key]

    def __contains__(self, key: object) -> bool:
        self.files.look_up((str(key),))
        return key in self._found

    def __iter__(self) -> Iterator[K]:
        self.files.read_all()
        return iter(self.read)  # loops may ask for more

    def __len__(self) -> int:
        self.files.read_all()
        return len(self._found)

    def __bool__(self) -> bool:
        while not self._found and self.files.read_more():
            pass
        return bool(self._found)


class LazyNumbers(Mapping[str, Any]):
    """Member number → address, of a lazy table of mailboxes."""

    def __init__(self, boxes: LazyTable[Any, Any]) -> None:
        self._boxes = boxes

    def __getitem__(self, number: str) -> Any:
        address = self._boxes.files.numbered(number)
        if address is None:
            raise KeyError(number)
        return address

    def __iter__(self) -> Iterator[str]:
        return (box.member for box in self._boxes.values() if box.member is not None)

    def __len__(self) -> int:
        return sum(1 for _ in self)


class LazyDomains(Set[Any]):
    """The domains of lazy tables."""

    def __init__(self, *tables: LazyTable[Any, Any]) -> None:
        self._tables = tables

    def __contains__(self, domain: object) -> bool:
        return any(table.files.has_domain(str(domain)) for table in self._tables)

    def __iter__(self) -> Iterator[Any]:
        return iter({str(key).rpartition("@")[2] for table in self._tables for key in table})

    def __len__(self) -> int:
        return sum(1 for _ in self)

    @classmethod
    def _from_iterable(cls, it: Any) -> Any:
        return frozenset(it)
