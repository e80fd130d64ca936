"""The catalogue of reports: `make catalogue` brings `reconciler/locale/` up to date with the code, and
tests/test_translation.py compares them. What has no translation yet is empty there, and fails the test.
"""

from __future__ import annotations

import io
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

PACKAGE = Path(__file__).parent.parent / "reconciler"
PO = PACKAGE / "locale" / "de" / "LC_MESSAGES" / "reconciler.po"
MO = PO.with_suffix(".mo")
_KEYWORDS = {"tr": None, "marked": None, "tr_number": (1, 2), "marked_number": (1, 2)}

_METHODS = [("**.py", "python"), ("report/documents/*.j2", "jinja2.ext:babel_extract")]


@cache
def template() -> Catalog:
    """Every sentence that the code marks."""
    catalogue = Catalog(charset="utf-8")
    found = extract_from_dir(PACKAGE, method_map=_METHODS, keywords=_KEYWORDS, comment_tags=())
    for _file, _line, message, _comments, _context in sorted(found, key=lambda each: str(each[2])):
        catalogue.add(message)
    return catalogue


def german() -> Catalog:
    with PO.open("rb") as file:
        catalogue = read_po(file, locale="de")
    catalogue.creation_date = catalogue.revision_date = datetime(2026, 1, 1, tzinfo=UTC)  # the same bytes on each day
    return catalogue


def compiled(catalogue: Catalog) -> bytes:
    """The .mo file, the same bytes for the same sentences."""
    file = io.BytesIO()
    write_mo(file, catalogue)
    return file.getvalue()


def written(catalogue: Catalog) -> bytes:
    """The .po file without what changes by itself: dates, lines of the code, what is not used any more."""
    file = io.BytesIO()
    write_po(file, catalogue, width=120, no_location=True, omit_header=True, ignore_obsolete=True, sort_output=True)
    head = 'msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=utf-8\\n"\n'
    plural = '"Language: de\\n"\n"Plural-Forms: nplurals=2; plural=(n != 1);\\n"\n\n'
    return (head + plural).encode("utf-8") + file.getvalue()


def main() -> None:
    catalogue = german() if PO.exists() else Catalog(locale="de", charset="utf-8")
    catalogue.update(template(), no_fuzzy_matching=True)
    PO.write_bytes(written(catalogue))
    MO.write_bytes(compiled(german()))
    empty = sum(1 for each in german() if each.id and not all(forms(each.string)))
    print(f"{PO.name}: {len(german())} sentences, {empty} without a translation")  # noqa: T201  # a tool for developers


def forms(value: object) -> tuple[str, ...]:
    """The singular and the plurals of a sentence, or it alone."""
    return (value,) if isinstance(value, str) else tuple(value) if isinstance(value, list | tuple) else ("",)


if __name__ == "__main__":
    main()
