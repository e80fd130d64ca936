"""The state as it is edited: which file takes an entry and where in it, and what becomes of entries that are there.

What is edited is what was loaded; an `Edit` collects the files that differ. The caller loads the result before it
writes any of it.
"""

from __future__ import annotations

import posixpath
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from reconciler.declared.sections.mailboxes import MailboxEntry
from reconciler.declared.write.concrete import Node
from reconciler.declared.write.file_text import FileText, out_of_order
from reconciler.declared.write.layout import File, in_braces, keyed_lines, listed_lines, short, write
from reconciler.declared.write.scalars import scalar
from reconciler.declared.write.schema_line import schema_for
from reconciler.errors import UsageError
from reconciler.model.addresses import Address, BadAddress, domain_of, parse_domain
from reconciler.model.declared import Alias, DesiredState
from reconciler.model.source_places import Origin

_NAMES = {
    "renames": ("from",),
    "removals": ("mailbox",),
    "sender_blocks": ("sender", "domain"),
    "confirm": ("subject",),
}
"""The fields by which the entries of a list are sorted, where they are."""
_ORDERLY = 8
"""Of so many entries one may stand out of order, and they still count as sorted: a rename leaves one."""


class Edit:
    """Edits of a state that is valid. `read` gives the bytes of a file of it, by its name below the folder."""

    def __init__(self, state: DesiredState, names: Iterable[str], read: Callable[[str], bytes]) -> None:
        self.state = state
        self._names = sorted(names)
        self._read = read
        self._files: dict[str, FileText] = {}
        self._before: dict[str, bytes] = {}
        self.remarks: list[str] = []
        """What somebody who looks at the difference should know."""

    def changed(self) -> dict[str, tuple[bytes, bytes]]:
        """The files that differ, by name: as they were (empty when new) and as they are to be."""
        now = {name: file.content for name, file in self._files.items()}
        return {name: (self._before[name], now[name]) for name in sorted(now) if now[name] != self._before[name]}

    @contextmanager
    def whole(self) -> Iterator[None]:
        """All edits of the block, or none of them when it raises UsageError."""
        files, names, remarks = dict(self._files), list(self._names), list(self.remarks)
        try:
            yield
        except UsageError:
            self._files, self._names, self.remarks = files, names, remarks
            raise

    def add(self, section: str, entry: Any, *, key: str = "", domain: str | None = None) -> None:
        """One more entry, in the file where those of its domain stand, else where the section is, else in a new one.
        `entry` has fields, or an alias' targets; `key` is its address in a section with keys; `domain` is that of the
        address."""
        name = self._place(section, domain)
        if name is None:
            self._put(self._new(section, entry, key, domain))
            return
        file = self._file(name)
        ours = _domain(file)
        lines = keyed_lines(key, entry, ours) if key else listed_lines(entry, ours)
        braces = (f"{scalar(short(key, ours), in_brackets=True)}: " if key else "") + in_braces(entry, ours)
        root = file.concrete.root
        if root is None or root.child(section) is None:
            self._put(file.appended(section, lines))
            return
        wanted = key or next((str(entry[name]) for name in _NAMES[section] if name in entry), "")
        index = _index(file, section, wanted, domain)
        self._put(file.inserted(section, index, lines, braces))

    def take_out(self, origins: Iterable[Origin]) -> None:
        """Without these entries. Comments above them stay, since they may speak of others, too."""
        for origin in sorted(origins, key=lambda origin: (origin.file, origin.section, _number(origin)), reverse=True):
            file = self._file(origin.file)
            section = file.section(origin.section)
            index = _position(section, origin)
            if not section.flow and (span := file.span(section, index)).lead < span.first:
                says = (
                    f"the comment above it stays ({origin.file}:{span.lead + 1}): remove it if it is about {origin.key}"
                )
                self.remarks.append(
                    says if section.pairs else f"the comment above it stays ({origin.file}:{span.lead + 1})"
                )
            self._put(file.without(section, index))

    def set_fields(self, origin: Origin, fields: Mapping[str, object]) -> None:
        """With these fields in the entry of a mailbox."""
        for name, value in fields.items():
            file = self._file(origin.file)
            section = file.section(origin.section)
            key, entry = section.children[_position(section, origin)]
            self._put(file.with_field(key, entry, name, value, list(MailboxEntry.model_fields)))

    def has_field(self, origin: Origin, name: str) -> bool:
        """Whether the entry of a mailbox writes this field itself."""
        section = self._file(origin.file).section(origin.section)
        _, entry = section.children[_position(section, origin)]
        return bool(entry.pairs) and entry.child(name) is not None

    def set_key(self, origin: Origin, address: Address) -> Origin:
        """The entry under another address, where it stands, with everything in it."""
        file = self._file(origin.file)
        section = file.section(origin.section)
        key, _ = section.children[_position(section, origin)]
        written = scalar(short(address, _domain(file)), in_brackets=section.flow)
        self._put(file.spliced((file.plain(key).start, key.end, written)))
        return origin._replace(key=short(address, _domain(file)))

    def move(self, origin: Origin, domain: str) -> None:
        """An entry of a section with keys into the file of this domain, with what stands on its lines, where files are
        split by domain. One in braces stays."""
        file = self._file(origin.file)
        section = file.section(origin.section)
        if section.flow or not self._of_another(origin.file, domain):
            return
        index = _position(section, origin)
        address, (first, *rest) = section.children[index][0], file.lines_of(section, index)
        self.take_out([origin])
        name = self._place(origin.section, domain)
        target = self._file(name) if name is not None else self._empty(origin.section, domain)
        key = scalar(short(origin.key, _domain(target)))
        lines = [key + first[address.end - address.start :], *rest]
        root = target.concrete.root
        if root is None or root.child(origin.section) is None:
            self._put(target.appended(origin.section, lines))
        else:
            self._put(target.inserted(origin.section, _index(target, origin.section, origin.key, domain), lines, None))

    def set_target(self, alias: Alias, old: Address, new: Address | None) -> None:
        """Another target instead of one of an alias, or one less. Raises UsageError for the last one."""
        file = self._file(alias.origin.file)
        section = file.section("aliases")
        _, entry = section.children[_position(section, alias.origin)]
        targets = file.plain(entry).child("goto") if entry.pairs is not None else entry
        assert targets is not None
        index = alias.goto.index(old)
        if new is None or new in alias.goto:
            if targets.items is None or len(targets.items) == 1:
                raise UsageError(
                    f"{alias.address} leads to {old} alone, and would lead to nobody",
                    hint=f"first: reconciler remove {alias.address}, or: reconciler add alias {alias.address} TARGET",
                )
            self._put(file.without(targets, index))
            return
        node = file.plain(targets.items[index] if targets.items is not None else targets)
        flow = targets.flow or section.flow
        self._put(file.spliced((node.start, node.end, scalar(short(new, _domain(file)), in_brackets=flow))))

    def set_targets(self, alias: Alias, targets: Sequence[Address]) -> None:
        """Exactly these targets, whatever their order; those that stay keep their places and comments."""
        gone = [target for target in alias.goto if target not in targets]
        new = [target for target in targets if target not in alias.goto]
        for old, other in zip(gone, new, strict=False):
            self.set_target(alias, old, other)
        self.add_targets(alias, new[len(gone) :])
        for old in reversed(gone[len(new) :]):  # from behind: the places of the others stay
            self.set_target(alias, old, None)

    def set_active(self, alias: Alias, active: bool) -> None:
        """Switched on or off."""
        file = self._file(alias.origin.file)
        section = file.section("aliases")
        key, entry = section.children[_position(section, alias.origin)]
        if entry.pairs is not None:
            self._put(file.with_field(key, entry, "active", active, ["goto", "active"]))
        else:
            self._put(file.with_mapping(key, entry, "goto", f"active: {scalar(active)}"))

    def add_targets(self, alias: Alias, targets: Sequence[Address]) -> None:
        """More targets of an alias that is there, behind the others."""
        for target in targets:
            file = self._file(alias.origin.file)
            section = file.section("aliases")
            _, entry = section.children[_position(section, alias.origin)]
            node = file.plain(entry).child("goto") if entry.pairs is not None else entry
            assert node is not None
            written = short(target, _domain(file))
            if node.items is None:
                file.plain(node)
                both = ", ".join(scalar(text, in_brackets=True) for text in (node.text, written))
                self._put(file.spliced((node.start, node.end, f"[{both}]")))
                continue
            lines, braces = [f"- {scalar(written)}"], scalar(written, in_brackets=True)
            self._put(file.with_item(node, lines, braces))

    def _file(self, name: str) -> FileText:
        if name not in self._files:
            self._before[name] = self._read(name)
            self._files[name] = FileText.of(name, self._before[name])
        return self._files[name]

    def _put(self, file: FileText) -> None:
        if file.name not in self._names:
            self._names.append(file.name)
        self._before.setdefault(file.name, b"")
        self._files[file.name] = file

    def _place(self, section: str, domain: str | None) -> str | None:
        """The file for an entry; None for a new one."""
        counted = Counter(origin.file for origin, key in self._entries(section) if domain and _is_of(key, domain))
        counted = counted or Counter(
            origin.file for origin, _ in self._entries(section) if not self._of_another(origin.file, domain)
        )
        if counted:
            return min(counted, key=lambda name: (-counted[name], name))
        empty = re.compile(rf"^[\"']?{section}[\"']? *:", re.MULTILINE)
        for name in self._names:
            if not self._of_another(name, domain) and empty.search(self._text(name)):
                return name
        new = self._new_name(section, domain)
        return new if new in self._names else None

    def _entries(self, section: str) -> Iterator[tuple[Origin, str]]:
        """Each entry with what it is about."""
        found = self.state.section(section)
        for value in found.values() if isinstance(found, Mapping) else found:
            yield value.origin, subject_of(value)

    def _of_another(self, name: str, domain: str | None) -> bool:
        """Whether the file is that of one domain, and not of this one."""
        folder = self._domain_of_folder(name)
        return folder is not None and folder != domain

    def _domain_of_folder(self, name: str) -> str | None:
        folder = posixpath.dirname(name).rpartition("/")[2]
        try:
            return parse_domain(folder) if folder else None
        except BadAddress:
            return None

    def _new_name(self, section: str, domain: str | None) -> str:
        by_domain = {posixpath.dirname(posixpath.dirname(n)) for n in self._names if self._domain_of_folder(n)}
        if domain is not None and by_domain and section not in ("sender_blocks", "confirm"):
            return posixpath.join(min(by_domain), domain, f"{section}.yaml")
        return f"{section}.yaml"

    def _new(self, section: str, entry: Any, key: str, domain: str | None) -> FileText:
        content: Any = {key: entry} if key else [entry]
        return self._empty(section, domain, {section: content})

    def _empty(self, section: str, domain: str | None, content: Mapping[str, Any] = {}) -> FileText:
        """A new file for a section, with this content."""
        name = self._new_name(section, domain)
        ours = domain if "/" in name or self.state.domains <= {domain} else None
        schema = schema_for(name, ((other, self._text(other)) for other in self._names))
        return FileText.of(name, write(File(ours, content), schema=schema).text.encode("utf-8"))

    def _text(self, name: str) -> str:
        file = self._files.get(name)
        return file.text if file else self._read(name).decode("utf-8", "replace").removeprefix("\ufeff")


