"""Writes the words that reports are made of, which `report --mask` lets stand: those of the program's own sentences.

    python -m tests.known_words

A word that is missing there is masked, so a list that is not up to date hides too much and never too little.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "reconciler"
LIST = PACKAGE / "report" / "documents" / "known_words.txt"
ROOMS = ("policy", "systems", "planning", "report", "apply", "declared", "remote", "model")
CATALOGUES = PACKAGE / "locale"
_NAMES = {"anna", "beispiel", "klaus", "muster", "Anna", "Beispiel", "Klaus", "Muster", "Berlin", "weg", "technik"}
"""Of people and places in examples."""
_WORD = re.compile(r"[^\W\d_]{2,}")
_DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def sentences() -> Iterator[str]:
    """Every string of the rooms that say something, but for documentation; and their translations."""
    for path in (*PACKAGE.glob("*.py"), *(path for room in ROOMS for path in (PACKAGE / room).rglob("*.py"))):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        nodes = list(ast.walk(tree))
        alone = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
        yield from (
            node.value
            for node in nodes
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in alone
        )
    for path in CATALOGUES.rglob("*.po"):
        yield from re.findall(r'^(?:msgstr(?:\[\d\])? )?"(.*)"$', path.read_text(encoding="utf-8"), re.MULTILINE)


def words() -> list[str]:
    """As they are spelled: a name with a capital is not the word that it looks like (Mark, Will)."""
    return sorted({word for sentence in sentences() for word in _WORD.findall(sentence)} - _NAMES)


if __name__ == "__main__":
    LIST.write_text("\n".join(words()) + "\n", encoding="utf-8")
