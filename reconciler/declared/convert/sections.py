"""From the plain value of one file to checked entries, section by section and in slices, so that no big file is held
twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, NamedTuple, get_origin

from pydantic import TypeAdapter, ValidationError

from reconciler.declared.convert.describe_input import describe, nearest
from reconciler.declared.convert.error_messages import Sentence, sentence
from reconciler.declared.convert.models import (
    AliasTargets,
    ConfirmEntry,
    Entry,
    MailboxEntry,
    RemovalEntry,
    RenameEntry,
    SenderBlockEntry,
    StateFile,
)
from reconciler.declared.parse.missing_separators import unseparated

SLICE = 2_000  # entries validated at once

_MODELS: dict[str, Any] = {
    "mailboxes": dict[str, MailboxEntry | None],
    "aliases": dict[str, AliasTargets],
    "renames": list[RenameEntry],
    "removals": list[RemovalEntry],
    "sender_blocks": list[SenderBlockEntry],
    "confirm": list[ConfirmEntry],
}
_ADAPTERS: dict[str, TypeAdapter[Any]] = {name: TypeAdapter(model) for name, model in _MODELS.items()}


class Checked(NamedTuple):
    """An entry that fits its model. `entry` is None for a mailbox without any field."""

    section: str
    key: str
    entry: Entry | None


def read_sections(data: Any) -> Iterator[Checked | Sentence]:
    """Everything in one file except `domain`: entries that fit, sentences about those that do not."""
    if data is None:
        return
    if not isinstance(data, dict):
        slip = unseparated(data, StateFile.model_fields) if isinstance(data, str) else None
        hint = f"write sections on top: {', '.join(_MODELS)}"
        yield Sentence((), *(slip or (f"the file holds {describe(data)}", hint)))
        return
    for name, content in data.items():
        if name == "domain" or (name in _MODELS and content is None):
            continue
        if name not in _MODELS:
            near = nearest(name, StateFile.model_fields)
            hint = f"did you mean `{near}`?" if near else f"known are {', '.join(StateFile.model_fields)}"
            yield Sentence((name,), f"`{name}` is not known here", hint, on_key=True)
        else:
            yield from _section(name, content)


def _section(name: str, content: Any) -> Iterator[Checked | Sentence]:
    wanted = get_origin(_MODELS[name])
    if not isinstance(content, wanted):
        hint = "write `address: {…}` for each" if wanted is dict else "begin each entry with `- `"
        slip = unseparated(content) if isinstance(content, str) and wanted is dict else None
        yield Sentence((name,), *(slip or (f"`{name}` holds {describe(content)}", hint)))
    elif wanted is dict:
        items = iter(content.items())
        while part := dict(islice(items, SLICE)):
            yield from _slice(name, part)
    else:
        yield from _slice(name, dict(enumerate(content)))


def _slice(name: str, part: dict[Any, Any]) -> Iterator[Checked | Sentence]:
    """Validates at once; when that fails, says why and validates the good ones again."""
    try:
        entries = _validate(name, part)
    except ValidationError as error:
        keys = list(part)
        bad = set()
        for detail in error.errors(include_url=False):
            key = detail["loc"][0] if get_origin(_MODELS[name]) is dict else keys[int(detail["loc"][0])]
            bad.add(key)
            said = sentence(detail, _MODELS[name])
            yield said._replace(path=(name, key, *said.path[1:]))
        entries = _validate(name, {key: value for key, value in part.items() if key not in bad})
    for key, entry in entries:
        yield Checked(name, str(key), entry)


def _validate(name: str, part: dict[Any, Any]) -> Iterable[tuple[Any, Entry | None]]:
    if get_origin(_MODELS[name]) is dict:
        checked: dict[str, Entry | None] = _ADAPTERS[name].validate_python(part)
        return checked.items()
    return zip(part, _ADAPTERS[name].validate_python(list(part.values())), strict=True)
