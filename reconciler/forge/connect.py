"""The forge of a job, ready to be asked, with the token that only this room sees."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from typing import NamedTuple

from pydantic import SecretStr

from reconciler.errors import ForgeError, Unreadable
from reconciler.forge import gitea, github, gitlab
from reconciler.forge.client import Forge
from reconciler.forge.job import Job, Kind
from reconciler.forge.session import SECONDS, Session
from reconciler.secret_sources import from_environment

VARIABLE = "RECONCILER_FORGE_TOKEN"
AUTHOR = "RECONCILER_FORGE_AUTHOR"
_OF_JOB = {
    Kind.GITLAB: ("CI_JOB_TOKEN",),
    Kind.GITHUB: ("GITHUB_TOKEN",),
    Kind.FORGEJO: ("FORGEJO_TOKEN", "GITHUB_TOKEN"),
    Kind.GITEA: ("GITEA_TOKEN", "GITHUB_TOKEN"),
}
"""Where a job has the token that its forge gives to every job."""


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
def connect(job: Job, *, seconds: float = SECONDS) -> Iterator[Forge]:
    """The project of this job, until the end of the block, and for so long at most. Raises Unreadable when there is no
    token, and UsageError."""
    dialect, given = _DIALECTS[job.kind], token()
    opened = Session(dialect.name, job.url, given, dialect.header, ca_file=job.ca_file, seconds=seconds)
    with closing(opened) as session:
        forge = dialect.client(session, job.project)
        if os.environ.get(AUTHOR, "").isdecimal():  # of several ids it is not known which one writes here
            forge.assume(os.environ[AUTHOR])
        yield forge


@contextmanager
def connect_to_read(job: Job) -> Iterator[Forge]:
    """The same for who only reads: where there is no token of ours, the job's own will do. Raises Unreadable."""
    dialect = _DIALECTS[job.kind]
    own = next((value for name in _OF_JOB[job.kind] if (value := os.environ.get(name))), "")
    if own and not any(os.environ.get(name) for name in (VARIABLE, f"{VARIABLE}_FILE")):
        given, header = SecretStr(own), dialect.header
        if job.kind is Kind.GITLAB:
            header = gitlab.job_token_header
    else:
        given, header = token(), dialect.header
    with closing(Session(dialect.name, job.url, given, header, ca_file=job.ca_file)) as session:
        yield dialect.client(session, job.project)


def authors(forge: Forge) -> frozenset[str]:
    """The ids of the users whose comments are ours: those of RECONCILER_FORGE_AUTHOR, else the token's own. Raises
    ForgeError, and Unreadable when neither is known."""
    named = frozenset(os.environ.get(AUTHOR, "").replace(",", " ").split())
    if named:
        return named
    try:
        return frozenset({forge.user()})
    except ForgeError as error:
        if error.temporary:
            raise
        message = f"{forge.name} does not say who our comments are from: {error.message}"
        hint = f"set {AUTHOR} to the id of the user that comments, or give this job {VARIABLE} (docs/reviewed-apply.md)"
        raise Unreadable(message, hint=hint) from None


def token() -> SecretStr:
    """From RECONCILER_FORGE_TOKEN, else from the file that RECONCILER_FORGE_TOKEN_FILE names. The tokens that a forge
    gives to every job are not looked at: the reader of a plan says which one writes. Raises Unreadable."""
    given = from_environment(VARIABLE, "token", Unreadable)
    if given is None:
        message = f"there is no token for the forge: neither {VARIABLE} nor {VARIABLE}_FILE is set"
        raise Unreadable(
            message, hint="make one with the rights that docs/forge.md names, and give it to this job alone"
        )
    value = given.get_secret_value()
    if not value.isascii() or not value.isprintable() or " " in value:
        raise Unreadable(f"what {VARIABLE} holds is no token: it has spaces or other signs in it", hint="set it anew")
    return given
