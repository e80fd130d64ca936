"""Manual pages, written from the commands and the site file's own words: `python -m reconciler.cli.man_pages FOLDER`.
`make man` calls it at a release; nothing else does, and no page is committed.

Click-man, which writes pages for Click, cannot read the copy of it that Typer brings along (docs/facts/forges.md 6).
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import typer

from reconciler import __version__
from reconciler.cli.command_options import Listed, ListedGroup
from reconciler.cli.commands import app
from reconciler.declared.json_schema import site_schema

_STATUSES = {
    0: "done, or nothing to do",
    1: "unexpected error: a bug",
    2: "wrong usage, or the output cannot be written",
    3: "the declared state or the site file is invalid",
    4: "changes are pending, drift was found, or there are warnings",
    5: "a gate refused something",
    6: "the saved plan is stale, used, expired or of another site",
    7: "locked by another run",
    8: "partly applied",
    9: "a live system could not be read or reached",
}
"""In short; docs/exit-statuses.md says what to do then."""
_ENVIRONMENT = {
    "RECONCILER_SITE": "The site file, as --site names it.",
    "RECONCILER_STATE": "The folder of the declared state, as --state names it.",
    "RECONCILER_ROLE": "planner: read with the logins of the section planner of the site file, and change nothing.",
    "NO_COLOR": "No colours on the terminal.",
}


def pages() -> dict[str, str]:
    """Every page by its file name."""
    group = typer.main.get_command(app)
    assert isinstance(group, ListedGroup)
    commands = dict(_commands(group))
    made = {f"reconciler-{name.replace(' ', '-')}.1": _command_page(name, each) for name, each in commands.items()}
    return {"reconciler.1": _main_page(str(group.help), commands), **made, "reconciler.yaml.5": _site_page()}


def write(folder: Path) -> None:
    """Writes all of them."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        (folder / name).write_text(text, encoding="utf-8")


def _commands(group: ListedGroup, above: str = "") -> Iterator[tuple[str, Listed]]:
    for name, each in sorted(group.commands.items()):
        if isinstance(each, ListedGroup):
            yield from _commands(each, f"{above}{name} ")
        elif isinstance(each, Listed):
            yield f"{above}{name}", each


def _main_page(about: str, commands: Mapping[str, Listed]) -> str:
    lines = [*_head("reconciler", 1, about), ".SH SYNOPSIS", ".B reconciler", r".RI [ \-\-version ]", ".I command"]
    lines += [r".RI [ options ]", ".SH DESCRIPTION", _text(about), ".SH COMMANDS"]
    for name, each in commands.items():
        lines += [".TP", f".BR reconciler\\-{_word(name.replace(' ', '-'))} (1)", _text(each.get_short_help_str(500))]
    lines += [".SH OPTIONS", ".TP", r".B \-\-version", "Show the version and exit."]
    lines += [".TP", r".B \-\-help", "Show all commands; behind a command, its options."]
    lines += [".SH ENVIRONMENT", *_terms(_ENVIRONMENT), ".SH EXIT STATUS"]
    lines += _terms({str(number): text for number, text in _STATUSES.items()})
    return _page([*lines, ".SH SEE ALSO", ".BR reconciler.yaml (5)"])


