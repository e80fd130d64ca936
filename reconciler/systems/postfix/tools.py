"""Every command that this system runs, as an argv, and the sudoers lines that allow the privileged ones. Pure.

`read_map` and `publish_map` run them; docs/postfix.md lists the lines. Programs have absolute paths, since sudoers
compares them and a login without root often has no /usr/sbin in its PATH. Arguments are fixed: sudoers gets no wildcard
(facts/postfix.md section 5).
"""

from __future__ import annotations

import posixpath
import re

from reconciler.errors import UsageError
from reconciler.settings import Postfix

Argv = tuple[str, ...]

SUFFIXES = {"hash": ".db", "btree": ".db", "lmdb": ".lmdb", "cdb": ".cdb", "texthash": ""}
"""What postmap appends to the text's path, for each map type that can be managed (facts section 4)."""

LOCK_MINUTES = 3
"""An older lock belongs to a run that died. A live run gives up long before."""

POSTCONF, POSTMAP, POSTFIX, SUDO = "/usr/sbin/postconf", "/usr/sbin/postmap", "/usr/sbin/postfix", "/usr/bin/sudo"
_IP, _FIND, _CP, _MV, _RM, _TEE = (
    "/usr/bin/ip",
    "/usr/bin/find",
    "/usr/bin/cp",
    "/usr/bin/mv",
    "/usr/bin/rm",
    "/usr/bin/tee",
)


class Tools:
    """The files and commands of one sender map."""

    def __init__(self, section: Postfix) -> None:
        self.section = section
        self.type, _, self.path = section.sender_access.partition(":")
        self.folder, name = posixpath.split(self.path)
        self.suffix = SUFFIXES.get(self.type, "")
        self.is_built = bool(self.suffix)
        self.built = self.path + self.suffix
        """What postmap makes of the text and Postfix reads; the text itself where nothing is built."""
        hidden = posixpath.join(self.folder, f".{name}.")
        self.new = hidden + "new"
        """The next text, beside the live one: on the same file system, so that `mv` is one rename."""
        self.before_reload = hidden + "before-reload"
        """Without a built map: the text that Postfix has in memory, kept from the move until the reload."""
        self._config: Argv = () if section.config_directory is None else ("-c", section.config_directory)

        # reading, without privilege
        self.settings: Argv = (POSTCONF, *self._config, "-x")
        self.overrides: Argv = (POSTCONF, *self._config, "-xP")
        self.services: Argv = (POSTCONF, *self._config, "-M")
        # which of its addresses this machine takes for the way out; a root name server, and nothing is sent there
        far_away = {4: "198.41.0.4", 6: "2001:503:ba3e::2:30"}
        self.ways_out: dict[int, Argv] = {
            version: (_IP, "-j", f"-{version}", "route", "get", there) for version, there in far_away.items()
        }
        self.map_types: Argv = (POSTCONF, *self._config, "-m")
        # which of the files is a symbolic link, and to what: a line each, a tab between the two
        files = dict.fromkeys((self.path, self.built))
        self.files: Argv = ("/usr/bin/stat", "-c", "%a %U %Y %n", "--", *dict.fromkeys((self.folder, *files)))
        self.links: Argv = (_FIND, *files, "-maxdepth", "0", "-type", "l", "-printf", "%p\\t%l\\n")

        # `Host.read` reads these: the map itself, and what was in memory of one that is not built
        self.texts = (self.path,) if self.is_built else (self.path, self.before_reload)

        # writing, with privilege
        lock, age = hidden + "lock", ("-mmin", f"+{LOCK_MINUTES}")
        self.lock: Argv = ("/usr/bin/mkdir", lock)
        self.unlock: Argv = ("/usr/bin/rmdir", lock)
        # checks the age and deletes in one process, so that no run breaks the fresh lock of another
        self.drop_dead_lock: Argv = (_FIND, lock, "-maxdepth", "0", "-type", "d", *age, "-delete")
        built = [self.new + self.suffix] if self.is_built else []
        half = [f"{self.new}.cdb.tmp"] if self.type == "cdb" else []
        self.clean: Argv = (_RM, "-f", self.new, *built, *half)
        # the next text gets the owner and mode of the live one; `write` then replaces its content only
        self.inherit: Argv = (_CP, "-pT", self.path, self.new)
        # content comes on standard input: root would follow a link that a user put into their own folder
        self.write: Argv = (_TEE, self.new)
        self.build: Argv = (POSTMAP, *self._config, f"{self.type}:{self.new}")
        # a copy: a renamed or hard-linked old map would hide the change from running smtpds (facts 3.4); a link of that
        # name is replaced, not followed
        self.back_up: Argv = (_CP, "-pT", "--remove-destination", self.built, f"{self.built}.bak")
        self.publish_built: Argv = (_MV, "-fT", self.new + self.suffix, self.built)
        self.publish_text: Argv = (_MV, "-fT", self.new, self.path)
        self.remember_loaded: Argv = (_TEE, self.before_reload)
        self.forget_loaded: Argv = (_RM, "-f", self.before_reload)
        self.reload: Argv = (POSTFIX, *self._config, "reload")

        common = (self.lock, self.unlock, self.drop_dead_lock, self.clean, self.inherit, self.write)
        with_build = (self.build, self.back_up, self.publish_built, self.publish_text)
        without = (self.remember_loaded, self.publish_text, self.reload, self.forget_loaded)
        self.privileged: tuple[Argv, ...] = (*common, *(with_build if self.is_built else without))

    def list_map(self, path: str) -> Argv:
        """Prints the map of the text at `path`. A cdb cannot list its entries: it looks up keys on standard input."""
        option = ("-q", "-") if self.type == "cdb" else ("-s",)
        return (POSTMAP, *self._config, *option, f"{self.type}:{path}")

    def as_root(self, argv: Argv) -> Argv:
        """The argv with sudo in front where the site says so."""
        return (SUDO, "-n", *argv) if self.section.privilege == "sudo" else argv


def sudoers_line(argv: Argv) -> str:
    """One command as sudoers wants it written. Raises UsageError for a path that it cannot hold safely."""
    for part in argv:
        if not _PLAIN_ARGUMENT.fullmatch(part):
            raise UsageError(
                f"{part!r} is not allowed in sudoers",
                hint="move the sender map to a path of ASCII letters, digits and -./_+,:= only",
            )
    # sudoers(5): these need a backslash in arguments
    return " ".join(re.sub(r"[,:=]", r"\\\g<0>", part) for part in argv)


_PLAIN_ARGUMENT = re.compile(r"[-A-Za-z0-9./_+,:=]+")
