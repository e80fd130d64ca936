"""The HTTP client of this room. Proxies are those of the environment, and none leads to this machine."""

from __future__ import annotations

from typing import Any

import httpx

from reconciler.errors import UsageError
from reconciler.setting_values import LOOPBACK


def http_client(host: str | None, **how: Any) -> httpx.Client:
    """A client that asks this host. httpx looks at each proxy that is named, whichever it would take, and cannot use
    SOCKS without another library. Raises UsageError, without the proxy's address: it may hold a password."""
    try:
        return httpx.Client(trust_env=host not in LOOPBACK, follow_redirects=False, **how)
    except (ImportError, ValueError, httpx.InvalidURL):
        raise UsageError(
            "a proxy of the environment cannot be used: only http:// and https:// ones can",
            hint="look at ALL_PROXY, HTTPS_PROXY and HTTP_PROXY, or do without: NO_PROXY='*'",
        ) from None
