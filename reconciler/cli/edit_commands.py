"""The commands that edit the declared state, as they are typed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from reconciler.cli.command_options import Commands, SiteOption, StateOption, listed
from reconciler.cli.completion_values import (
    addresses,
    aliases,
    anything,
    blocks,
    domain_of_new,
    gates,
    live,
    mailboxes,
    one_of,
)
from reconciler.cli.runner import enter

CommitOption = Annotated[bool, typer.Option("--commit", help="Commit the files that changed, saying what and why.")]
WhyOption = Annotated[str | None, typer.Option("--reason", help="Why; for the commit's message.")]
ReasonOption = Annotated[str, typer.Option("--reason", help="Why; in the entry, and in the commit's message.")]
DateOption = Annotated[str | None, typer.Option("--date", metavar="DATE", help="A day like 2026-12-01; default today.")]
_ADDRESS: dict[str, Any] = {"metavar": "ADDRESS", "help": "An address, or a local part."}
NewAddressArgument = Annotated[str, typer.Argument(**_ADDRESS, autocompletion=domain_of_new)]
AliasArgument = Annotated[str, typer.Argument(**_ADDRESS, autocompletion=aliases)]
MailboxArgument = Annotated[str, typer.Argument(**_ADDRESS, autocompletion=mailboxes)]
AddressArgument = Annotated[str, typer.Argument(**_ADDRESS, autocompletion=addresses)]
_SENDER: dict[str, Any] = {"metavar": "SENDER|DOMAIN", "help": "An envelope sender, or a domain with its subdomains."}
NewSenderArgument = Annotated[str, typer.Argument(**_SENDER)]
SenderArgument = Annotated[str, typer.Argument(**_SENDER, autocompletion=blocks)]
GivenNameOption = Annotated[str | None, typer.Option("--given-name", help="Given name; default from the register.")]
SurnameOption = Annotated[str | None, typer.Option("--surname", help="Surname; default from the register.")]
NameOption = Annotated[str | None, typer.Option("--name", help="Display name; default given name and surname.")]

edits = Commands()
add = Commands("add", "Add a mailbox, an alias or a sender block to the declared state.")


@listed(add)
def mailbox(
    address: NewAddressArgument,
    given_name: GivenNameOption = None,
    surname: SurnameOption = None,
    name: NameOption = None,
    member: Annotated[str | None, typer.Option("--member", help="Member number; makes the alias NUMBER@.")] = None,
    quota: Annotated[str | None, typer.Option("--quota", help="Like '10240 MB', or unlimited.")] = None,
    groupware: Annotated[
        bool | None, typer.Option("--groupware/--no-groupware", help="Whether it has an OX account.")
    ] = None,
    username: Annotated[str | None, typer.Option("--username", help="OX login; default by the site's rule.")] = None,
    reason: WhyOption = None,
    commit: CommitOption = False,
    site: SiteOption = None,
    state: StateOption = None,
) -> None:
    """Declare a mailbox. It is made by the next apply.

    Example: reconciler add mailbox bernd.neu@mail.example --given-name Bernd --surname Neu --member 10077
    """
    fields = {"given_name": given_name, "surname": surname, "name": name, "member": member, "quota": quota}
    _edit(
        "add_mailbox", site, state, reason, commit, address, fields=fields | {"groupware": groupware}, username=username
    )


@listed(add)
def alias(
    address: AliasArgument,
    targets: Annotated[
        list[str], typer.Argument(metavar="TARGET...", help="Where mail goes.", autocompletion=addresses)
    ],
    reason: WhyOption = None,
    commit: CommitOption = False,
    site: SiteOption = None,
    state: StateOption = None,
) -> None:
    """Declare an alias, or add targets to one that is declared.

    Example: reconciler add alias vorstand@mail.example anna.beispiel@mail.example klaus@extern.example
    """
    _edit("add_alias", site, state, reason, commit, address, targets)


@listed(add)
def block(
    sender: NewSenderArgument,
    reason: ReasonOption,
    expires: Annotated[str | None, typer.Option("--expires", metavar="DATE", help="The last day of it.")] = None,
    commit: CommitOption = False,
    site: SiteOption = None,
    state: StateOption = None,
) -> None:
    """Refuse mail of an envelope sender, or of a domain and its subdomains.

    Example: reconciler add block spam@example.net --reason "phishing wave" --expires 2027-02-22
    """
    _edit("add_block", site, state, None, commit, sender, reason=reason, expires=expires)


@listed(edits)
def unblock(
    sender: SenderArgument,
    reason: WhyOption = None,
    commit: CommitOption = False,
    site: SiteOption = None,
    state: StateOption = None,
) -> None:
    """Take a sender block out of the declared state.

    Example: reconciler unblock spam@example.net --reason "wave is over"
    """
    _edit("unblock", site, state, reason, commit, sender)


@listed(edits)
def rename(
    old: Annotated[str, typer.Argument(metavar="OLD", help="The address so far.", autocompletion=mailboxes)],
    new: Annotated[str, typer.Argument(metavar="NEW", help="The address from now on.", autocompletion=domain_of_new)],
    date: DateOption = None,
    given_name: GivenNameOption = None,
    surname: Annotated[str | None, typer.Option("--surname", help="The new surname, where it changes.")] = None,
    name: NameOption = None,
    former_surname: Annotated[
        str | None, typer.Option("--former-surname", help="Shown on the old mailbox; default the one before --surname.")
    ] = None,
    ticket: Annotated[str | None, typer.Option("--ticket", help="Where it was asked for.")] = None,
    old_mailbox: Annotated[
        str | None,
        typer.Option("--old-mailbox", help="attach (the default) or move.", autocompletion=one_of("attach", "move")),
    ] = None,
    reason: WhyOption = None,
    commit: CommitOption = False,
    site: SiteOption = None,
    state: StateOption = None,
) -> None:
    """Give an account another address: its entry stands under the new one, with a `renames` entry, and declared aliases
    lead to the new one. With a date of the future aliases are left until then.

    Example: reconciler rename anna.muster anna.beispiel --surname Beispiel --ticket "RT 4711"
    """
    names = {"given_name": given_name, "surname": surname, "name": name}
    details = {"former_surname": former_surname, "ticket": ticket, "old_mailbox": old_mailbox}
    _edit("rename", site, state, reason, commit, old, new, date=date, names=names, details=details)


@listed(edits)
def remove(
    address: AddressArgument,
    reason: WhyOption = None,
    date: DateOption = None,
    groupware_account: Annotated[
        str | None,
        typer.Option(
            "--groupware-account",
            help="keep (the default) or delete the OX account.",
            autocompletion=one_of("keep", "delete"),
        ),
    ] = None,
    commit: CommitOption = False,
    site: SiteOption = None,
    state: StateOption = None,
) -> None:
    """Declare that a mailbox goes on a day, or take an alias out. Declared aliases do not lead to it any more; one that
    would lead to nobody is named, and nothing is written.

    Example: reconciler remove hans.weg@mail.example --date 2026-12-01 --reason "left the party, RT 4890"
    """
    how = {"date": date, "reason": reason, "groupware_account": groupware_account}
    _edit("remove", site, state, None, commit, address, **how)


@listed(edits)
def reset_password(
    address: MailboxArgument,
    date: DateOption = None,
    reason: WhyOption = None,
    commit: CommitOption = False,
    site: SiteOption = None,
    state: StateOption = None,
) -> None:
    """Declare a new password for a member, sent to the registered address by the first apply on that day or later.

    Example: reconciler reset-password anna.beispiel --reason "RT 4712"
    """
    _edit("reset_password", site, state, reason, commit, address, date=date)


@listed(edits)
def confirm(
    gate: Annotated[
        str, typer.Argument(metavar="GATE", help="The gate, as the plan's refusal names it.", autocompletion=gates)
    ],
    subject: Annotated[
        str, typer.Argument(metavar="SUBJECT", help="Of what, as the refusal names it.", autocompletion=anything)
    ],
    reason: ReasonOption,
    until: Annotated[
        str | None, typer.Option("--until", metavar="DATE", help="The last day; default in a week, at most 31 days.")
    ] = None,
    commit: CommitOption = False,
    site: SiteOption = None,
    state: StateOption = None,
) -> None:
    """Lift one gate for one subject until a day. An earlier entry for both is replaced.

    Example: reconciler confirm groupware-delete hans.weg@mail.example --reason "data export handed over"
    """
    _edit("confirm", site, state, None, commit, gate, subject, reason=reason, until=until)


@listed(edits)
def adopt(
    subjects: Annotated[
        list[str],
        typer.Argument(metavar="SUBJECT...", help="Addresses; keys of sender blocks.", autocompletion=live),
    ],
    reason: WhyOption = None,
    commit: CommitOption = False,
    site: SiteOption = None,
    state: StateOption = None,
) -> None:
    """Declare what is live, for drift that was right: fields that differ, an alias' targets, what is not declared. What
    is not managed stays so. Reads the live systems.

    Example: reconciler adopt vorstand@mail.example --reason "the board changed it in PostfixAdmin"
    """
    from reconciler.cli import adopt as command

    enter(lambda: command.run(site, state, subjects, reason=reason, commit=commit))


@listed(edits)
def fmt(
    check: Annotated[bool, typer.Option("--check", help="Write nothing; show what would be written.")] = False,
    site: SiteOption = None,
    state: StateOption = None,
) -> None:
    """Write the files of the declared state in one layout, with their comments. What they declare stays the same.

    Exit status 0: done, or nothing to do. 4: with --check, a file is not in the layout.

    Example: reconciler fmt --check
    """
    from reconciler.cli import format_state as command

    enter(lambda: command.fmt(site, state, check=check))


def _edit(
    name: str, site: Path | None, state: Path | None, reason: str | None, commit: bool, /, *words: Any, **options: Any
) -> None:
    """Imports and runs the change of this name."""
    from reconciler.cli import edit, edit_changes

    change = edit_changes.CHANGES[name]
    enter(
        lambda: edit.edit_state(
            site, state, lambda state, site: change(state, site, *words, **options), reason=reason, commit=commit
        )
    )
