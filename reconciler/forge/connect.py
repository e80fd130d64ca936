"""The forge of a job, ready to be asked, with the token that only this room sees."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple

from pydantic import SecretStr

from reconciler.errors import Unreadable
from reconciler.forge import gitea, github, gitlab
from reconciler.forge.client import Forge
from reconciler.forge.job import Job, Kind
from reconciler.forge.session import Session

VARIABLE = "RECONCILER_FORGE_TOKEN"


class _Dialect(NamedTuple):
    name: str
    header: Callable[[str], Mapping[str, str]]
    client: Callable[[Session, str], Forge]


_DIALECTS = {
    Kind.GITLAB: _Dialect("GitLab", gitlab.token_header, gitlab.GitLab),
    Kind.GITHUB: _Dialect("GitHub", github.token_header, github.GitHub),
    Kind.FORGEJO: _Dialect("Forgejo", gitea.token_header, gitea.Forgejo),
    Kind.GITEA: _Dialect("Gitea", gitea.token_header, gitea.Gitea),
}


@contextmanager
def connect(job: Job) -> Iterator[Forge]:
    """The project of this job, until the end of the block. Raises Unreadable when there is no token."""
    dialect = _DIALECTS[job.kind]
    with closing(Session(dialect.name, job.url, token(), dialect.header, ca_file=job.ca_file)) as session:
        yield dialect.client(session, job.project)


def token() -> SecretStr:
    """From RECONCILER_FORGE_TOKEN, else from the file that RECONCILER_FORGE_TOKEN_FILE names. The tokens that a forge
    gives to every job are not looked at: the reader of a plan says which one writes. Raises Unreadable."""
    value = os.environ.get(VARIABLE, "")
    file = os.environ.get(f"{VARIABLE}_FILE", "")
    if not value and file:
        try:
            value = Path(file).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is not text in UTF-8"
            message = f"{file} cannot be read, which {VARIABLE}_FILE names: {why}"
            raise Unreadable(message, hint="write the token into that file (docs/forge.md)") from None
    value = value.strip()
    if not value:
        message = f"there is no token for the forge: neither {VARIABLE} nor {VARIABLE}_FILE is set"
        raise Unreadable(
            message, hint="make one with the rights that docs/forge.md names, and give it to this job alone"
        )
    if not value.isascii() or not value.isprintable() or " " in value:
        raise Unreadable(f"what {VARIABLE} holds is no token: it has spaces or other signs in it", hint="set it anew")
    return SecretStr(value)
