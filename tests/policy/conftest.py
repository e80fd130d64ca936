"""The site on stand-ins and the command of tests/cli."""

from __future__ import annotations

from tests.cli.conftest import command, site

__all__ = ["command", "site"]
