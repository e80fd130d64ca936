"""The switches for big sites last as long as the command, and a C library without them is no error."""

from __future__ import annotations

import ctypes
import gc
from contextlib import suppress

import pytest

from reconciler.cli.process_tuning import give_memory_back, many_values


def test_the_collector_is_as_before_afterwards() -> None:
    before = gc.get_threshold()
    with suppress(RuntimeError), many_values():
        during = gc.get_threshold()
        raise RuntimeError
    assert during[0] > 100 * before[0]
    assert gc.get_threshold() == before
    assert gc.isenabled()


def test_another_c_library_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda name: object())
    give_memory_back()
