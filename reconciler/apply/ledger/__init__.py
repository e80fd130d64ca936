"""The ledger: what runs did and what we own, in tables of our own, with the lock. Everything public is here."""

from __future__ import annotations

from reconciler.apply.ledger.connect import LedgerUnusable, open_engine
from reconciler.apply.ledger.ledger import Ledger
from reconciler.apply.ledger.lock import Holder, Lease, Locked, LockLost, OpenRun
from reconciler.apply.ledger.run_statements import NewRun

__all__ = [
    "Holder",
    "Lease",
    "Ledger",
    "LedgerUnusable",
    "LockLost",
    "Locked",
    "NewRun",
    "OpenRun",
    "open_engine",
]
