"""`reconciler queue …` on the command line."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from reconciler.cli.command_options import Commands, FormatOption, SiteOption, StateOption, YesOption, listed
from reconciler.cli.completion_values import addresses, domains, senders
from reconciler.cli.formats import Format
from reconciler.cli.runner import enter

queue = Commands("queue", "The mail that waits in Postfix' queue.")


class Waiting(StrEnum):
    """The queues of Postfix, as `model.queued_mail` has them; that is not imported for a `--help`."""

    MAILDROP = "maildrop"
    INCOMING = "incoming"
    ACTIVE = "active"
    DEFERRED = "deferred"
    HOLD = "hold"


SenderOption = Annotated[
    str,
    typer.Option(
        "--sender",
        help="The envelope sender: a whole address, or '<>' for bounces. No pattern.",
        autocompletion=senders,
    ),
]


@listed(queue, "list")
def list_(
    sender: Annotated[
        str | None,
        typer.Option(
            help="Only mail of this envelope sender: a whole address, or '<>' for bounces.", autocompletion=senders
        ),
    ] = None,
    domain: Annotated[
        str | None,
        typer.Option(help="Only mail from or to this domain, not its subdomains.", autocompletion=domains),
    ] = None,
    recipient: Annotated[
        str | None, typer.Option(help="Only mail that still has to reach this address.", autocompletion=addresses)
    ] = None,
    queues: Annotated[
        list[Waiting] | None, typer.Option("--queue", help="Only mail in this queue; may be repeated.")
    ] = None,
    older: Annotated[str | None, typer.Option(help="Only mail that came longer ago: 90m, 2h, 5d, 1w.")] = None,
    site: SiteOption = None,
    output: FormatOption = Format.TEXT,
) -> None:
    """List the mail that waits, oldest first. Needs no right but that of `postqueue`.

    Exit status 0: it was listed, also when it is empty. 9: it could not be read.

    Example: reconciler queue list --queue deferred --older 2h
    """
    from reconciler.cli import queue as command

    asked = command.Asked(sender, domain, recipient, tuple(queues or ()), older)
    enter(lambda: command.show_list(site, output, asked), output)


@listed(queue)
def show(
    queue_id: Annotated[str, typer.Argument(metavar="ID", help="The id of a message, as `queue list` shows it.")],
    site: SiteOption = None,
    output: FormatOption = Format.TEXT,
) -> None:
    """Show one message of the queue: each recipient that it has not reached, and why. Never what is written in it.

    Example: reconciler queue show 47F2C2128F1
    """
    from reconciler.cli import queue as command

    enter(lambda: command.show_one(queue_id, site, output), output)


@listed(queue)
def flush(
    domain: Annotated[
        str | None,
        typer.Option(help="Only mail that has a recipient in this domain, not its subdomains.", autocompletion=domains),
    ] = None,
    site: SiteOption = None,
    output: FormatOption = Format.TEXT,
) -> None:
    """Have deferred mail tried again now. Mail on hold stays there.

    Example: reconciler queue flush --domain mail.example
    """
    from reconciler.cli import queue as command

    enter(lambda: command.flush(domain, site, output), output)


@listed(queue)
def hold(
    sender: SenderOption, site: SiteOption = None, output: FormatOption = Format.TEXT, yes: YesOption = False
) -> None:
    """Put the mail of one sender on hold, after showing it and asking: it is kept, and not delivered.

    Exit status 0: done. 4: more has come meanwhile. 8: some of it could not be put on hold.

    Example: reconciler queue hold --sender spam@example.net
    """
    from reconciler.cli import queue as command

    enter(lambda: command.change("hold", sender, site, output, yes=yes), output)


@listed(queue)
def release(
    sender: SenderOption, site: SiteOption = None, output: FormatOption = Format.TEXT, yes: YesOption = False
) -> None:
    """Release all mail of one sender that is on hold, after showing it and asking, whoever put it there.

    Exit status 0: done. 4: more is on hold by now. 8: some of it could not be released.

    Example: reconciler queue release --sender anna.beispiel@mail.example
    """
    from reconciler.cli import queue as command

    enter(lambda: command.change("release", sender, site, output, yes=yes), output)


@listed(queue)
def delete(
    sender: SenderOption,
    site: SiteOption = None,
    output: FormatOption = Format.TEXT,
    yes: YesOption = False,
    block: Annotated[
        bool, typer.Option("--block", help="Also add the sender block to the declared state, as `add block` does.")
    ] = False,
    reason: Annotated[str | None, typer.Option("--reason", help="Why; in the entry of the block.")] = None,
    commit: Annotated[bool, typer.Option("--commit", help="Commit the file of the block, saying why.")] = False,
    state: StateOption = None,
) -> None:
    """Delete the mail of one sender, after showing it and asking. It is put on hold and looked at again first: what was
    not shown is never deleted.

    Exit status 0: done. 4: more has come meanwhile. 8: some of it could not be deleted.

    Example: reconciler queue delete --sender spam@example.net --block --reason "phishing wave"
    """
    from reconciler.cli import queue as command

    blocking = command.Block(block, reason, state, commit)
    enter(lambda: command.change("delete", sender, site, output, yes=yes, block=blocking), output)
