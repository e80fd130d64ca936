"""Shell completion: `eval "$(_RECONCILER_COMPLETE=source_bash reconciler)"`, or `source_zsh`, `source_fish`."""

from __future__ import annotations

import os
import sys

VARIABLE = "_RECONCILER_COMPLETE"
"""By it a shell asks for what may come next, instead of running a command."""


def answer_shell() -> None:
    """When a shell asks, makes the command line ready to answer."""
    if VARIABLE not in os.environ:
        return
    # completion has to be fast: no value is converted and nothing is coloured, and typer works without these
    for library in ("pydantic", "rich"):
        sys.modules[library] = None  # type: ignore[assignment]  # what Python calls "not to be imported"
    from typer.completion import get_completion_inspect_parameters

    get_completion_inspect_parameters()  # tells Typer of the shells
