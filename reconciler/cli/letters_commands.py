"""`reconciler letters …` on the command line."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from reconciler.cli.command_options import Commands, FormatOption, SiteOption, StateOption, listed
from reconciler.cli.completion_values import mailboxes
from reconciler.cli.formats import Format
from reconciler.cli.runner import enter

letters = Commands("letters", "The letters to members.")


class Kind(StrEnum):
    """The letters, as `systems.letters.letter_templates` has them; that is not imported for a `--help`."""

    ACCOUNT = "account"
    RENAMED = "renamed"
    PASSWORD = "password"  # the name of a template
    MOVED = "moved"


class Language(StrEnum):
    """The languages of letters, as `settings.Language` has them."""

    DE = "de"
    EN = "en"


@listed(letters)
def preview(
    address: Annotated[
        str,
        typer.Argument(metavar="ADDRESS", help="A declared mailbox, or a local part.", autocompletion=mailboxes),
    ],
    kind: Annotated[
        Kind, typer.Option("--kind", help="A new account, a new address, a new password, or an address that moved.")
    ] = Kind.ACCOUNT,
    language: Annotated[
        Language | None, typer.Option("--language", help="Of a member whose register says so; else the site's.")
    ] = None,
    site: SiteOption = None,
    state: StateOption = None,
) -> None:
    """Show a letter as a member would get it, with XXXXX in the place of the password. Sends nothing, and asks neither
    the register nor a live system.

    Example: reconciler letters preview anna.beispiel@mail.example --kind renamed
    """
    from reconciler.cli import letters as command

    enter(lambda: command.preview(address, kind.value, language or "", site, state))


@listed(letters, "list")
def list_(site: SiteOption = None, output: FormatOption = Format.TEXT, state: StateOption = None) -> None:
    """List the letters that the ledger knows as owed, or that may not have arrived.

    Exit status 0: there is none. 4: there are some; each with what to do.

    Example: reconciler letters list
    """
    from reconciler.cli import letters as command

    enter(lambda: command.show_list(site, state, output), output)
