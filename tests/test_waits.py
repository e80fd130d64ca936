"""No test passes when what it waits for never came true: nobody swallows the failure of a wait."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.tracked import tracked_in

TESTS = Path(__file__).parent
FAILURES = ("fail.Exception", "AssertionError", "TimeoutError", "BaseException", "Failed")


def swallowed(tree: ast.AST) -> Iterator[int]:
    """Lines where a failure of a test, or that a time is over, is suppressed or caught and passed over."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("suppress"):
            caught = ", ".join(map(ast.unparse, node.args))
        elif isinstance(node, ast.ExceptHandler) and all(
            isinstance(line, ast.Pass | ast.Continue) for line in node.body
        ):
            caught = ast.unparse(node.type) if node.type else "BaseException"
        else:
            continue
        if any(failure in caught for failure in FAILURES):
            yield node.lineno


def test_no_wait_ends_in_silence() -> None:
    files = [file for file in tracked_in("tests", ".py") if file != Path(__file__)]
    found = [f"{file.relative_to(TESTS)}:{line}" for file in files for line in swallowed(ast.parse(file.read_text()))]
    assert found == []


@pytest.mark.parametrize(
    "code",
    [
        "with suppress(pytest.fail.Exception):\n    eventually(f)",
        "with contextlib.suppress(OSError, TimeoutError):\n    wait()",
        "try:\n    wait()\nexcept TimeoutError:\n    pass",
        "try:\n    wait()\nexcept:\n    pass",
    ],
)
def test_such_a_wait_would_be_seen(code: str) -> None:
    assert list(swallowed(ast.parse(code)))
