"""What can be typed: every command with its options and its help.

A command imports what it runs, when it runs: this module has nothing but the command line, so that `--help`, shell
completion and a wrong option cost no more than they must (docs/benchmarks.md; tests/cli/test_start.py). Annotations are
texts here: those of the command that is asked for are evaluated, no others.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from reconciler import __version__
from reconciler.cli.apply_commands import carrying
from reconciler.cli.ci_commands import ci
from reconciler.cli.command_options import (
    BaseOption,
    Commands,
    FormatOption,
    OkWhenPendingOption,
    OnlyOption,
    SiteOption,
    StateOption,
    listed,
)
from reconciler.cli.completion_values import domains, known, mailboxes, one_of
from reconciler.cli.doctor_commands import doctors
from reconciler.cli.drift_commands import drifts
from reconciler.cli.edit_commands import add, edits
from reconciler.cli.formats import Format
from reconciler.cli.ledger_commands import ledger, runs
from reconciler.cli.letters_commands import letters
from reconciler.cli.queue_commands import queue
from reconciler.cli.remote_commands import remote
from reconciler.cli.report_commands import reports
from reconciler.cli.runner import enter
from reconciler.cli.streams import write

app = Commands(
    "reconciler",
    "GitOps for mail accounts: declare them in git, review the plan, apply it.",
    {
        "Begin": ("init", "import", "demo"),
        "Declare": ("add", "rename", "remove", "reset-password", "unblock", "confirm", "adopt", "fmt", "validate"),
        "Carry out": ("plan", "report", "apply", "resume", "password"),
        "Look": ("show", "drift", "history", "history verify", "letters", "queue"),
        "Look after": ("doctor", "ledger", "unlock", "remote", "ci", "schema"),
    },
)

SCHEMAS = (
    "state",
    "site",
    "plan",
    "run",
    "findings",
    "show",
    "history",
    "history_check",
    "queue",
    "queue_run",
    "doctor",
)
"""The documents that have a schema."""


def _version(asked: bool) -> None:
    if asked:
        write(f"reconciler {__version__}")
        raise typer.Exit()


@app.callback()
def every_command(
    _version_asked: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """What stands before the command."""


@listed(app, "init")
def init_site(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder to write; made when it is not there.")],
    values: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="A key of the site file, like postfixadmin.url; repeatable."),
    ] = None,
    without: Annotated[
        list[str] | None,
        typer.Option(
            "--without",
            metavar="SYSTEM",
            help="Leave out postfixadmin, openxchange or postfix; repeatable.",
            autocompletion=one_of("postfixadmin", "openxchange", "postfix"),
        ),
    ] = None,
    probe: Annotated[
        str | None, typer.Option("--probe", metavar="HOST", help="Look on this host over SSH for what is there.")
    ] = None,
    look_in: Annotated[
        list[str] | None,
        typer.Option("--look-in", metavar="FOLDER", help="With --probe: another folder to look in; repeatable."),
    ] = None,
) -> None:
    """Make the repository of a site that is running: site file, CI, README. Each system is tried before anything is
    written; no live system is changed. What no option says is asked at the terminal.

    Exit status 0: written. 2: an answer is wrong, or somebody left. 9: a system did not answer.

    Example: reconciler init mail --probe mail.example
    """
    from reconciler.cli import init as command

    enter(lambda: command.init(folder, values or (), without or (), probe, look_in or ()))


@listed(app)
def validate(site: SiteOption = None, state: StateOption = None, output: FormatOption = Format.TEXT) -> None:
    """Check the site file and the declared state; all problems at once, each with file, line and column.

    Exit status 0: valid (there may be warnings). 3: invalid.

    Example: reconciler validate --site state/reconciler.yaml
    """
    from reconciler.cli import validate as command

    enter(lambda: command.validate(site, state, output), output)


@listed(app)
def plan(
    site: SiteOption = None,
    output: FormatOption = Format.TEXT,
    out: Annotated[Path | None, typer.Option(help="Also save the plan to this file, for `apply FILE`.")] = None,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Show every field that changes.")] = False,
    ok_when_pending: OkWhenPendingOption = False,
    state: StateOption = None,
    base: BaseOption = None,
    only: OnlyOption = None,
    changed: Annotated[bool, typer.Option("--changed", help="With --base: not what waits without it.")] = False,
    shard: Annotated[
        str | None,
        typer.Option("--shard", metavar="K/N", help="The Kth of N shards, for `report --merge` (docs/big-sites.md)."),
    ] = None,
) -> None:
    """Show what `apply` would do; change nothing. With --base: what a merge request changes, what waits without it, and
    what it takes back. The site file and the files that it names are then read from REF.

    Exit status 0: nothing to do. 4: changes are pending. 5: a gate refuses something. 9: a system could not be read.

    Example: reconciler plan --out plan.json
    """
    from reconciler.cli import plan as command
    from reconciler.cli.unattended import Unattended

    around = Unattended("plan", output, ok_when_pending=ok_when_pending)
    enter(
        lambda: command.plan(
            site, state, output, out=out, verbose=verbose, base=base, only=only or (), changed=changed, shard=shard
        ),
        output,
        around,
    )


@listed(app, "import")
def import_(
    into: Annotated[Path, typer.Option("--into", help="The state folder to write; made when it is not there.")],
    site: SiteOption = None,
    domain: Annotated[
        list[str] | None,
        typer.Option(
            "--domain", help="Only accounts and aliases of this domain; may be repeated.", autocompletion=domains
        ),
    ] = None,
    overwrite: Annotated[bool, typer.Option(help="Replace files that are there and differ.")] = False,
) -> None:
    """Write state for what is live: the plan from it is empty but for repairs, which a report lists. What cannot be
    declared is in the report with its reason. Changes no live system.

    Example: reconciler import --into state
    """
    from reconciler.cli import import_state as command

    enter(lambda: command.run(site, into, domain or (), overwrite=overwrite))


@listed(app)
def show(
    address: Annotated[str, typer.Argument(help="An address, a local part, or a member number.", autocompletion=known)],
    site: SiteOption = None,
    output: FormatOption = Format.TEXT,
    state: StateOption = None,
) -> None:
    """Show everything that is declared and live about an address or a member number, in all systems, and where mail to
    it goes now and after the plan.

    Example: reconciler show anna.beispiel@mail.example
    """
    from reconciler.cli import show as command

    enter(lambda: command.show(address, site, state, output), output)


@listed(app)
def password(
    address: Annotated[
        str,
        typer.Argument(metavar="ADDRESS", help="A declared mailbox, or a local part.", autocompletion=mailboxes),
    ],
    site: SiteOption = None,
    output: FormatOption = Format.TEXT,
    state: StateOption = None,
) -> None:
    """Set the password of a mailbox everywhere: asked for twice on the terminal, else one line of standard input. No
    letter tells it. For a new one by letter: reconciler reset-password.

    Exit status 0: set everywhere. 2: it cannot be set, or the password is refused. 8: set in a part; run it again.

    Example: reconciler password info@mail.example
    """
    from reconciler.cli import password as command

    typed = command.piped()
    enter(lambda: command.password(address, site, state, output, typed), output)


@listed(app)
def schema(
    name: Annotated[
        str | None, typer.Argument(help=f"One of {', '.join(SCHEMAS)}.", autocompletion=one_of(*SCHEMAS))
    ] = None,
    folder: Annotated[
        Path | None, typer.Option("--write", help="Write all schemas into this folder, made when it is not there.")
    ] = None,
) -> None:
    """Print the JSON Schema of a document, or write all of them.

    Example: reconciler schema --write schemas/
    """
    from reconciler.cli import json_schema as command

    enter(lambda: command.schema(name, folder))


@listed(app)
def demo(
    folder: Annotated[Path, typer.Argument(help="Where to build the site; made anew when it is a demo site.")] = Path(
        "demo-site"
    ),
    state: Annotated[Path | None, typer.Option(help="Build it from this state instead of the example.")] = None,
) -> None:
    """Build a stand-in site in a folder: plan, apply, a rename that dies half-way and is finished, drift. Touches
    nothing else. A demo site in which you wrote something is kept as FOLDER.old-1, and so on.

    Example: reconciler demo /tmp/demo
    """
    from reconciler.cli import demo as command

    enter(lambda: command.demo(folder, state))


app.listed.update(carrying.listed)
app.listed.update(edits.listed)
app.listed.update(doctors.listed)
app.listed.update(runs.listed)
app.listed.update(reports.listed)
app.listed.update(drifts.listed)
app.add_typer(ledger)
app.add_typer(add)
app.add_typer(letters)
app.add_typer(queue)
app.add_typer(remote)
app.add_typer(ci)
