"""Checks the ssh_config files that the site file names, as far as they can be read here."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.declared.fields.error_messages import Sentence
from reconciler.declared.problems import Problems
from reconciler.declared.read.source import place_of, shown
from reconciler.errors import UsageError
from reconciler.remote.jump_hosts import Circle, way
from reconciler.remote.ssh_config import parse, read_text
from reconciler.settings import Settings


def check_ssh_configs(settings: Settings, problems: Problems) -> Iterator[Sentence]:
    """Adds everything that is wrong in the files that can be read, and says which cannot and should lie beside the site
    file. One elsewhere may be on another machine only, so that whoever logs in is told."""
    for name, ssh in settings.ssh.items():
        if (written := ssh.ssh_config) is None:
            continue
        try:
            path = settings.path(written)
            config, wrong = parse(read_text(str(path)))
        except UsageError:  # in a home folder, and this user has none
            continue
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            if not written.startswith(("/", "~")):
                hint = "correct the path (relative ones start at the site file's folder)"
                yield Sentence(("ssh", name, "ssh_config"), f"{shown(path)} cannot be read: {reason}", hint)
            continue
        if not wrong:
            try:
                way(config, name)
            except Circle as circle:
                wrong = [circle.wrong]
        for each in wrong:
            place = place_of(path, each.line, each.column)
            problems.error_at(place, "ssh_config", each.message, each.hint)
