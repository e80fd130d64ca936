"""The sudoers files of docs/postfix.md and docs/queue.md: what lets a user change one sender map, or mail that waits in
the queue, and nothing else."""

from __future__ import annotations

from reconciler.settings import Postfix
from reconciler.systems.postfix.queue_tools import QueueTools
from reconciler.systems.postfix.tools import Tools, sudoers_line


def sudoers_lines(section: Postfix, user: str) -> list[str]:
    """A whole file that lets `user` run exactly the commands of this map, as root and without a password; empty with
    `privilege: direct`. Raises UsageError for a path that sudoers cannot hold safely."""
    if section.privilege != "sudo":
        return []
    return _file("RECONCILER_POSTFIX", [sudoers_line(argv) for argv in Tools(section).privileged], user)


def queue_sudoers_lines(section: Postfix, user: str) -> list[str]:
    """The same for holding, releasing and deleting mail of the queue."""
    return _file("RECONCILER_QUEUE", [sudoers_line(argv) for argv in QueueTools(section).privileged.values()], user)


def _file(alias: str, commands: list[str], user: str) -> list[str]:
    return [
        f"Defaults:{user} !requiretty, env_reset",
        f"Cmnd_Alias {alias} = \\",
        *(f"    {command}, \\" for command in commands[:-1]),
        f"    {commands[-1]}",
        f"{user} ALL=(root:root) NOPASSWD: {alias}",
    ]
