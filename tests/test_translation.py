"""Reports in English and in German: each sentence has its translation, with the same places for values in it."""

from __future__ import annotations

import ast
import gettext
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler import translation
from reconciler.translation import speak, tr, tr_number
from tests.catalogue import MO, PACKAGE, compiled, forms, german, template

SPEAKING: tuple[str, ...] = (
    *("translation.py", "cli/address_lookup.py", "cli/explain.py", "report"),
    *("forge/disarm.py", "declared/git/removed_entries.py", "declared/site_file/site_changes.py"),
    *("model/members.py", "model/record_kinds.py", "model/records.py", "planning", "policy"),
    *("systems/letters/letter_for_account.py", "systems/letters/review.py"),
    *("systems/openxchange/review.py", "systems/postfix/review.py", "systems/postfixadmin/review.py"),
)
"""Rooms and files whose sentences people read in reports: all of them are in the catalogue."""

ENGLISH = (
    *("policy/typed_passwords.py", "report/read_document.py"),
    *("report/attention.py", "report/documents/mask.py", "report/documents/metrics.py"),
    *(f"report/{name}.py" for name in ("json_history_check", "json_history_models", "json_models", "json_plan_models")),
)
"""Files of such rooms whose sentences are errors of commands, words for programs, or of schemas: they are English."""
_SAID_IN_ENGLISH = ("its own alias", "their register address", "bold white on red")
"""In steps and errors; and a style."""

_KEYWORDS = ("tr", "marked", "tr_number", "marked_number")
_NOT_REPORTED = re.compile(
    r"^(?:[A-Z]{3,}|reconciler |changeuser |check_sender_access |git |--|<\?xml |\{\w+: |, \w+: )|^[^A-Za-z]*$"
)
"""SQL, commands, settings of Postfix, entries of YAML and signs."""


@pytest.fixture(autouse=True)
def _english_again() -> Iterator[None]:
    yield
    speak("en")


def test_the_catalogue_has_what_the_code_marks_and_nothing_else() -> None:
    """`make catalogue` brings it up to date."""
    marked = {_key(each.id) for each in template() if each.id}
    known = {_key(each.id) for each in german() if each.id}
    assert marked - known == set()
    assert known - marked == set()


def test_whatever_is_looked_up_is_found_by_the_extraction() -> None:
    """Babel does not see what stands inside an f-string, nor an f-string."""
    known = {_key(each.id) for each in template() if each.id}
    for file in sorted(PACKAGE.rglob("*.py")):
        text = file.read_text(encoding="utf-8")
        for node in ast.walk(ast.parse(text)) if "reconciler.translation" in text else ():
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _KEYWORDS:
                place = f"{file.relative_to(PACKAGE)}:{node.lineno}"
                match node.args[0] if node.args else None:
                    case ast.Constant(value=str() as sentence):
                        assert sentence in known, f"{place}: {sentence}"
                    case ast.JoinedStr():
                        raise AssertionError(f"{place}: an f-string")


def test_every_sentence_is_translated_for_certain() -> None:
    for each in german():
        if each.id:
            assert all(forms(each.string)), f"no translation: {each.id}"
            assert not each.fuzzy, each.id


def test_a_translation_has_the_same_places_for_values() -> None:
    for each in german():
        if not each.id:
            continue
        wanted = _places(forms(each.id)[-1])
        for form in forms(each.string):
            assert _places(form) == wanted or (len(forms(each.id)) > 1 and _places(form) | {"number"} == wanted), (
                each.id
            )


def test_the_compiled_catalogue_is_of_this_text() -> None:
    assert MO.read_bytes() == compiled(german()), "run: make catalogue"


def test_a_command_speaks_one_language() -> None:
    speak("de")
    assert translation.spoken() == "de"
    catalogue = gettext.translation("reconciler", PACKAGE / "locale", ["de"])
    for each in template():
        if isinstance(each.id, str) and each.id and not _places(each.id):
            assert tr(each.id) == catalogue.gettext(each.id)
    speak("en")
    assert tr_number("{number} line", "{number} lines", 2) == "2 lines"


def _sentences(file: Path) -> Iterator[tuple[int, str]]:
    """Texts in a module that look like a sentence for people and that nothing marks; no docstrings, no errors."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    skipped: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _KEYWORDS:
            skipped |= set(node.args)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            skipped.add(node.value)
        if isinstance(node, ast.JoinedStr):
            skipped |= set(node.values)
        if isinstance(node, ast.Raise):
            skipped |= set(ast.walk(node))
    for node in ast.walk(tree):
        if node in skipped:
            continue
        match node:
            case ast.Constant(value=str() as text):
                pass
            case ast.JoinedStr(values=values):
                text = "".join(str(v.value) if isinstance(v, ast.Constant) else "{}" for v in values)
            case _:
                continue
        if text in _SAID_IN_ENGLISH:
            continue
        if len(re.findall(r"[A-Za-z]{2,}", text)) >= 3 and " " in text.strip() and not _NOT_REPORTED.match(text):
            yield node.lineno, text


@pytest.mark.parametrize("room", SPEAKING)
def test_no_sentence_of_a_report_is_forgotten(room: str) -> None:
    files = [PACKAGE / room] if room.endswith(".py") else sorted((PACKAGE / room).rglob("*.py"))
    files = [file for file in files if file.relative_to(PACKAGE).as_posix() not in ENGLISH]
    forgotten = [f"{file.relative_to(PACKAGE)}:{line}: {text}" for file in files for line, text in _sentences(file)]
    assert not forgotten, "\n".join(forgotten)


def _key(value: object) -> str:
    return forms(value)[0]


def _places(sentence: str) -> set[str]:
    return set(re.findall(r"(?<!\{)\{(\w+)", sentence))
