"""A room imports only rooms below it; the contracts are in pyproject.toml."""

from __future__ import annotations

from importlinter.cli import EXIT_STATUS_SUCCESS, lint_imports


def test_layers() -> None:
    assert lint_imports(no_cache=True) == EXIT_STATUS_SUCCESS
