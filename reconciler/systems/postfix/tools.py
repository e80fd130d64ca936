"""Every command that this system runs, as an argv, and the sudoers lines that allow the privileged ones. Pure.

`read_map` and `publish_map` run them; docs/postfix.md prints the lines. Programs have absolute paths, since sudoers
compares them and a login without root often has no /usr/sbin in its PATH. Arguments are fixed: sudoers gets no wildcard
(facts/postfix.md section 5).
"""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass
from functools import cached_property

from reconciler.errors import UsageError
from reconciler.settings import Postfix

Argv = tuple[str, ...]

SUFFIXES = {"hash": ".db", "btree": ".db", "lmdb": ".lmdb", "cdb": ".cdb", "texthash": ""}
"""What postmap appends to the text's path, for each map type that we can write (facts section 4)."""

LOCK_MINUTES = 3
"""After this time a lock belongs to a run that died. A living one gives up long before."""

POSTCONF, POSTMAP, POSTFIX, SUDO = "/usr/sbin/postconf", "/usr/sbin/postmap", "/usr/sbin/postfix", "/usr/bin/sudo"


@dataclass(frozen=True)
class Tools:
    """The files and commands of one sender map."""

    section: Postfix

    @cached_property
    def type(self) -> str:
        """The map type as in main.cf."""
        return self.section.sender_access.partition(":")[0]

    @cached_property
    def path(self) -> str:
        """The text."""
        return self.section.sender_access.partition(":")[2]

    @property
    def folder(self) -> str:
        return posixpath.dirname(self.path)

    @property
    def built(self) -> str:
        """What postmap makes of the text and Postfix reads; the text itself where nothing is built."""
        return self.path + SUFFIXES[self.type]

    @property
    def is_built(self) -> bool:
        return bool(SUFFIXES[self.type])

    @property
    def new(self) -> str:
        """The next text, beside the living one: the same file system, so that `mv` is one rename."""
        return self._hidden("new")

    @property
    def before_reload(self) -> str:
        """Without a built map: the text that Postfix has in memory, kept from the move until the reload."""
        return self._hidden("before-reload")

    # reading, without privilege

    def settings(self) -> Argv:
        return (POSTCONF, *self._config, "-x")

    def overrides(self) -> Argv:
        return (POSTCONF, *self._config, "-xP")

    def map_types(self) -> Argv:
        return (POSTCONF, *self._config, "-m")

    def links(self) -> Argv:
        """Which of our files is a symbolic link, and to what: a tab between them, a line for each."""
        files = dict.fromkeys((self.path, self.built))
        return ("/usr/bin/find", *files, "-maxdepth", "0", "-type", "l", "-printf", "%p\\t%l\\n")

    def dump(self, path: str) -> Argv:
        return (POSTMAP, *self._config, "-s", f"{self.type}:{path}")

    def ask(self, path: str) -> Argv:
        """For cdb, which cannot list its entries: looks up the keys on standard input."""
        return (POSTMAP, *self._config, "-q", "-", f"{self.type}:{path}")

    # writing, with privilege

    def lock(self) -> Argv:
        return ("/usr/bin/mkdir", self._hidden("lock"))

    def unlock(self) -> Argv:
        return ("/usr/bin/rmdir", self._hidden("lock"))

    def drop_dead_lock(self) -> Argv:
        """Looks at the age and deletes in one process, so that no two runs break each other's fresh lock."""
        age = ("-mmin", f"+{LOCK_MINUTES}")
        return ("/usr/bin/find", self._hidden("lock"), "-maxdepth", "0", "-type", "d", *age, "-delete")

    def clean(self) -> Argv:
        built = [self.new + SUFFIXES[self.type]] if self.is_built else []
        half = [f"{self.new}.cdb.tmp"] if self.type == "cdb" else []
        return ("/usr/bin/rm", "-f", self.new, *built, *half)

    def inherit(self) -> Argv:
        """Gives the next text the owner and mode of the living one; `write` then replaces its content only."""
        return ("/usr/bin/cp", "-pT", self.path, self.new)

    def write(self) -> Argv:
        """Content comes on standard input: root would follow a link that a user put in a folder of theirs."""
        return ("/usr/bin/tee", self.new)

    def build(self) -> Argv:
        return (POSTMAP, *self._config, f"{self.type}:{self.new}")

    def back_up(self) -> Argv:
        """A copy: a renamed or hard-linked old map would hide the change from running smtpds (facts 3.4). A link
        of that name is replaced, not followed."""
        return ("/usr/bin/cp", "-pT", "--remove-destination", self.built, f"{self.built}.bak")

    def publish_built(self) -> Argv:
        return ("/usr/bin/mv", "-fT", self.new + SUFFIXES[self.type], self.built)

    def publish_text(self) -> Argv:
        return ("/usr/bin/mv", "-fT", self.new, self.path)

    def remember_loaded(self) -> Argv:
        return ("/usr/bin/tee", self.before_reload)

    def forget_loaded(self) -> Argv:
        return ("/usr/bin/rm", "-f", self.before_reload)

    def reload(self) -> Argv:
        return (POSTFIX, *self._config, "reload")

    def privileged(self) -> tuple[Argv, ...]:
        """All commands that write."""
        common = (self.lock(), self.unlock(), self.drop_dead_lock(), self.clean(), self.inherit(), self.write())
        if self.is_built:
            return (*common, self.build(), self.back_up(), self.publish_built(), self.publish_text())
        return (*common, self.remember_loaded(), self.publish_text(), self.reload(), self.forget_loaded())

    def as_root(self, argv: Argv) -> Argv:
        """The argv with sudo in front where the site says so."""
        return (SUDO, "-n", *argv) if self.section.privilege == "sudo" else argv

    @property
    def _config(self) -> Argv:
        folder = self.section.config_directory
        return () if folder is None else ("-c", folder)

    def _hidden(self, what: str) -> str:
        folder, name = posixpath.split(self.path)
        return posixpath.join(folder, f".{name}.{what}")


def sudoers_lines(section: Postfix, user: str) -> list[str]:
    """A whole sudoers file that lets `user` run exactly the commands of this map, as root and without a password.

    Empty with `privilege: direct`. To be installed as /etc/sudoers.d/reconciler, root:root 0440, after `visudo -c`.
    Raises UsageError for a path that sudoers cannot hold safely.
    """
    if section.privilege != "sudo":
        return []
    commands = [sudoers_line(argv) for argv in Tools(section).privileged()]
    return [
        f"Defaults:{user} !requiretty, env_reset",
        "Cmnd_Alias RECONCILER_POSTFIX = \\",
        *(f"    {command}, \\" for command in commands[:-1]),
        f"    {commands[-1]}",
        f"{user} ALL=(root:root) NOPASSWD: RECONCILER_POSTFIX",
    ]


def sudoers_line(argv: Argv) -> str:
    """One command as sudoers wants it written. Raises UsageError for a path that it cannot hold safely."""
    for part in argv:
        if not _PLAIN_ARGUMENT.fullmatch(part):
            raise UsageError(
                f"{part!r} is not allowed in sudoers",
                hint="move the sender map to a path of ASCII letters, digits and -./_+,:= only",
            )
    # sudoers(5): these mean something in arguments unless a backslash stands before them
    return " ".join(re.sub(r"[,:=]", r"\\\g<0>", part) for part in argv)


_PLAIN_ARGUMENT = re.compile(r"[-A-Za-z0-9./_+,:=]+")
