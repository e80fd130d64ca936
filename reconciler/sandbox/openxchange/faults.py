"""Injected faults: which of the switches' faults strike in this call. Armed once a call by `call.py`.

The counters stand in the database, so that "the first two calls" holds over processes and over parallel ones.
"""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import time
from typing import NoReturn

from reconciler.sandbox.openxchange.failures import (
    BY_EXCEPTION,
    COMMUNICATION,
    REMOTE,
    LocalFailure,
    database_update,
    storage,
)
from reconciler.sandbox.openxchange.store import count
from reconciler.sandbox.openxchange.switches import Fault

COUNTER_PREFIX = "fault:"


class Faults:
    """The faults that strike in one call."""

    def __init__(self, connection: sqlite3.Connection, tool: str, faults: tuple[Fault, ...]) -> None:
        concerned = [fault for fault in faults if fault.tool in ("", tool)]
        self._active = {fault.kind: fault for fault in concerned if strikes(connection, fault)}

    @property
    def kinds(self) -> frozenset[str]:
        """What strikes, for a server that does not die with the call."""
        return frozenset(self._active)

    def on_connect(self) -> None:
        """No server, or one without its administration. Raises LocalFailure (105, 1)."""
        if "down" in self._active:
            reason = "java.net.ConnectException: Connection refused (Connection refused)"
            raise LocalFailure(
                COMMUNICATION, f"Connection refused to host: localhost; nested exception is: \n\t{reason}"
            )
        if "starting" in self._active:
            raise LocalFailure(BY_EXCEPTION, 'Look-up failed. Service "OXUser_V2" is not available.')

    def on_schema(self) -> None:
        """After authentication. Raises ServerFailure."""
        if "updating" in self._active:
            raise database_update()

    def on_effect(self) -> None:
        """Where the database is written, or for deleteuser was. Raises ServerFailure (106)."""
        if "storage_error" in self._active:
            raise storage("Database connection lost while the request was carried out")

    def wait(self, response_timeout: float) -> None:
        """The server thinks. The caller must still let it act when the time is over, and then call `timed_out`."""
        slow = self._active.get("slow")
        if slow is not None:
            time.sleep(min(slow.seconds, response_timeout or slow.seconds))

    def timed_out(self, response_timeout: float) -> None:
        """Raises LocalFailure (107) when the tool did not wait for the answer (1.2)."""
        slow = self._active.get("slow")
        if slow is not None and 0 < response_timeout < slow.seconds:
            reason = "java.net.SocketTimeoutException: Read timed out"
            raise LocalFailure(REMOTE, f"Error unmarshaling return header; nested exception is: \n\t{reason}")

    def before_answer(self) -> None:
        """Everything is done and nothing was said yet."""
        if "dies_after_effect" in self._active:
            _die(self._active["dies_after_effect"])

    @property
    def cuts_answer(self) -> bool:
        """Only the first half of the answer is said; then comes `after_half`."""
        return "half_answer" in self._active

    def after_half(self) -> NoReturn:
        """Ends the process after the first half."""
        _die(self._active["half_answer"])


def strikes(connection: sqlite3.Connection, fault: Fault) -> bool:
    """Whether it strikes in this call, which is counted."""
    if fault.first is None:
        return True
    return count(connection, COUNTER_PREFIX + json.dumps(fault)) <= fault.first


def _die(fault: Fault) -> NoReturn:
    if fault.status is None:
        os.kill(os.getpid(), signal.SIGKILL)
        signal.pause()
    os._exit(fault.status or 0)
