"""Shell completion: `eval "$(_RECONCILER_COMPLETE=source_bash reconciler)"`, or `source_zsh`, `source_fish`."""

from __future__ import annotations

import os
import sys

VARIABLE = "_RECONCILER_COMPLETE"
"""By it a shell asks for what may come next, instead of running a command."""

# Typer's own hands over words that bash has cut at each @, and an address would be three of them. This one asks as
# fish does, with the line as it was typed, and takes away what bash has of the word already.
_BASH = r"""
_reconciler_completion() {
    local line="${COMP_LINE:0:COMP_POINT}" breaks="${COMP_WORDBREAKS//[^@=:]/}"
    local typed="${line##*[[:space:]]}" there=""
    [[ -z $breaks ]] || there="${typed%"${typed##*["$breaks"]}"}"
    there="${there%@}"  # which readline leaves to the word that it begins
    mapfile -t COMPREPLY < <(env _RECONCILER_COMPLETE=complete_fish _TYPER_COMPLETE_FISH_ACTION=get-args \
        _TYPER_COMPLETE_ARGS="$line" "$1" 2>/dev/null)
    [[ -n ${COMPREPLY[*]} ]] || COMPREPLY=()
    COMPREPLY=("${COMPREPLY[@]%%$'\t'*}")
    COMPREPLY=("${COMPREPLY[@]#"$there"}")
}

complete -o default -F _reconciler_completion reconciler
"""


def asked_by_shell() -> bool:
    """Whether a shell asks, for a person who looks at a line that they type."""
    return VARIABLE in os.environ


def answer_shell() -> None:
    """When a shell asks, makes the command line ready to answer, or answers."""
    if not asked_by_shell():
        return
    if os.environ[VARIABLE] == "source_bash":
        from reconciler.cli.streams import write

        write(_BASH)
        sys.exit(0)
    _say_nothing()
    # completion has to be fast: no value is converted and nothing is coloured, and typer works without these
    for library in ("pydantic", "rich"):
        sys.modules[library] = None  # type: ignore[assignment]  # what Python calls "not to be imported"
    from typer.completion import get_completion_inspect_parameters

    get_completion_inspect_parameters()  # tells Typer of the shells


def _say_nothing() -> None:
    """Whatever goes wrong: a message would stand in the middle of the line."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)
