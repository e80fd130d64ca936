"""What several commands have on the command line. Imported by the modules that list commands, and as light as these."""

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, ClassVar

import typer
from typer.core import TyperCommand, TyperGroup

from reconciler.cli.completion_values import of_a_part
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
BaseOption = Annotated[
    str | None,
    typer.Option("--base", metavar="REF", help="The branch or commit that a merge request is compared with."),
]
OnlyOption = Annotated[
    list[str] | None,
    typer.Option(
        "--only",
        metavar="ADDRESS|DOMAIN",
        help="A part: what is about these; may be repeated.",
        autocompletion=of_a_part,
    ),
]
FormatOption = Annotated[Format, typer.Option("--format", help="How to write the report to standard output.")]
RunFileOption = Annotated[
    Path | None, typer.Option("--out", metavar="FILE", help="Save what became of it as JSON, whatever happens.")
]
OkWhenPendingOption = Annotated[
    bool,
    typer.Option("--ok-when-pending", help="End with 0 in place of 4: pending changes and drift are no failure here."),
]
PingOption = Annotated[
    str | None,
    typer.Option(
        "--ping",
        metavar="URL",
        envvar="RECONCILER_PING_URL",
        help="Tell this check of a watchdog like Healthchecks that it began, and how it ended.",
    ),
]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


def _in_our_words(error: typer.BadParameter) -> str:
    """Why a value is refused. The library below says it in words for programmers, of which the cause knows more."""
    if not isinstance(error.__cause__, ValueError) or not hasattr(error.__cause__, "errors"):
        return error.message
    found = error.__cause__.errors()[0]
    expected = {
        "int": "a whole number",
        "bool": "1 or 0",
        "greater": f"at least {found.get('ctx', {}).get('ge')}",
        "less": f"at most {found.get('ctx', {}).get('le')}",
    }.get(found["type"].partition("_")[0])
    return f"expected {expected}, got {found['input']!r}" if expected else error.message.removeprefix("Value error, ")


class _WithExample(TyperCommand):
    """Its example stays on one line, since people copy it; the terminal wraps it, if it must."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """See TyperCommand."""
        try:
            return super().parse_args(ctx, args)
        except typer.BadParameter as error:
            error.message = _in_our_words(error)
            raise

    def format_help_text(self, ctx: Any, formatter: Any) -> None:
        """See TyperCommand."""
        whole, example = self.help or "", "\n\nExample: "
        self.help, _, line = whole.partition(example)
        super().format_help_text(ctx, formatter)
        self.help = whole
        if line:
            formatter.write_paragraph()
            formatter.write(f"  {example.strip()} {line.strip()}\n")


def _typed_in_words(parameter: Any) -> None:
    """Help and manual pages name types as programmers do, `<list[Path]>`: nothing is shown of an argument, whose name
    says it, and a `<text>` is one."""
    whole, is_argument = parameter.display_type_rich, parameter.param_type_name == "argument"

    def in_words(ctx: Any) -> str:
        shown = whole(ctx=ctx)
        if is_argument and not parameter.type_descriptor.is_choice:
            return ""
        return "<text>" if shown in ("<str>", "<list[str]>") else shown

    parameter.display_type_rich = in_words


class Listed(TyperCommand):
    """A command as the list of all shows it: its name and the first sentence of its help."""

    def __init__(self, name: str, function: Callable[..., None]) -> None:
        sentence, dot, _ = " ".join((function.__doc__ or "").split()).partition(". ")
        super().__init__(name=name, short_help=sentence + dot.strip(), rich_markup_mode=None)
        self._function = function

    @cached_property
    def whole(self) -> TyperCommand:
        """With its parameters and its help. Typer takes half a millisecond for that, so it is done for one command."""
        alone = typer.Typer(add_completion=False, rich_markup_mode=None)
        alone.command(self.name, cls=_WithExample, short_help=self.short_help)(self._function)
        command = typer.main.get_command(alone)
        assert isinstance(command, TyperCommand)
        for parameter in command.params:
            _typed_in_words(parameter)
        return command


class ListedGroup(TyperGroup):
    """Shows and completes what is listed, and runs the whole of it."""

    listed: ClassVar[dict[str, Listed]]
    headings: ClassVar[Mapping[str, Sequence[str]]]

    def __init__(self, *, commands: dict[str, Any], **given: Any) -> None:
        super().__init__(commands={**self.listed, **commands}, **given)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """See TyperGroup. Under its headings, where it has some; whatever is under none comes first."""
        under = {name: heading for heading, names in self.headings.items() for name in names}
        width = max(map(len, self.commands))
        for heading in ("Commands", *self.headings):
            names = self.headings.get(heading) or [name for name in self.list_commands(ctx) if name not in under]
            rows = [(f"{name:{width}}", self.commands[name].get_short_help_str(500)) for name in names]
            if rows:
                with formatter.section(heading):
                    formatter.write_dl(rows)

    def shell_complete(self, ctx: Any, incomplete: str) -> list[Any]:
        """See TyperGroup. What has two words is completed word by word: `history` offers its `verify`."""
        return [item for item in super().shell_complete(ctx, incomplete) if " " not in item.value]

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """See TyperGroup. `history verify` is a command of its own, beside `history ADDRESS`."""
        if (two := " ".join(args[:2])) in self.listed:
            args = [two, *args[2:]]
        name, command, rest = super().resolve_command(ctx, args)
        return name, command.whole if isinstance(command, Listed) else command, rest


class Commands(typer.Typer):
    """A group of commands. `name`: the word before theirs. `words`: what they are about, as the list of all commands
    says it. `headings`: under which that list shows them, in this order."""

    def __init__(self, name: str = "", words: str = "", headings: Mapping[str, Sequence[str]] = {}) -> None:
        self.listed: dict[str, Listed] = {}
        super().__init__(
            name=name,
            cls=type("ListedGroup", (ListedGroup,), {"listed": self.listed, "headings": headings}),
            help=words,
            short_help=words,
            epilog="Each command says more, with an example: reconciler COMMAND --help" if headings else None,
            no_args_is_help=True,
            add_completion=False,  # its two options would write into ~/.bashrc; `completion` completes without them
            pretty_exceptions_enable=False,
            context_settings=NO_HELP,
            rich_markup_mode=None,  # rich takes longer to import than everything else that `--help` needs
        )


def listed(group: Commands, name: str | None = None) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Adds a command; the list of all commands shows the whole first sentence of its help."""

    def add(function: Callable[..., None]) -> Callable[..., None]:
        called = name or function.__name__.replace("_", "-")
        group.listed[called] = Listed(called.split()[-1], function)
        return function

    return add
