"""One ping to a check of a watchdog like Healthchecks (facts/forges.md 5). No forge; here since only this room speaks
HTTP."""

from __future__ import annotations

from urllib.parse import urlsplit, urlunsplit

from reconciler.errors import UsageError
from reconciler.forge.http_client import http_client

_LONGEST = 10_000
"""Bytes of a body that Healthchecks keeps."""


def send_ping(url: str, what: str, body: str, *, run: str, seconds: float) -> str:
    """Posts `body` to the check's address with `what` behind it; `run` ties an end to its start. Why it failed, without
    the address, which is a secret of a kind; empty when it did not."""
    try:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            return "this is no address of a check: https://HOST/…"
        query = "&".join(filter(None, (parts.query, f"rid={run}")))
        address = urlunsplit((parts.scheme, parts.netloc, f"{parts.path.rstrip('/')}/{what}", query, ""))
        with http_client(parts.hostname, timeout=seconds) as client:
            answer = client.post(address, content=body.encode("utf-8")[:_LONGEST])
    except UsageError as error:
        return error.message
    except Exception as error:  # noqa: BLE001  # whatever it is, a ping changes nothing
        return type(error).__name__  # its words have the address
    return "" if answer.is_success else f"HTTP {answer.status_code}"
