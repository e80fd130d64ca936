"""The command-line rules that all tools share (`facts/open-xchange.md` 1.1). Called by `run.py`.

They are not getopt's: the first of two equal options wins, a value is taken unconditionally, a value cannot be glued to
its letter, and some arguments are pulled out before anything is parsed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from reconciler.sandbox.openxchange.failures import ILLEGAL_VALUE, UNKNOWN_OPTION, LocalFailure, NotANumber

TRUE_WORDS = frozenset({"true", "1", "yes", "y", "on"})
_NUMBER = re.compile(r"[+-]?[0-9]{1,18}\Z")
_INT_MAX = 2**31 - 1


class Option(NamedTuple):
    """One option of one tool."""

    long: str
    short: str = ""
    value: str = ""
    """What the usage calls its value; empty for a flag."""
    marker: str = ""
    """`*` mandatory, `?` needed depending on the server's configuration (1.2)."""
    help: str = ""
    extended: bool = False
    """Shown by --extendedoptions only."""
    kind: str = "text"
    """`text`, `boolean` (true or false) or `number`: anything else is exit 109."""


class Given(NamedTuple):
    """What stood on the command line."""

    values: Mapping[str, str]
    """By long name; a flag's value is `true`."""
    attributes: Mapping[str, str | None]
    """Dynamic options, by `namespace/name`; None for --remove-… ."""
    stray: tuple[str, ...]

    def has(self, long: str) -> bool:
        """The option was given, perhaps with an empty value."""
        return long in self.values

    def get(self, long: str) -> str | None:
        """Its value; None when it was not given, which is not the same as an empty one."""
        return self.values.get(long)


def parse(arguments: Sequence[str], options: Sequence[Option], *, dynamic: bool) -> Given:
    """Reads a command line. `dynamic`: the tool knows --namespace/name=value. Raises LocalFailure (109, 111)."""
    attributes: dict[str, str | None] = {}
    rest = [argument for argument in arguments if not (dynamic and _take_attribute(argument, attributes))]
    by_long = {option.long: option for option in options}
    by_short = {option.short: option for option in options if option.short}
    values: dict[str, str] = {}
    stray: list[str] = []
    remaining = iter(rest)
    for argument in remaining:
        if argument == "--":
            stray.extend(remaining)
        elif argument.startswith("--"):
            name, equals, value = argument[2:].partition("=")
            option = by_long.get(name)
            if option is None:
                raise unrecognized(argument)
            _keep(values, option, value if equals and option.value else _value_of(option, argument, remaining))
        elif argument.startswith("-"):
            for option in _short_options(argument, by_short):
                _keep(values, option, _value_of(option, argument, remaining))
        else:
            stray.append(argument)
    return Given(values, attributes, tuple(stray))


def unrecognized(*arguments: str) -> LocalFailure:
    """111, for an unknown option and for a stray word alike."""
    return LocalFailure(UNKNOWN_OPTION, f"Unrecognized options on the command line: {' '.join(arguments)}")


def number(text: str) -> int:
    """An id, as Java's Integer.parseInt reads it. Raises NotANumber."""
    if not _NUMBER.match(text) or abs(int(text)) > _INT_MAX:
        raise NotANumber
    return int(text)


def _take_attribute(argument: str, attributes: dict[str, str | None]) -> bool:
    """Dynamic options go first, wherever they stand: even one that was meant as the value of another option (1.1)."""
    if argument.startswith("--remove-") and "/" in argument:
        attributes[argument.removeprefix("--remove-")] = None
        return True
    name, equals, value = argument.partition("=")
    if name.startswith("--") and "/" in name and equals:
        attributes.setdefault(name.removeprefix("--"), value)
        return True
    return False


def _short_options(argument: str, by_short: Mapping[str, Option]) -> list[Option]:
    """`-x`, or several flags in one word. `-xvalue` is an error, not a value (1.1)."""
    letters = argument[1:]
    if not letters:
        raise unrecognized(argument)
    found = []
    for letter in letters:
        option = by_short.get(letter)
        if option is None:
            raise unrecognized(argument)
        if option.value and len(letters) > 1:
            raise _missing_argument(f"-{letter}")
        found.append(option)
    return found


def _value_of(option: Option, argument: str, remaining: Iterator[str]) -> str:
    """The next word whatever it looks like, so a value may begin with a dash (1.1)."""
    if not option.value:
        return "true"
    value = next(remaining, None)
    if value is None:
        raise _missing_argument(argument)
    return value


def _missing_argument(argument: str) -> LocalFailure:
    return LocalFailure(UNKNOWN_OPTION, f"Missing argument for option {argument}")


def _keep(values: dict[str, str], option: Option, value: str) -> None:
    """The first of two values wins (1.1)."""
    wrong = (option.kind == "boolean" and value.lower() not in {"true", "false"}) or (
        option.kind == "number" and not _NUMBER.match(value)
    )
    if wrong:
        raise LocalFailure(ILLEGAL_VALUE, f"Illegal value '{value}' for option --{option.long}")
    values.setdefault(option.long, value)