def _command_page(name: str, listed: Listed) -> str:
    command, called = listed.whole, f"reconciler {name}"
    paragraphs = [" ".join(part.split()) for part in (command.help or "").split("\n\n")]
    with command.make_context(called, [], resilient_parsing=True) as context:
        usage = " ".join(command.collect_usage_pieces(context)).replace("{", "").replace("}", "")
        records = [(each.param_type_name, each.get_help_record(context)) for each in command.get_params(context)]
    lines = [*_head(called.replace(" ", "-"), 1, listed.get_short_help_str(500)), ".SH SYNOPSIS"]
    lines += [f".B {_word(called)}", f".I {_word(usage)}", ".SH DESCRIPTION"]
    plain = (_text(part) for part in paragraphs if not part.startswith(_SPECIAL))
    lines += "\n.PP\n".join(plain).split("\n")
    for title, kind in (("ARGUMENTS", "argument"), ("OPTIONS", "option")):
        terms = dict(record for each, record in records if each == kind and record)
        lines += [f".SH {title}", *_terms(terms)] if terms else []
    if statuses := [part for part in paragraphs if part.startswith(_SPECIAL[0])]:
        lines += [".SH EXIT STATUS", *_terms(dict(re.findall(r"(\d): (.*?\.)(?= \d: |$)", " ".join(statuses))))]
        lines += [".PP", "The others are in", ".BR reconciler (1)."]
    examples = [part.removeprefix(_SPECIAL[1]).strip() for part in paragraphs if part.startswith(_SPECIAL[1])]
    lines += [".SH EXAMPLES", ".nf", *map(_text, examples), ".fi"]
    return _page([*lines, ".SH SEE ALSO", ".BR reconciler (1),", ".BR reconciler.yaml (5)"])


_SPECIAL = ("Exit status", "Example:")


def _site_page() -> str:
    schema = site_schema()
    lines = [*_head("reconciler.yaml", 5, "where the systems of reconciler are, and what the house rules are")]
    lines += [
        ".SH DESCRIPTION",
        _text("The site file, in YAML. It is looked for in the current folder, then in ./state/."),
    ]
    lines += [_text("It holds no secret: a password is in the environment variable, or the file, that it names.")]
    lines += [_text("A relative path in it starts at its own folder."), ".SH KEYS", *_keys(schema)]
    for name, field in schema["properties"].items():
        lines += _sections(schema, name, field)
    return _page([*lines, ".SH SEE ALSO", ".BR reconciler (1)"])


def _sections(schema: Mapping[str, Any], name: str, field: Mapping[str, Any]) -> Iterator[str]:
    """A section, then those inside it."""
    kinds = [field, field.get("additionalProperties", {}), *field.get("anyOf", ())]
    for kind in (kind for kind in kinds if "$ref" in kind):
        model = schema["$defs"][kind["$ref"].rpartition("/")[2]]
        yield from (f".SH {_word(name.upper())}", _text(field["description"]), *_keys(model))
        for key, inner in model["properties"].items():
            yield from _sections(schema, f"{name}.{key}", inner)
        return


def _keys(model: Mapping[str, Any]) -> Iterator[str]:
    return _terms({key: field["description"] for key, field in model["properties"].items()})


def _head(name: str, section: int, about: str) -> list[str]:
    made = datetime.fromtimestamp(float(os.environ.get("SOURCE_DATE_EPOCH") or datetime.now(UTC).timestamp()), UTC)
    title = f'.TH "{_word(name.upper())}" {section} "{made:%Y-%m-%d}" "reconciler {__version__}" "reconciler"'
    return [title, ".SH NAME", rf"{_word(name)} \- {_word(about.rstrip('.'))}"]


def _terms(terms: Mapping[str, str]) -> Iterator[str]:
    for term, text in terms.items():
        yield from (".TP", f".B {_word(term)}", _text(text))


def _text(text: str) -> str:
    """A paragraph: a line that begins with a dot or an apostrophe would be a request of roff."""
    escaped = _word(" ".join(text.split()))
    return rf"\&{escaped}" if escaped.startswith((".", "'")) else escaped


def _word(text: str) -> str:
    """As roff has it: a plain hyphen is a minus, which people copy."""
    for sign, escape in (("\\", r"\e"), ("-", r"\-"), ("'", r"\(aq"), ("`", r"\(ga"), ("^", r"\(ha"), ("~", r"\(ti")):
        text = text.replace(sign, escape)
    return text


def _page(lines: Iterable[str]) -> str:
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    write(Path(sys.argv[1]))
