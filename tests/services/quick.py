"""What makes thousands of commands in one test process cheap: what each would compile anew is compiled once, the tools
of the OX stand-in are calls of its code instead of processes, postconf is asked once for each configuration, and files
that are there and can be read are read without `cat`, `ls` and `find`. Used by the command of tests/cli and
tests/policy, by the worlds of tests/proof and by the contracts of tests/systems/openxchange.

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
from sqlalchemy import Engine, create_engine

from reconciler.apply.ledger import ledger as ledger_module
from reconciler.apply.ledger.tables import declare as declare_ledger
from reconciler.remote import database
from reconciler.remote.command import check_parts
from reconciler.remote.host import Completed, Host
from reconciler.remote.local_host import LocalHost
from reconciler.sandbox.openxchange import switches
from reconciler.sandbox.openxchange.run import Run
from reconciler.systems.postfixadmin import connect
from reconciler.systems.postfixadmin.tables import declare

_MARK = "# Stand-in of reconciler for Open-Xchange"
_tables, _ledger_tables = cache(declare), cache(declare_ledger)
_compile, _code = Environment.compile, dict[tuple[Any, ...], Any]()
_run = LocalHost.run
_FOLDER = b"<the folder>"
_postconf: dict[tuple[object, ...], bytes] = {}
_get_command = cache(typer.main.get_command)


class _Statements(dict[Any, Any]):
    """Compiled SQL of all engines of one kind. SQLAlchemy's own key begins with the dialect, of which each engine has
    one, and each command its engines."""

    def get(self, key: Any, default: Any = None) -> Any:
        return super().get((type(key[0]), *key[1:]), default)

    def __setitem__(self, key: Any, value: Any) -> None:
        super().__setitem__((type(key[0]), *key[1:]), value)


_statements = _Statements()


def _create_engine(url: Any, **options: Any) -> Engine:
    if "creator" in options:  # as `open_sqlite` does
        options["execution_options"] = {"compiled_cache": _statements}
    return create_engine(url, **options)


def made_once(patch: pytest.MonkeyPatch) -> None:
    """Templates, tables, the command line, and SQL for SQLite."""
    patch.setattr(database, "create_engine", _create_engine)
    patch.setattr(Environment, "compile", _compiled)
    patch.setattr(typer.main, "get_command", _get_command)
    patch.setattr(connect, "declare", _tables)
    patch.setattr(ledger_module, "declare", _ledger_tables)


def _compiled(environment: Environment, source: Any, *rest: Any, **options: Any) -> Any:
    key = (source, rest, tuple(options.items()))
    if key not in _code:
        _code[key] = _compile(environment, source, *rest, **options)
    return _code[key]


def tools_in_process(patch: pytest.MonkeyPatch) -> None:
    """The stand-in's tools run in this process, unless a fault is to strike: that may be the death of the tool.
    Of other programs only what has one possible answer is said without them."""
    patch.setattr(LocalHost, "run", _run_or_call)
    patch.setattr(LocalHost, "streamed", Host.streamed)  # which runs it


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
        if (known := _known_answer(argv)) is not None:
            return known
        done = await _run(self, argv, stdin=stdin, env=env, secrets=secrets, timeout=timeout, repeatable=repeatable)
        _remember_answer(argv, done)
        return done
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


def _known_answer(argv: Sequence[str]) -> Completed | None:
    match list(argv):
        case ["cat", "--", path] if _is_ordinary(path):
            return Completed(0, Path(path).read_bytes(), b"")
        case ["cat", "--", path] if _is_open(Path(path).parent) and not os.path.lexists(path):
            return Completed(1, b"", f"cat: {path}: No such file or directory\n".encode())
        case ["ls", "-A", "--", path] if _is_open(Path(path)):
            return Completed(0, b"".join(sorted(os.fsencode(f.name) + b"\n" for f in Path(path).iterdir())), b"")
        case ["/usr/bin/find", *paths, "-maxdepth", "0", "-type", "l", "-printf", _] if all(map(_is_ordinary, paths)):
            return Completed(0, b"", b"")  # nothing is a link
        case ["/usr/sbin/postconf", "-c", folder, *asked] if (key := _configuration(folder, asked)) in _postconf:
            assert key is not None
            return Completed(0, _postconf[key].replace(_FOLDER, os.fsencode(folder)), b"")
    return None


def _remember_answer(argv: Sequence[str], answer: Completed) -> None:
    match list(argv):
        case ["/usr/sbin/postconf", "-c", folder, *asked] if not answer.status and not answer.stderr:
            if (key := _configuration(folder, asked)) is not None:
                _postconf[key] = answer.stdout.replace(os.fsencode(folder), _FOLDER)


def _is_ordinary(path: str) -> bool:
    return Path(path).is_file() and not Path(path).is_symlink() and os.access(path, os.R_OK)


def _is_open(folder: Path) -> bool:
    return folder.is_dir() and os.access(folder, os.R_OK | os.X_OK)


def _configuration(folder: str, asked: Sequence[str]) -> tuple[object, ...] | None:
    """All that an answer of postconf depends on."""
    files = [Path(folder) / name for name in ("main.cf", "master.cf")]
    if not all(_is_ordinary(str(file)) for file in files):
        return None
    return (*asked, *(file.read_bytes().replace(os.fsencode(folder), _FOLDER) for file in files))


def called(tool: str, folder: Path, arguments: Sequence[str], environ: Mapping[str, str]) -> Completed:
    """One tool, called; several may be at once."""
    out, err = io.BytesIO(), io.BytesIO()
    status = Run(tool, folder, arguments, environ, (out, err)).status()
    return Completed(status, out.getvalue(), err.getvalue())
