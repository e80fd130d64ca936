"""Which systems there are. A fourth one is a folder beside these and one line here."""

from __future__ import annotations

from collections.abc import Callable

from reconciler.planning.ports import System
from reconciler.systems.context import SystemContext
from reconciler.systems.letters.system import build as letters
from reconciler.systems.openxchange.system import build as openxchange
from reconciler.systems.postfix.system import build as postfix
from reconciler.systems.postfixadmin.system import build as postfixadmin

# in the order in which plans and reports name them; `build` gives None when the site file leaves its section out
_BUILDERS: tuple[Callable[[SystemContext], System | None], ...] = (postfixadmin, openxchange, postfix, letters)


def build_systems(context: SystemContext) -> list[System]:
    """The systems of this site."""
    return [system for build in _BUILDERS if (system := build(context)) is not None]
