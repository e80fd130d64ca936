"""`reconciler report` on the command line. Light, as `commands` is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from reconciler.cli.command_options import Commands, listed
from reconciler.cli.runner import enter

if TYPE_CHECKING:
    from reconciler.cli.exit_status import Status
    from reconciler.report.read_document import Document

reports = Commands()


@listed(reports)
def report(
    documents: Annotated[
        list[Path], typer.Argument(metavar="FILE", help="What plan, drift, apply or validate wrote as JSON.")
    ],
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="One page that opens anywhere, and can be printed.")
    ] = None,
    markdown: Annotated[
        Path | None, typer.Option(metavar="FILE", help="For a comment, an issue or a job's summary.")
    ] = None,
    terraform_report: Annotated[
        Path | None, typer.Option(metavar="FILE", help="GitLab's counts for the merge request's widget.")
    ] = None,
    comment: Annotated[
        bool, typer.Option("--comment", help="Bring the comment of the merge request up to date (docs/forge.md).")
    ] = False,
    issue: Annotated[
        bool, typer.Option("--issue", help="Bring the issue that names drift up to date (docs/forge.md).")
    ] = False,
    forge: Annotated[
        str | None,
        typer.Option(envvar="RECONCILER_FORGE", help="gitlab, github, forgejo or gitea; default: that of the CI job."),
    ] = None,
    forge_url: Annotated[
        str | None, typer.Option(metavar="URL", envvar="RECONCILER_FORGE_URL", help="Where its API is.")
    ] = None,
    forge_project: Annotated[
        str | None,
        typer.Option(metavar="PROJECT", envvar="RECONCILER_FORGE_PROJECT", help="`group/name`, or a number."),
    ] = None,
    merge_request: Annotated[
        int | None,
        typer.Option(metavar="NUMBER", envvar="RECONCILER_MERGE_REQUEST", help="Which one to comment on.", min=1),
    ] = None,
    forge_ca: Annotated[
        Path | None,
        typer.Option(metavar="FILE", envvar="RECONCILER_FORGE_CA", help="Certificates that are trusted, too."),
    ] = None,
    forge_plain_http: Annotated[
        bool,
        typer.Option(
            "--forge-plain-http", envvar="RECONCILER_FORGE_PLAIN_HTTP", help="Send the token without encryption."
        ),
    ] = False,
    code_quality: Annotated[
        Path | None, typer.Option(metavar="FILE", help="GitLab's code quality: what there is to say, by file and line.")
    ] = None,
    junit: Annotated[Path | None, typer.Option(metavar="FILE", help="A test summary, as JUnit's XML.")] = None,
    sarif: Annotated[Path | None, typer.Option(metavar="FILE", help="SARIF 2.1.0, for GitHub's code scanning.")] = None,
    metrics: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Metrics for Prometheus' textfile collector: a .prom file.")
    ] = None,
    github: Annotated[
        bool, typer.Option("--github", help="On GitHub: annotations, the summary and the outputs of this step.")
    ] = False,
    check: Annotated[
        bool, typer.Option("--check", help="Answer as a check of Nagios or Icinga, with its exit statuses 0 to 3.")
    ] = False,
    mask: Annotated[
        bool, typer.Option("--mask", help="Names, addresses and numbers are replaced in all of them (docs/report.md).")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing of what was done; for cron.")] = False,
    max_age: Annotated[
        str | None, typer.Option(metavar="AGE", help="With --check: what is older is UNKNOWN: 90m, 26h, 2d.")
    ] = None,
    check_as: Annotated[
        list[str] | None,
        typer.Option(
            metavar="STATUS=STATE", help="With --check: which state an exit status is: 4=critical, 5=warning, 4=ok."
        ),
    ] = None,
) -> None:
    """Write reports from the JSON that other commands wrote. Reads no live system and needs no secret but the forge's
    token, for --comment and --issue. `-` is standard output; one call may write several reports.

    Example: reconciler report plan.json --terraform-report plan-counts.json --comment
    """
    from reconciler.cli import report as command
    from reconciler.cli.mask_key import Hiding

    def post(found: Sequence[Document]) -> Status:
        from reconciler.cli.forge import Named, post

        named = Named(forge, forge_url, forge_project, merge_request, forge_ca, forge_plain_http)
        return post(found, named, comment=comment, issue=issue, quiet=quiet)

    then, hide = post if comment or issue else None, Hiding(wanted=mask)
    outputs = {
        "html": html,
        "markdown": markdown,
        "terraform_report": terraform_report,
        "code_quality": code_quality,
        "junit": junit,
        "sarif": sarif,
        "metrics": metrics,
    }
    if check:
        from reconciler.cli.report_check import Asked, leave_with_check

        asked = Asked(documents, max_age, check_as or (), hide)
        leave_with_check(
            asked, lambda: command.write_all(documents, outputs, then, on_github=github, hide=hide, quiet=quiet)
        )
    of_check = {"--max-age": max_age, "--check-as": check_as}
    enter(lambda: command.report(documents, outputs, then, on_github=github, of_check=of_check, hide=hide, quiet=quiet))
