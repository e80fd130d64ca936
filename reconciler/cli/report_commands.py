"""`reconciler report` on the command line. Light, as `commands` is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from reconciler.cli.command_options import Commands, OkWhenPendingOption, listed
from reconciler.cli.completion_values import one_of
from reconciler.cli.runner import enter

if TYPE_CHECKING:
    from reconciler.cli.exit_status import Status
    from reconciler.report.read_document import Document

reports = Commands()


@listed(reports)
def report(
    documents: Annotated[
        list[Path],
        typer.Argument(metavar="FILE", readable=False, help="What plan, drift, apply or validate wrote as JSON."),
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
        typer.Option(
            metavar="FORGE",
            envvar="RECONCILER_FORGE",
            help="gitlab, github, forgejo or gitea; default: that of the CI job.",
            autocompletion=one_of("gitlab", "github", "forgejo", "gitea"),
        ),
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
    merge: Annotated[
        bool, typer.Option("--merge", help="Of the shards of one plan: that plan (docs/big-sites.md).")
    ] = False,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="With --merge: save the plan, for `apply FILE`.")
    ] = None,
    ok_when_pending: OkWhenPendingOption = False,
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
    token, for --comment and --issue. `-` is standard output; one call may write several reports. --merge makes one plan
    of its shards, judges the limits, and ends as `plan` does.

    Example: reconciler report plan.json --terraform-report plan-counts.json --comment
    """
    from reconciler.cli import report as command
    from reconciler.cli.mask_key import Hiding

    def post(found: Sequence[Document]) -> Status:
        from reconciler.cli.forge import Named, post

        named = Named(forge, forge_url, forge_project, merge_request, forge_ca, forge_plain_http)
        return post(found, named, comment=comment, issue=issue, quiet=quiet)

    outputs = {
        "html": html,
        "markdown": markdown,
        "terraform_report": terraform_report,
        "code_quality": code_quality,
        "junit": junit,
        "sarif": sarif,
        "metrics": metrics,
    }
    of_check: Mapping[str, object] = {"--max-age": max_age, "--check-as": check_as}
    of_merge: Mapping[str, object] = {"--out": out, "--ok-when-pending": ok_when_pending}
    stray: Mapping[str, Mapping[str, object]] = {
        "--check": {} if check else of_check,
        "--merge": {} if merge else of_merge,
    }
    then = post if comment or issue else None
    wanted = command.Wanted(outputs, then, github, Hiding(wanted=mask), quiet, stray)
    if merge:
        from reconciler.cli.unattended import Unattended

        around = Unattended("report", ok_when_pending=ok_when_pending)
        enter(lambda: command.report_merged(documents, out, wanted, check=check), unattended=around)
    if check:
        from reconciler.cli.report_check import Asked, leave_with_check

        asked = Asked(documents, max_age, check_as or (), wanted.hide)
        leave_with_check(asked, lambda: command.write_all(documents, wanted))
    enter(lambda: command.report(documents, wanted))
