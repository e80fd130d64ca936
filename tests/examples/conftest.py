"""The command in this process, as in tests/cli."""

from tests.cli.conftest import command

__all__ = ["command"]
