"""Which machines a site names."""

from __future__ import annotations

from reconciler.settings import Settings


def host_names(settings: Settings) -> list[str]:
    """Those that are reached over SSH, in alphabetical order; this machine is not among them."""
    sections = (settings.openxchange, settings.postfix)
    named = {section.host for section in sections if section is not None and section.host is not None}
    return sorted({*settings.ssh, *named})
