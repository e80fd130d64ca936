"""The files of the sender map: there, built, not older than their source, and written by nobody but their owner."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from reconciler.doctor.check import Check, Verdict
from reconciler.errors import Unreadable
from reconciler.remote.host import PLAIN, Host
from reconciler.systems.postfix.tools import Tools

AREA = "postfix"
_OTHERS = 0o022
"""Group and everybody may write."""
_SHOWN = re.compile(r"([0-7]+) (\S+) ([0-9]+) (.+)")


class File(NamedTuple):
    """What `stat` says."""

    mode: int
    owner: str
    changed: int
    """Seconds since 1970."""


async def check_files(host: Host, tools: Tools) -> list[Check]:
    """Raises Unreadable."""
    files = await _stat(host, tools)
    return [*_there(tools, files), *_rights(tools, files)]


async def _stat(host: Host, tools: Tools) -> dict[str, File]:
    """What is there, by path; a path counts as absent when `stat` says so. Raises Unreadable."""
    done = await host.run(tools.files, env=PLAIN, repeatable=True)
    complaints = [line for line in done.stderr.decode("utf-8", "replace").splitlines() if line.strip()]
    if other := [line for line in complaints if not line.endswith("No such file or directory")]:
        hint = f"let the user who logs in search {tools.folder}"
        raise Unreadable(f"{host.name}: {other[0]}", hint=hint)
    shown = map(_SHOWN.fullmatch, done.stdout.decode("utf-8", "replace").splitlines())
    files = {line[4]: File(int(line[1], 8), line[2], int(line[3])) for line in shown if line is not None}
    for path in (tools.folder, tools.path, tools.built):
        absent = re.compile(rf"""['"]{re.escape(path)}['"]: No such file or directory$""")
        if path not in files and not any(map(absent.search, complaints)):
            hint = f"run it there as the user who logs in: {' '.join(tools.files)}"
            raise Unreadable(f"{host.name}: stat ended with status {done.status} and does not name {path}", hint=hint)
    return files


def _there(tools: Tools, files: dict[str, File]) -> Iterator[Check]:
    text, built, name = files.get(tools.path), files.get(tools.built), "files of the map"
    build = (f"postmap {tools.section.sender_access}",)
    if text is None or built is None:
        gone = tools.path if text is None else tools.built
        fix = (f"touch {tools.path}", *build) if text is None else build
        why = "without it Postfix answers 451 to all mail, where it asks the map"
        yield Check(AREA, name, Verdict.FAILED, f"{gone} is not there", why, fix)
    elif built.changed < text.changed:
        saw = f"{tools.path} was changed after {tools.built} was built"
        yield Check(AREA, name, Verdict.WARNING, saw, "what was written since is not in force", build)
    else:
        yield Check(AREA, name, Verdict.OK, f"{tools.path} is built, and not changed since")


def _rights(tools: Tools, files: dict[str, File]) -> Iterator[Check]:
    name = "rights on the map"
    paths = [path for path in dict.fromkeys((tools.folder, tools.path, tools.built)) if path in files]
    if open_ := [path for path in paths if files[path].mode & _OTHERS]:
        why = "who can write there decides whose mail is refused"
        fix = (f"chmod go-w {' '.join(open_)}",)
        yield Check(AREA, name, Verdict.WARNING, f"others than the owner can write {', '.join(open_)}", why, fix)
        return
    owners = {files[path].owner for path in paths}
    if tools.section.privilege == "sudo" and owners - {"root"}:
        saw = ", ".join(f"{path} belongs to {files[path].owner}" for path in paths if files[path].owner != "root")
        why = "postmap becomes the owner of the text when root calls it, and cannot write the map then"
        yield Check(AREA, name, Verdict.WARNING, saw, why, (f"chown root {' '.join(paths)}",))
    elif len(owners) > 1:
        saw = ", ".join(f"{path} belongs to {files[path].owner}" for path in paths)
        why = "postmap becomes the owner of the text, and cannot write what belongs to somebody else"
        yield Check(AREA, name, Verdict.WARNING, saw, why, ("give all of them to the user who writes the map",))
    else:
        yield Check(AREA, name, Verdict.OK, f"only {', '.join(sorted(owners)) or 'nobody'} can write there")
