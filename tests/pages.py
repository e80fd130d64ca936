"""Pages that are written from the code: docs/site-file.md, docs/plan.svg and docs/report.svg. `make pages` writes them,
and tests/test_docs.py compares them.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from reconciler.declared.json_schema import site_schema
from reconciler.report.documents.html import html_report
from reconciler.report.json import plan_document
from reconciler.report.text import plan_text
from tests.report import samples

DOCS = Path(__file__).parent.parent / "docs"
_INTRO = """\
# The site file

`reconciler.yaml` says where the systems are and what the house rules are. It is looked for in the current folder, then
in `./state/`; `--site PATH` or `RECONCILER_SITE` name another one. A relative path in it starts at its own folder.

It holds no secret: a password stands in the environment variable, or the file, that it names. A section that is left
out switches its part off. An unknown key is an error with line and column. `state/reconciler.yaml` is an example with
every key; with its first line an editor completes and checks. This page is written from the code (`make pages`).

[Who may change the site file](database.md#who-may-change-the-site-file) decides where passwords go.

## The whole file
"""


def site_file_page() -> str:
    """Every section and key of the site file."""
    schema = site_schema()
    parts = [_INTRO, *_table(schema)]
    for name, field in schema["properties"].items():
        parts += _sections(schema, name, field)
    return "\n".join(parts) + "\n"


def _sections(schema: dict[str, Any], name: str, field: dict[str, Any]) -> Iterator[str]:
    """A section under its own heading, then those inside it."""
    model = _model(schema, field)
    if model is None:
        return
    yield f"\n## {name}\n\n{field['description']}\n"
    yield from _table(model)
    for key, inner in model["properties"].items():
        yield from _sections(schema, f"{name}.{key}", inner)


def _model(schema: dict[str, Any], field: dict[str, Any]) -> dict[str, Any] | None:
    """The section that a key holds, one or a mapping of them; None for a plain value."""
    kinds = [field, field.get("additionalProperties", {}), *field.get("anyOf", ())]
    found = (schema["$defs"][kind["$ref"].rpartition("/")[2]] for kind in kinds if "$ref" in kind)
    return next(found, None)


def _table(model: dict[str, Any]) -> Iterator[str]:
    yield "| key | default | meaning |\n|---|---|---|"
    for key, field in model["properties"].items():
        default = "**required**" if key in model.get("required", ()) else _default(field.get("default"))
        choices = f" One of {', '.join(f'`{value}`' for value in field['enum'])}." if "enum" in field else ""
        yield f"| `{key}` | {default} | {field['description']}{choices} |"


def _default(value: object) -> str:
    """A default as it could stand in the file; empty for none, and for a section whose own table has it."""
    if isinstance(value, dict):
        return (
            f"`{{{', '.join(f'{key}: {each}' for key, each in value.items() if each)}}}`" if "number" in value else ""
        )
    text = value if isinstance(value, str) and value else json.dumps(value, ensure_ascii=False)
    return f"`{text}`" if value is not None else ""


def plan_picture() -> str:
    """The plan of `samples.readme` as a terminal shows it."""
    console = Console(record=True, width=110, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    shown = plan_text(samples.readme(), width=108, color=True).replace(samples.DOMAIN, "mail.example")
    console.print(Text.from_ansi(shown), soft_wrap=True)
    picture = console.export_svg(title="reconciler plan", unique_id="plan")
    picture = re.sub(r" *@font-face \{.*?\}\n", "", picture, flags=re.DOTALL)  # they would be fetched from elsewhere
    return picture.replace("Fira Code, monospace", "monospace")


_PICTURE = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" \
style="width: {width}px; height: {height}px; font-size: 16px">
<foreignObject width="{width}" height="{height}">
<html xmlns="http://www.w3.org/1999/xhtml" lang="en"><head><style>{style}</style></head>
<body>{body}</article></main></body></html>
</foreignObject>
</svg>
"""
_SIZE = {"width": 1000, "height": 940}
"""As much as the page takes, with room for wider letters; a test looks whether it fits."""


def report_picture() -> str:
    """The upper part of the HTML report on `samples.readme_request`: the page itself, in a frame of SVG."""
    page = html_report([plan_document(samples.readme_request())]).replace(samples.DOMAIN, "mail.example")
    style = page.partition("<style>")[2].partition("</style>")[0]
    shown = page.partition("<body>")[2].partition("\n<h2>The rename")[0]
    body = re.sub(r"<br>", "<br/>", shown).replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ')
    return "".join(f"{line}\n" for line in _PICTURE.format(style=style, body=body, **_SIZE).split("\n") if line.strip())


PAGES: dict[str, Callable[[], str]] = {
    "site-file.md": site_file_page,
    "plan.svg": plan_picture,
    "report.svg": report_picture,
}

if __name__ == "__main__":
    for page, make in PAGES.items():
        (DOCS / page).write_text(make(), encoding="utf-8")
