"""What makes thousands of commands in one test process cheap: what each would compile anew is compiled once, and the
tools of the OX stand-in are calls of its code instead of processes. Used by the command of tests/cli and tests/policy,
by the worlds of tests/proof and by the contracts of tests/systems/openxchange.

That the tools are programs is the point of tests/integration, of tests/sandbox/openxchange, and of everything that
starts `reconciler` as a process of its own; there they stay what they are.
"""

from __future__ import annotations

import asyncio
import io
import os
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer.main
from jinja2 import Environment
from pydantic import SecretStr

from reconciler.apply.ledger import ledger as ledger_module
from reconciler.apply.ledger.tables import declare as declare_ledger
from reconciler.remote.command import check_parts
from reconciler.remote.host import Completed
from reconciler.remote.local_host import LocalHost
from reconciler.sandbox.openxchange import switches
from reconciler.sandbox.openxchange.run import Run
from reconciler.settings import Settings
from reconciler.systems.letters.letter import Stationery
from reconciler.systems.postfixadmin import connect
from reconciler.systems.postfixadmin.tables import declare

_MARK = "# Stand-in of reconciler for Open-Xchange"
_tables, _ledger_tables = cache(declare), cache(declare_ledger)
_compile, _code = Environment.compile, dict[tuple[Any, ...], Any]()
_run = LocalHost.run
_get_command = cache(typer.main.get_command)


def made_once(patch: pytest.MonkeyPatch) -> None:
    """Templates, tables and the command line."""
    patch.setattr(Environment, "compile", _compiled)
    patch.setattr(typer.main, "get_command", _get_command)
    patch.setattr(connect, "declare", _tables)
    patch.setattr(ledger_module, "declare", _ledger_tables)


def make_now() -> None:
    """Makes them, so that the children of this process need not."""
    _tables("")
    _ledger_tables("")
    letters = {"from": "nobody@mail.example", "outbox": "nowhere"}
    settings = Settings.model_validate({"site": "nowhere", "letters": letters, "folder": Path()})
    assert settings.letters is not None
    Stationery(settings, settings.letters)


def _compiled(environment: Environment, source: Any, *rest: Any, **options: Any) -> Any:
    key = (source, rest, tuple(options.items()))
    if key not in _code:
        _code[key] = _compile(environment, source, *rest, **options)
    return _code[key]


def tools_in_process(patch: pytest.MonkeyPatch) -> None:
    """The stand-in's tools run in this process, unless a fault is to strike: that may be the death of the tool."""
    patch.setattr(LocalHost, "run", _run_or_call)


async def _run_or_call(
    self: LocalHost,
    argv: Sequence[str],
    *,
    stdin: bytes = b"",
    env: Mapping[str, str] | None = None,
    secrets: Mapping[str, SecretStr] | None = None,
    timeout: float = 60.0,
    repeatable: bool = False,
) -> Completed:
    """See Host."""
    program = Path(argv[0])
    if not _is_sound_tool(program):
        return await _run(self, argv, stdin=stdin, env=env, secrets=secrets, timeout=timeout, repeatable=repeatable)
    check_parts(argv, env or {}, secrets or {})
    clear = {name: value.get_secret_value() for name, value in (secrets or {}).items()}
    environ = {**self._inherited(), **(env or {}), **clear}
    return await asyncio.to_thread(called, program.name, program.parent.parent, argv[1:], environ)


def _is_sound_tool(program: Path) -> bool:
    folder = program.parent.parent
    if program.name not in switches.TOOLS or not (folder / switches.FILE_NAME).is_file():
        return False
    if not os.access(program, os.X_OK) or _MARK not in program.read_text(encoding="utf-8"):
        return False  # a test has put something else there
    return not switches.load(folder).faults


def called(tool: str, folder: Path, arguments: Sequence[str], environ: Mapping[str, str]) -> Completed:
    """One tool, called; several may be at once."""
    out, err = io.BytesIO(), io.BytesIO()
    status = Run(tool, folder, arguments, environ, (out, err)).status()
    return Completed(status, out.getvalue(), err.getvalue())
