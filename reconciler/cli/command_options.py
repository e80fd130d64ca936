"""What several commands have on the command line. Imported by the modules that list commands, and as light as these."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from reconciler.cli.formats import Format

# a `--help` that is not there needs no pydantic to be read
NO_HELP = {"default_map": {"help": False}}

SiteOption = Annotated[
    Path | None,
    typer.Option(
        "--site", envvar="RECONCILER_SITE", help="The site file; default ./reconciler.yaml, ./state/reconciler.yaml."
    ),
]
StateOption = Annotated[
    Path | None,
    typer.Option(
        "--state",
        envvar="RECONCILER_STATE",
        help="The folder of the declared state, instead of the site file's `state`.",
    ),
]
FormatOption = Annotated[Format, typer.Option("--format", help="How to write the report to standard output.")]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


def command_group(name: str, words: str) -> typer.Typer:
    """Commands that are called by two words. `words`: what they are about, as the list of all commands says it."""
    return typer.Typer(
        name=name, help=words, short_help=words, no_args_is_help=True, context_settings=NO_HELP, rich_markup_mode=None
    )


def listed(group: typer.Typer, name: str | None = None) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Adds a command; the list of all commands shows the whole first sentence of its help."""

    def add(command: Callable[..., None]) -> Callable[..., None]:
        sentence, dot, _ = " ".join((command.__doc__ or "").split()).partition(". ")
        return group.command(name, short_help=sentence + dot.strip())(command)

    return add
