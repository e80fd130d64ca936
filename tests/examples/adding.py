"""What it takes to add an example to the product: one line in a list or two, and one section of the site file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from pydantic import create_model

from reconciler.declared import registry as declared_registry
from reconciler.declared.site_file import load
from reconciler.model import record_kinds
from reconciler.settings import Section, Settings, Site
from reconciler.systems import registry as system_registry


def add(
    patch: pytest.MonkeyPatch, *, key: str, section: type[Section], systems: Sequence[str], sections: Sequence[str] = ()
) -> None:
    """For the length of one test: these lines in the two lists, and `section` in the site file, as `key`."""
    patch.setattr(system_registry, "SYSTEMS", [*system_registry.SYSTEMS, *systems])
    patch.setattr(declared_registry, "SECTIONS", [*declared_registry.SECTIONS, *sections])
    field: Any = {key: (section | None, None)}
    patch.setattr(load, "Site", create_model("Site", __base__=Site, **field))
    patch.setattr(load, "Settings", create_model("Settings", __base__=Settings, **field))
    for known in ("_BY_NAME", "_BY_ROW"):  # the kinds that are registered now go with the test
        patch.setattr(record_kinds, known, dict(getattr(record_kinds, known)))
    system_registry.register_kinds()
