"""Who runs this command, for ledger and lock: the person behind a CI job or sudo, not the account it runs as."""

from __future__ import annotations

import os
import pwd
import socket
from collections.abc import Mapping

from reconciler.apply.ledger.process_check import stamped
from reconciler.apply.session import Operator

_LONGEST = 255
"""What the ledger's column holds."""


def operator() -> Operator:
    """The person, the host and this process."""
    host = socket.gethostname()
    return Operator(_who(os.environ), host, os.getpid(), stamped(host))


def _who(environ: Mapping[str, str]) -> str:
    """The first name that is known, with the job's URL where there is one."""
    names = (environ.get(variable) for variable in ("GITLAB_USER_LOGIN", "GITHUB_ACTOR", "SUDO_USER"))
    name = next((name for name in names if name), None) or _own_name()
    job = job_url(environ)
    shown = f"{name} ({job})" if job else name
    return "".join(c if c.isprintable() else "\ufffd" for c in shown)[:_LONGEST]


def _own_name() -> str:
    """The user's name; containers run with numbers that have none."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid {os.getuid()}"


def job_url(environ: Mapping[str, str]) -> str:
    """The address of the job that runs this; empty outside one."""
    if environ.get("CI_JOB_URL"):
        return environ["CI_JOB_URL"]
    # Forgejo and Gitea set GitHub's variables, and their pages are found by the run's number
    gitea = environ.get("FORGEJO_ACTIONS") or environ.get("GITEA_ACTIONS")
    names = ("SERVER_URL", "REPOSITORY", "RUN_NUMBER" if gitea else "RUN_ID")
    server, repository, run = (environ.get(f"GITHUB_{part}") for part in names)
    return f"{server}/{repository}/actions/runs/{run}" if server and repository and run else ""
