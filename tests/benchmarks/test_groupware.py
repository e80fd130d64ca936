"""The comparison of OX' tools with SOAP runs. Times are not judged, but for the sleep that stands for a JVM's start."""

from __future__ import annotations

import pytest

from benchmarks import groupware


def test_accounts_are_made_both_ways(capsys: pytest.CaptureFixture[str]) -> None:
    groupware.main(["--accounts", "6", "--sample", "4", "--start", "0.3", "--parallel", "2"])
    said = capsys.readouterr().out
    assert "6 accounts over SOAP: " in said
    assert "4 accounts by tools, 2 at once, 0.3 s of start a call: " in said
    times = groupware.Times(accounts=1000, over_soap=4.0, sample=40, by_tools=13.0)
    assert round(times.ratio) == 81
