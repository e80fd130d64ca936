"""The configuration of the gates as plain text: a saved plan is bound to it and names what differs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from reconciler.settings import Policy


def configuration(policy: Policy) -> dict[str, str]:
    """The `policy` section as it was read, defaults included, by dotted key: `limits.removals.number: 5`."""
    return dict(_flat("", policy.model_dump()))


def _flat(prefix: str, section: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in section.items():
        if isinstance(value, dict):
            yield from _flat(f"{prefix}{name}.", value)
        else:
            yield f"{prefix}{name}", ", ".join(map(str, value)) if isinstance(value, list) else str(value)
