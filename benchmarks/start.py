"""What it takes to start; for `run`."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from tests.services.git import git

REPEAT = 20
"""Runs of each; the fastest counts, as other programs on the machine make a run slower, never faster."""
_OURS = str(Path(sys.executable).with_name("reconciler"))
"""The console script, as people call it."""
_BARE = "pass"
_TYPER = "import typer"
_PYDANTIC = "import typer, pydantic; type('Model', (pydantic.BaseModel,), {'__annotations__': {'field': int}})"
_WITHOUT = ("RECONCILER_", "PYTHONDONTWRITEBYTECODE")
"""Variables that begin so are left out: an installed program has its bytecode."""
_SITE = """\
site: start
state: state
postfixadmin: {url: "mysql+pymysql://user@db.example/postfixadmin"}
openxchange: {}
postfix: {sender_access: "hash:/etc/postfix/sender_access"}
"""
_STATE = """\
domain: mail.example
mailboxes:
  anna.beispiel: {given_name: Anna, surname: Beispiel, member: 10042}
aliases:
  info: [anna.beispiel]
"""

_TEXT = """\
How many times as long as `python -c pass` ({base:.0f} ms here) each takes, own CPU time with that of git, the
fastest of {repeat} runs of the console script with its bytecode written. `validate` reads one file of a repository.
The aims are 8 for help and completion and 15 for `validate`; importing Typer, which must be there for both, takes
{typer:.1f}, with a pydantic model of one field, which is needed to read the state, {pydantic:.1f}.

| command | times `python -c pass` |
|---|--:|
{rows}
"""


class Start(NamedTuple):
    """CPU seconds of a bare interpreter, of one with the libraries, and of each command."""

    bare: float
    typer: float
    pydantic: float
    commands: Mapping[str, float]


def measure_start(repeat: int = REPEAT) -> Start:
    """Every command in a process of its own. Raises RuntimeError when one does not end well."""
    with tempfile.TemporaryDirectory(prefix="reconciler-start-") as made:
        folder = Path(made)
        (folder / "state").mkdir()
        (folder / "state" / "state.yaml").write_text(_STATE, encoding="utf-8")
        (folder / "reconciler.yaml").write_text(_SITE, encoding="utf-8")
        git(folder, "init", "-q")
        git(folder, "add", ".")
        git(folder, "commit", "-q", "-m", "State")
        took = {name: min(runs) for name, runs in _runs(folder, repeat).items()}
    return Start(took.pop(_BARE), took.pop(_TYPER), took.pop(_PYDANTIC), took)


def _runs(folder: Path, repeat: int) -> Mapping[str, Sequence[float]]:
    """Each of them in turn, so that what else the machine does meanwhile slows all of them down."""
    asked = {"_RECONCILER_COMPLETE": "complete_bash", "COMP_WORDS": "reconciler plan --o", "COMP_CWORD": "2"}
    address = {**asked, "COMP_WORDS": "reconciler show ann"}
    commands: dict[str, tuple[Sequence[str], Mapping[str, str]]] = {
        **{code: ((sys.executable, "-c", code), {}) for code in (_BARE, _TYPER, _PYDANTIC)},
        "reconciler --help": ((_OURS, "--help"), {}),
        "reconciler --version": ((_OURS, "--version"), {}),
        "reconciler plan --help": ((_OURS, "plan", "--help"), {}),
        "completion of `reconciler plan --o`": ((_OURS,), asked),
        "completion of `reconciler show ann`": ((_OURS,), address),
        "reconciler validate, one file": ((_OURS, "validate"), {}),
    }
    taken: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(repeat):
        for name, (argv, env) in commands.items():
            taken[name].append(_cpu(argv, folder, env))
    return taken


def _cpu(argv: Sequence[str], folder: Path, env: Mapping[str, str]) -> float:
    nowhere = subprocess.DEVNULL
    plain = {name: value for name, value in os.environ.items() if not name.startswith(_WITHOUT)}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(argv, cwd=folder, env={**plain, **env}, stdout=nowhere, stderr=nowhere, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def section(start: Start, repeat: int = REPEAT) -> str:
    """The part of the page."""
    rows = (f"| {command} | {seconds / start.bare:.1f} |" for command, seconds in start.commands.items())
    return _TEXT.format(
        base=start.bare * 1000,
        repeat=repeat,
        typer=start.typer / start.bare,
        pydantic=start.pydantic / start.bare,
        rows="\n".join(rows),
    )
