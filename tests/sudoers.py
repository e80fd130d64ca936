"""The sudoers file of docs/postfix.md: what lets a user change one sender map and nothing else."""

from __future__ import annotations

from reconciler.settings import Postfix
from reconciler.systems.postfix.tools import Tools, sudoers_line


def sudoers_lines(section: Postfix, user: str) -> list[str]:
    """A whole file that lets `user` run exactly the commands of this map, as root and without a password; empty with
    `privilege: direct`. Raises UsageError for a path that sudoers cannot hold safely."""
    if section.privilege != "sudo":
        return []
    commands = [sudoers_line(argv) for argv in Tools(section).privileged]
    return [
        f"Defaults:{user} !requiretty, env_reset",
        "Cmnd_Alias RECONCILER_POSTFIX = \\",
        *(f"    {command}, \\" for command in commands[:-1]),
        f"    {commands[-1]}",
        f"{user} ALL=(root:root) NOPASSWD: RECONCILER_POSTFIX",
    ]
