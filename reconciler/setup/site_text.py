"""The text of a site file, each key with what it means in the words of `declared.site_file.help`, as
docs/site-file.md has them. Keys that are not set stand there as comments with their defaults.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from reconciler.declared.site_file.help import SITE_WORDS
from reconciler.declared.write.scalars import scalar
from reconciler.settings import Site
from reconciler.setup.answers import inner_model

_WIDTH = 110
_HEAD = """\
Where the systems are and what the house rules are, written by `reconciler init` and yours from now on. It holds no \
secret: passwords stand in the environment variables, or files, that it names. Relative paths start at this file's \
folder. A line like `# key: value` is a key that is not set, with its default; `reconciler schema site` has the keys \
of the sections that are left out."""


def site_text(data: Mapping[str, Any], *, schema: str, note: str = "") -> str:
    """`data` is what a site file says; `schema` is where its JSON Schema is, seen from the file."""
    lines = [f"# yaml-language-server: $schema={schema}", *_comment(_HEAD), *_comment(note), ""]
    return "\n".join([*lines, *_section(Site, data)]) + "\n"


def _section(model: type[BaseModel], data: Mapping[str, Any], margin: str = "") -> Iterator[str]:
    for name, field in model.model_fields.items():
        key = field.alias or name
        inner = inner_model(field.annotation)
        yield from (f"{margin}{line}" for line in _comment(SITE_WORDS[model.__name__][key]))
        if key not in data:
            shown = "" if inner or field.is_required() or field.default is None else f" {_inline(field.default)}"
            yield f"{margin}# {key}:{shown}"
        elif inner is None:
            yield f"{margin}{key}: {_inline(data[key])}"
        elif str(field.annotation).startswith("dict"):
            yield f"{margin}{key}:"
            for each, section in data[key].items():
                yield from _named(inner, each, section, f"{margin}  ")
        else:
            yield from _named(inner, key, data[key], margin)
        if not margin:
            yield ""


def _named(model: type[BaseModel], key: str, section: Mapping[str, Any], margin: str) -> Iterator[str]:
    yield f"{margin}{scalar(key)}:" if section else f"{margin}{scalar(key)}: {{}}"
    yield from _section(model, section, f"{margin}  ")


def _inline(value: object) -> str:
    if isinstance(value, list):
        return f"[{', '.join(scalar(item, in_brackets=True) for item in value)}]"
    return scalar(value)


def _comment(text: str) -> list[str]:
    return [f"# {line}" for line in textwrap.wrap(text, _WIDTH - 2, break_long_words=False, break_on_hyphens=False)]
