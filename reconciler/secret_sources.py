"""Where secrets come from: a variable of the environment, or a file that something names. None is ever in git.

For settings whose names the site file has (`secret`), and for those of a CI job, whose names are ours
(`from_environment`).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel, SecretStr

from reconciler.errors import ReconcilerError, Unreadable


def secret(variable: str | None, file: Path | None, key: str) -> SecretStr:
    """A secret from the environment variable or the file that the site file names in `KEY_env` or `KEY_file`; empty
    without both. Raises Unreadable."""
    if variable is not None:
        value = os.environ.get(variable)
        if not value:
            message = f"the variable {variable} is not set, which `{key}_env` in the site file names"
            raise Unreadable(message, hint=f"export {variable}=… (the password), or correct `{key}_env`")
        if value.endswith(("\n", "\r")):  # no shell and no form for passwords takes one
            message = f"the variable {variable} ends in a newline, and no password does (`{key}_env` in the site file)"
            raise Unreadable(message, hint="remove it where the variable is set: `printf %s` writes none, `echo` does")
        return SecretStr(value)
    if file is not None:
        try:
            return SecretStr(_content(file).rstrip("\r\n"))
        except _Unusable as error:
            message = f"{file} cannot be read, which `{key}_file` in the site file names: {error}"
            raise Unreadable(message, hint=f"write the password into that file, or correct `{key}_file`") from None
    return SecretStr("")


def from_environment(variable: str, what: str, error: type[ReconcilerError]) -> SecretStr | None:
    """What the variable holds, else the file that VARIABLE_FILE names, without white space around it; None for
    neither. `what` it is, for sentences. Raises `error`, since a job ends differently for a token and for a key."""
    if value := os.environ.get(variable, "").strip():
        return SecretStr(value)
    naming = f"{variable}_FILE"
    file = os.environ.get(naming, "")
    if not file:
        return None
    hint = f"write the {what} into that file, or unset {naming}"
    try:
        value = _content(Path(file)).strip()
    except _Unusable as unusable:
        raise error(f"{file} cannot be read, which {naming} names: {unusable}", hint=hint) from None
    if not value:
        raise error(f"{file} is empty, which {naming} names", hint=hint)
    return SecretStr(value)


def variables_of(section: BaseModel) -> Iterator[str]:
    """The variables for passwords that a section of the site file names, those inside it too."""
    for name, value in section:
        if isinstance(value, BaseModel):
            yield from variables_of(value)
        elif name.endswith("_env") and isinstance(value, str):
            yield value


class _Unusable(Exception):
    """Why a file has no text; never with what is in it."""


def _content(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise _Unusable(error.strerror) from None
    except UnicodeDecodeError:  # it holds what it could not decode
        raise _Unusable("it is not text in UTF-8") from None
