"""Checks the ssh_config files that the site file names, as far as they can be read here."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from reconciler.declared.fields.error_messages import Sentence
from reconciler.declared.problems import Problems
from reconciler.declared.read.source import shown
from reconciler.errors import UsageError
from reconciler.model.source_places import Place
from reconciler.remote.jump_hosts import Circle, way
from reconciler.remote.ssh_config import Wrong, parse, read_text
from reconciler.settings import Settings


def missing(settings: Settings) -> Iterator[Sentence]:
    """Files that should lie beside the site file and cannot be read. One elsewhere may be on another machine only,
    so that whoever logs in is told."""
    for name, written, path in _named(settings):
        if written.startswith(("/", "~")):
            continue
        try:
            read_text(str(path))
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            hint = "correct the path (relative ones start at the site file's folder)"
            yield Sentence(("ssh", name, "ssh_config"), f"{shown(path)} cannot be read: {reason}", hint)


def check_ssh_configs(settings: Settings, problems: Problems) -> None:
    """Adds everything that is wrong in the files that can be read."""
    for name, _, path in _named(settings):
        try:
            text = read_text(str(path))
        except (OSError, ValueError):
            continue
        for wrong in _wrong(text, name):
            place = Place(shown(path), wrong.line, wrong.column)
            problems.error_at(place, "ssh_config", wrong.message, wrong.hint)


def _named(settings: Settings) -> Iterator[tuple[str, str, Path]]:
    """(host, path as it is written, path) of every file."""
    for name, ssh in settings.ssh.items():
        if ssh.ssh_config is None:
            continue
        try:
            yield name, ssh.ssh_config, settings.path(ssh.ssh_config)
        except UsageError:  # in a home folder, and this user has none
            continue


def _wrong(text: str, host: str) -> list[Wrong]:
    config, wrong = parse(text)
    if wrong:
        return wrong
    try:
        way(config, host)
    except Circle as circle:
        return [circle.wrong]
    return []
