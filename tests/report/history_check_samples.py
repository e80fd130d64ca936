"""What checking history found, for the golden reports."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from reconciler.planning.history_check import Fault, Head, HistoryCheck

ZONE = ZoneInfo("Europe/Berlin")
_SINCE = datetime(2026, 11, 24, 10, 58, tzinfo=UTC)
SOUND = HistoryCheck("nrw", Head(310, "ab" * 32), _SINCE, runs=41, steps=1234, before=3, open_runs=(44,), noted=120)
FORGED = HistoryCheck(
    "nrw",
    Head(310, "cd" * 32),
    _SINCE,
    runs=44,
    steps=1200,
    pruned={7: 20, 8: 1},
    faults=(
        Fault("record 12 of the chain is missing", record=12),
        Fault("run 42, step 7: how far it came was changed", run=42, step=7),
    ),
)
