"""Every command that looks at the queue or changes it, as an argv. Pure.

Looking and trying again need no privilege: `postqueue` belongs to a group that may. Arguments are fixed, ids come on
standard input, and nothing is deleted but what is on hold: `-d - hold`. docs/queue.md lists the sudoers lines.
"""

from __future__ import annotations

from reconciler.model.queued_mail import QueueVerb
from reconciler.settings import Postfix
from reconciler.systems.postfix.tools import SUDO, Argv

_POSTQUEUE, _POSTSUPER = "/usr/sbin/postqueue", "/usr/sbin/postsuper"


class QueueTools:
    """The commands for one Postfix."""

    def __init__(self, section: Postfix) -> None:
        self._config: Argv = () if section.config_directory is None else ("-c", section.config_directory)
        self.list: Argv = (_POSTQUEUE, *self._config, "-j")
        self.flush: Argv = (_POSTQUEUE, *self._config, "-f")
        self.privileged: dict[QueueVerb, Argv] = {
            QueueVerb.HOLD: (_POSTSUPER, *self._config, "-h", "-"),
            QueueVerb.RELEASE: (_POSTSUPER, *self._config, "-H", "-"),
            QueueVerb.DELETE: (_POSTSUPER, *self._config, "-d", "-", "hold"),
        }
        self._sudo = section.privilege == "sudo"

    def retry(self, queue_id: str) -> Argv:
        """Has one deferred message tried again. Postfix takes no more than one at a time."""
        return (_POSTQUEUE, *self._config, "-i", queue_id)

    def as_root(self, verb: QueueVerb) -> Argv:
        """What does this to the ids on standard input, with sudo in front where the site says so."""
        argv = self.privileged[verb]
        return (SUDO, "-n", *argv) if self._sudo else argv

    @property
    def uses_sudo(self) -> bool:
        """Whether changes go through sudo."""
        return self._sudo
