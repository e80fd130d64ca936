"""`reconciler ci init`: CI files for the state repository that the site file is in."""

from __future__ import annotations

import os
import re
from pathlib import Path

from reconciler.cli.exit_status import Status
from reconciler.cli.state_files import difference, write_file
from reconciler.cli.streams import say, write
from reconciler.declared.git.run_git import repository
from reconciler.declared.problems import printable
from reconciler.declared.read.source import shown
from reconciler.declared.site_file.load import load_site
from reconciler.declared.site_file.planner import VARIABLE
from reconciler.errors import UsageError
from reconciler.settings import Settings
from reconciler.setup.ci_facts import CiFacts
from reconciler.setup.ci_files import ci_texts, package_in, paths, shards_in
from reconciler.setup.ci_write import Found, found

_UNSAFE = re.compile(r"""[^\w./:@+~=%#?&,-]""")


def init(forge: str, site: Path | None, *, package: str | None, shards: int | None, replace: bool) -> Status:
    """Writes the files of this forge, or says which ones somebody changed and writes none. Raises UsageError."""
    if package:
        _check_package(package)
    settings = load_site(site)
    if settings.as_planner:
        hint = f"unset {VARIABLE}, and run it again"
        raise UsageError(
            f"{VARIABLE} is set: the jobs that apply would be written with the planner's logins", hint=hint
        )
    top = repository(settings.folder)
    there = _there(forge, top)
    package = _package_in(there) if package is None else package
    shards = max([1, *map(shards_in, there)]) if shards is None else shards
    texts = ci_texts(forge, CiFacts(_data(settings), _from_top(top, settings)), package, shards)
    states = found(texts, top)
    changed = [path for path, state in states.items() if state is Found.CHANGED]
    if changed and not replace:
        _refuse(texts, top, changed)
    _refuse_what_no_file_can_replace(top, changed)
    for path, text in texts.items():
        if states[path] is not Found.SAME:
            write_file(top / path, text.encode("utf-8"), path)
    write("\n".join(f"{shown(top / path)}: {'replaced' if path in changed else states[path]}" for path in texts))
    if settings.planner is None:
        say("the site file has no section `planner`: the jobs of merge requests get the logins that write")
        say("  → write it, as docs/site-file.md says, and run this again")
    if not package:
        say("no job installs reconciler: its image has to have it, or the variable RECONCILER_PACKAGE names its wheel")
        say("  → run this again with --package and the URL of the wheel, or set the variable")
    if not os.path.lexists(top / ".git"):
        say(f"{printable(str(top))} is in no git repository, and a forge runs what is at the top of one")
        say("  → git init there, or move these files to the top of the state's repository")
    say("next: git add these, and give CI the variables that docs/ci.md lists")
    return Status.DONE


def _check_package(package: str) -> None:
    """A job installs it beside the passwords that write, and PyPI's `reconciler` is another project."""
    if "/" not in package and not package.endswith(".whl"):
        hint = "name the wheel that `make dist` built: its URL, or its path in the repository (docs/installing.md)"
        raise UsageError(f"--package: {package!r} is a bare name, and PyPI's reconciler is another project", hint=hint)
    if _UNSAFE.search(package):
        raise UsageError(f"--package: {package!r} has a character that a shell or YAML reads", hint="rename the file")


def _there(forge: str, top: Path) -> list[str]:
    """What an earlier call wrote: whoever brings the files up to date need not know again what that was given."""
    files = [top / path for path in paths(forge)]
    return [file.read_text("utf-8", errors="replace") for file in files if file.is_file()]


def _package_in(texts: list[str]) -> str:
    return next((package for package in map(package_in, texts) if package and not _UNSAFE.search(package)), "")


def _refuse(texts: dict[str, str], top: Path, changed: list[str]) -> None:
    for path in changed:
        file = top / path
        old = file.read_bytes() if file.is_file() and not file.is_symlink() else b""
        try:
            write("\n".join(difference(path, old, texts[path].encode("utf-8"))))
        except UnicodeDecodeError:
            write(f"{path}: not a text file")
    hint = "carry over what you need of the differences above; or take the new ones whole: --replace"
    names = ", ".join(shown(top / path) for path in changed)
    raise UsageError(f"somebody changed {names}, and nothing was written", hint=hint)


def _refuse_what_no_file_can_replace(top: Path, changed: list[str]) -> None:
    """Links, and folders where a file is to go."""
    for path in changed:
        ways = [top / path, *(top / each for each in Path(path).parents if each != Path())]
        if any(each.is_symlink() for each in ways) or not (top / path).is_file():
            hint = "move it away, and run this again"
            raise UsageError(
                f"{shown(top / path)} is a link, or not a file in a folder; nothing was written", hint=hint
            )


def _data(settings: Settings) -> dict[str, object]:
    """The site file as plain values; what is not set is not in it."""
    return settings.model_dump(mode="json", exclude={"folder", "file"}, exclude_none=True)


def _from_top(top: Path, settings: Settings) -> str:
    """The site file, as CI finds it."""
    return (settings.folder.resolve() / Path(settings.file).name).relative_to(top).as_posix()
