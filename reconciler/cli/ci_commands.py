"""`reconciler ci …` on the command line. Light, as `commands` is."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from reconciler.cli.command_options import Commands, SiteOption, listed
from reconciler.cli.completion_values import one_of
from reconciler.cli.runner import enter

ci = Commands("ci", "Pipelines of the state repository.")

_MOST_JOBS = 200
"""Of one matrix on GitLab; GitHub takes 256."""


class ForgeName(StrEnum):
    """Whose CI it is."""

    GITLAB = "gitlab"
    GITHUB = "github"
    FORGEJO = "forgejo"


@listed(ci)
def init(
    forge: Annotated[
        ForgeName,
        typer.Argument(
            metavar="FORGE", help="gitlab, github or forgejo; Gitea takes the last.", autocompletion=one_of(*ForgeName)
        ),
    ],
    package: Annotated[
        str | None,
        typer.Option(
            metavar="WHEEL",
            help="URL of the wheel that jobs install where their image has no reconciler; default: that of the"
            " files that are there.",
        ),
    ] = None,
    shards: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=1,
            max=_MOST_JOBS,
            help="So many jobs make the plan of a merge request (docs/big-sites.md); default: as the files that are"
            " there, else 1.",
        ),
    ] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Also write over files that somebody changed; git has the old ones.")
    ] = False,
    site: SiteOption = None,
) -> None:
    """Write the CI files of the state repository: plan in merge requests, apply after the merge and every night, drift
    every night. What somebody changed is shown and left as it is.

    Example: reconciler ci init gitlab --package https://forge.example/reconciler-0.1.0-py3-none-any.whl
    """
    from reconciler.cli import ci as command

    enter(lambda: command.init(forge.value, site, package=package, shards=shards, replace=replace))
