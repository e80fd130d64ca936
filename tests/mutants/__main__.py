"""`make mutants`: breaks each line of reconciler/policy once and wants a test to notice. Not part of `make test`.

Nothing is written: every mutant lives in a child process that loads the broken module in place of the file. The tests
of plans put together by hand and the case files come first, since they take a second; what they let through meets the
tests of the command.
"""

from __future__ import annotations

import importlib
import os
import resource
import signal
import sys
import tempfile
from collections.abc import Iterator, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.mutants.breaking import Mutant, mutants

ROOT = Path(__file__).parent.parent.parent
PACKAGE = "reconciler.policy"
_TESTS = sorted(ROOT.glob("tests/policy/test_*.py"))
THOROUGH = [str(path.relative_to(ROOT)) for path in _TESTS if "from tests.cli." in path.read_text("utf-8")]
"""What goes through the command, file by file."""
QUICK = ["tests/policy", "tests/workflow", *(f"--ignore={path}" for path in THOROUGH)]
OPTIONS = ["-x", "-q", "--assert=plain", "-p", "no:cacheprovider", "-p", "no:hypothesispytest", "-p", "no:xdist"]
"""Nobody reads what fails; without rewritten asserts and plugins a child takes half the time."""
SECONDS, MEMORY = 300, 3 * 2**30
"""For one mutant; one that runs in circles is noticed by that, or by the bytes that it heaps up."""
QUICK_SECONDS = 10
"""Of the processor: the quick tests take a fifth of that, however busy the machine is."""
PROGRESS = 50
"""After so many mutants a line says how far the run is."""


def main(arguments: Sequence[str]) -> int:
    """Every mutant of the modules named (without a name, of all); 1 when any lived. `--quick`: none meets the tests of
    the command, and what passes the quick ones counts as living. `--command`: these alone may notice one, which takes
    a minute each."""
    names = [argument for argument in arguments if not argument.startswith("--")]
    if unknown := {argument for argument in arguments if argument not in names} - {"--quick", "--command"}:
        raise SystemExit(f"unknown: {', '.join(unknown)}")
    quick, command = ("the quick tests", QUICK), ("the tests of the command", THOROUGH)
    alone = {"--quick": [quick], "--command": [command]}
    stages = next((alone[argument] for argument in arguments if argument in alone), [quick, command])
    files = [f for f in sorted(ROOT.joinpath(*PACKAGE.split(".")).glob("*.py")) if not names or f.stem in names]
    _warm()
    tried = [mutant for file in files for mutant in mutants(file, f"{PACKAGE}.{file.stem}")]
    say(f"{len(tried)} mutants")
    left = tried
    for name, tests in stages:
        if left:
            _needs(tests)
            left = list(_told(f"passes {name}", _living(left, tests)))
    say(f"{len(tried)} mutants, {len(left)} lived")
    return 1 if left else 0


def _needs(tests: list[str]) -> None:
    """Tests that fail anyway would notice every mutant."""
    if not _passes(None, tests):
        raise SystemExit(f"{tests[0]} fails without any mutant")


def say(text: str) -> None:
    """To whoever runs it."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _told(what: str, found: Iterator[Mutant]) -> Iterator[Mutant]:
    """The same, while saying so: a run takes minutes."""
    for mutant in found:
        say(f"{what}: {mutant.place} {mutant.what}")
        yield mutant


def _living(tried: Sequence[Mutant], tests: list[str]) -> Iterator[Mutant]:
    """Those that no test notices; as many at a time as there are processors."""
    running: dict[int, Mutant] = {}
    left = list(tried)
    while left or running:
        while left and len(running) < (os.cpu_count() or 1):
            mutant = left.pop(0)
            running[_start(mutant, tests)] = mutant
        pid, status = os.wait()
        mutant = running.pop(pid)
        if status == 0:
            yield mutant
        done = len(tried) - len(left) - len(running)
        if done % PROGRESS == 0:
            say(f"{done} of {len(tried)} tried")


def _passes(mutant: Mutant | None, tests: list[str]) -> bool:
    _, status = os.waitpid(_start(mutant, tests), 0)
    return status == 0


def _start(mutant: Mutant | None, tests: list[str]) -> int:
    """A child with the tests on the mutant; its exit status is 0 when they pass."""
    pid = os.fork()
    if pid:
        return pid
    signal.alarm(SECONDS)
    if tests == QUICK:
        resource.setrlimit(resource.RLIMIT_CPU, (QUICK_SECONDS, QUICK_SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    os.chdir(ROOT)
    if mutant is not None:
        sys.meta_path.insert(0, _Instead(mutant))
    with tempfile.TemporaryDirectory() as folder:
        status = pytest.main([*OPTIONS, f"--basetemp={folder}/tests", *tests])
    os._exit(int(status))


class _Instead(MetaPathFinder, Loader):
    """Loads the broken module in place of the file."""

    def __init__(self, mutant: Mutant) -> None:
        self._mutant = mutant

    def find_spec(self, fullname: str, path: Any, target: Any = None) -> ModuleSpec | None:
        """See MetaPathFinder."""
        return ModuleSpec(fullname, self) if fullname == self._mutant.module else None

    def exec_module(self, module: ModuleType) -> None:
        """See Loader."""
        exec(compile(self._mutant.tree, self._mutant.place, "exec"), module.__dict__)


def _warm() -> None:
    """Loads once what children need and mutants leave alone: a child loads only what knows the policy."""
    importlib.import_module("reconciler.cli.main")
    knowing = ("reconciler.policy", "reconciler.workflow", "reconciler.cli", "reconciler.sandbox")
    for name in [name for name in sys.modules if name.startswith(knowing)]:
        del sys.modules[name]
        parent, _, child = name.rpartition(".")
        if hasattr(sys.modules.get(parent), child):
            delattr(sys.modules[parent], child)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