def subject_of(value: Any) -> str:
    """What a declared value is about: an address, a domain, a block's key."""
    names = ("address", "old", "mailbox", "key", "subject", "domain", "name")
    return next(str(getattr(value, name)) for name in names if hasattr(value, name))


def _index(file: FileText, section: str, wanted: str, domain: str | None) -> int:
    """Before which entry one of this key comes: in order, where those of its domain are, else behind the last."""
    node, completed = file.section(section), None if section == "sender_blocks" else file.domain
    keys: list[str] = []
    for key, value in node.children:
        named = key if node.pairs is not None else next((n for f in _NAMES[section] if (n := value.child(f))), None)
        keys.append(_whole((named.text if named else "") or "", completed))
    of_domain = [i for i, key in enumerate(keys) if not domain or _is_of(key, domain)] or list(range(len(keys)))
    if node.items is not None and section != "sender_blocks":
        return len(keys)  # by their dates, as they come
    if out_of_order([keys[i] for i in of_domain]) * _ORDERLY > len(of_domain):
        return of_domain[-1] + 1
    wanted = _whole(wanted, completed)
    before = [0]
    for i in of_domain:  # where the fewest stand on the wrong side
        before.append(before[-1] + (1 if keys[i] > wanted else -1))
    best = max(range(len(before)), key=lambda n: (-before[n], -n))
    return of_domain[best] if best < len(of_domain) else (of_domain[-1] + 1 if of_domain else 0)


def _whole(key: str, domain: str | None) -> str:
    lower = key.strip().lower()
    return lower if "@" in lower or domain is None else f"{lower}@{domain.lower()}"


def _is_of(key: str, domain: str) -> bool:
    return domain_of(key) == domain


def _number(origin: Origin) -> tuple[int, str]:
    return (int(origin.key), "") if origin.key.isdecimal() else (0, origin.key)


def _position(section: Node, origin: Origin) -> int:
    if section.items is not None:
        return int(origin.key)
    return next(i for i, (key, _) in enumerate(section.children) if key.text == origin.key)


def _domain(file: FileText) -> str | None:
    try:
        return parse_domain(file.domain) if file.domain else None
    except BadAddress:
        return None
