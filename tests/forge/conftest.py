"""A forge of each kind, anew for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.services.forges.server import KINDS, FakeForge, running


@pytest.fixture(params=KINDS)
def server(request: pytest.FixtureRequest) -> Iterator[FakeForge]:
    with running(request.param) as forge:
        yield forge
