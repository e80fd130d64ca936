"""Every map type of this machine on a real Postfix."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.services.mail import Postfix, empty_map, map_types


@pytest.fixture(params=map_types() or ["hash"])
def any_postfix(request: pytest.FixtureRequest, new_postfix: Callable[[str], Postfix]) -> Postfix:
    """A running Postfix with an empty map, once for each type that can be written here."""
    instance = new_postfix(request.param)
    empty_map(instance)
    return instance


@pytest.fixture(params=[name for name in map_types() if name != "texthash"] or ["hash"])
def built_postfix(request: pytest.FixtureRequest, new_postfix: Callable[[str], Postfix]) -> Postfix:
    """The same for the types of which postmap makes a second file."""
    instance = new_postfix(request.param)
    empty_map(instance)
    return instance
