"""The contract of a system, on a real Postfix with every map type."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from reconciler.model.declared import DesiredState
from reconciler.planning.changes import Change
from reconciler.planning.ports import System
from tests.services.mail import Postfix, empty_map
from tests.systems import contract
from tests.systems.postfix.site import blocks, section, system_on


class MapWorld:
    """The sender map of one Postfix."""

    states: Sequence[DesiredState] = (
        blocks("spam@example.net", "example.org"),
        blocks("spam@example.net", "xn--bcher-kva.test"),
        blocks("example.org"),
    )

    def __init__(self, instance: Postfix) -> None:
        self.instance = instance

    def system(self) -> System:
        return system_on(section(self.instance))

    async def drift(self) -> None:
        """The wiki's administrator comments our block out and adds one by hand, inside our section."""
        text = self.instance.map.read_text()
        changed = text.replace("example.org REJECT", "#example.org REJECT\nmine@example.com DUNNO\nnonsense")
        self.instance.write_by_hand(changed)

    async def lose_race(self, change: Change) -> None:
        text = self.instance.map.read_text()
        self.instance.write_by_hand(text.replace(f"{change.key} REJECT", f"{change.key} HOLD"))

    async def dump(self) -> object:
        text = self.instance.map.read_text()
        if self.instance.map_type == "texthash":
            return text, {}
        return text, self.instance.dump(*(line.split()[0] for line in text.splitlines() if line.strip()))

    async def reset(self) -> None:
        empty_map(self.instance)


class TestSenderMap(contract.Contract):
    """drift, convergence, repetition, races and crashes."""

    @pytest.fixture
    def world(self, any_postfix: Postfix) -> contract.World:
        return MapWorld(any_postfix)
