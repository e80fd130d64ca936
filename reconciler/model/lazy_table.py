"""A declared table of which only the keys are known before: entries are read when somebody asks for one. For plans that
are about a part of a big site (`declared.lazy`)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, KeysView, Mapping, Sequence
from functools import cached_property
from typing import TypeVar

K = TypeVar("K")
V = TypeVar("V")


class LazyTable(Mapping[K, V]):
    """`read` gives the entries of one file, by key. Who loops over values has all files read, one after the other."""

    def __init__(self, read: Callable[[str], Mapping[K, V]]) -> None:
        self._read = read
        self._files: dict[K, str] = {}
        self._found: dict[K, V] = {}
        self.numbers: list[tuple[str, K]] = []
        """Member numbers and who has them, in the order of the table."""

    def add(self, file: str, keys: Sequence[K], numbers: Sequence[str | None] = ()) -> bool:
        """These are in that file, behind what is there; False where one is there already."""
        before = len(self._files)
        self._files.update(dict.fromkeys(keys, file))
        self.numbers += [(number, key) for number, key in zip(numbers, keys, strict=False) if number is not None]
        return len(self._files) == before + len(keys)

    def add_read(self, entries: Mapping[K, V]) -> None:
        """These were read."""
        self._found.update(entries)

    def __getitem__(self, key: K) -> V:
        if key not in self._found:
            self.add_read(self._read(self._files[key]))
        return self._found[key]

    def __contains__(self, key: object) -> bool:
        return key in self._files

    def __iter__(self) -> Iterator[K]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)

    @cached_property
    def domains(self) -> frozenset[str]:
        """Those of addresses: asked for by several gates, and the keys are what they are."""
        return frozenset(str(key).rpartition("@")[2] for key in self._files)

    def keys(self) -> KeysView[K]:
        """A real one: sets of a hundred thousand are made from it."""
        return self._files.keys()
