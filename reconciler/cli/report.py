"""`reconciler report`: writes reports from documents that other commands wrote. Reads no live system and no site."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from reconciler.cli.exit_status import Status, worst
from reconciler.cli.invoker import job_url
from reconciler.cli.mask_key import Hiding
from reconciler.cli.report_files import CANNOT_WRITE, asked, read_documents
from reconciler.cli.state_files import write_file
from reconciler.cli.streams import say, write
from reconciler.errors import UsageError
from reconciler.report.documents import github
from reconciler.report.documents.code_quality import code_quality
from reconciler.report.documents.html import html_report
from reconciler.report.documents.junit import junit
from reconciler.report.documents.markdown import markdown_report
from reconciler.report.documents.metrics import metrics
from reconciler.report.documents.sarif import sarif
from reconciler.report.documents.terraform import terraform_report
from reconciler.report.json_plan_models import PlanDocument
from reconciler.report.read_document import Document
from reconciler.translation import speak

WRITERS: Mapping[str, Callable[[Sequence[Document]], str]] = {
    "html": lambda documents: html_report(documents, job=job_url(os.environ)),
    "markdown": markdown_report,
    "terraform_report": terraform_report,
    "code_quality": code_quality,
    "junit": junit,
    "sarif": sarif,
    "metrics": metrics,
}
"""What writes each report, by the name of its option."""

_FOR_PEOPLE = ("markdown",)
"""Shown in the terminal's encoding; all others say of themselves that they are UTF-8, or must be."""

_READABLE = 0o644
"""Of metrics: their collector is another user, whatever the umask of ours is."""

Then = Callable[[Sequence[Document]], Status]


class Wanted(NamedTuple):
    """The reports of one call: the files they go to by the names of their options, and `then`, what becomes of the
    documents afterwards. `hide` takes names out of them; when `quiet`, no file that is written is named. `stray`:
    options whose own option, by which they are listed, was not given."""

    outputs: Mapping[str, Path | None]
    then: Then | None
    on_github: bool
    hide: Hiding
    quiet: bool
    stray: Mapping[str, Mapping[str, object]]

    def __bool__(self) -> bool:
        return bool(self.on_github or self.then or any(self.outputs.values()))

    def refuse_stray(self) -> None:
        """Raises UsageError."""
        for option, others in self.stray.items():
            if given := [name for name, value in others.items() if value]:
                raise UsageError(f"{given[0]} belongs to {option}", hint=f"add {option}, or leave it out")


def report(files: Sequence[Path], wanted: Wanted) -> Status:
    """Writes each report that is asked for. Raises UsageError."""
    wanted.refuse_stray()
    if not wanted:
        hint = "name one, as in: reconciler report plan.json --junit tests.xml; all: reconciler report --help"
        raise UsageError("no report is asked for", hint=hint)
    return write_all(files, wanted)


def report_merged(files: Sequence[Path], out: Path | None, wanted: Wanted, *, check: bool) -> Status:
    """Makes one plan of its shards, saves it, and writes each report of it; ends as `plan`. Raises UsageError,
    StalePlan and Unreadable."""
    from reconciler.cli.merged_shards import merge

    wanted.refuse_stray()
    if check:
        raise UsageError("--check is about one plan", hint="first --merge with --out plan.json, then --check plan.json")
    if out is None and not wanted:
        raise UsageError("the plan would be written nowhere", hint="add --out plan.json, or name a report")
    asked(wanted.outputs, files)  # before anything is written
    plan = merge(files, out, quiet=wanted.quiet)
    return worst(write_all([plan], wanted), Status(plan.status))


def write_all(files: Sequence[Path | PlanDocument], wanted: Wanted) -> Status:
    """Writes them; `-` is standard output. Raises UsageError before anything is written."""
    wanted.refuse_stray()
    if not wanted:
        return Status.DONE
    places = asked(wanted.outputs, [file for file in files if isinstance(file, Path)])
    for_github = _github_files() if wanted.on_github else None
    documents = wanted.hide(read_documents(files))
    speak(next((each.language for each in documents if each.language != "en"), "en"))
    texts = [(path, _written(name, path, documents), name) for name, path in places.items()]
    for path, text, name in texts:
        if str(path) == "-":
            text = github.no_commands(text) if wanted.on_github else text
            write(text, for_programs=name not in _FOR_PEOPLE)
        else:
            mode = _READABLE if name == "metrics" else None
            write_file(path, text.encode("utf-8"), str(path), mode=mode, hint=CANNOT_WRITE)
            if not wanted.quiet:
                say(f"written: {path}")
    if for_github is not None:
        write_for_github(documents, *for_github)
    return wanted.then(documents) if wanted.then else Status.DONE


def _written(name: str, path: Path, documents: Sequence[Document]) -> str:
    if name == "metrics":
        return metrics(documents, _content(path))  # a run that failed does not know when the last one succeeded
    return WRITERS[name](documents)


def _content(path: Path) -> str:
    """Of the file that is there; empty where there is none. Raises UsageError."""
    try:
        return "" if str(path) == "-" else path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return ""
    except OSError as error:
        message = f"{path} cannot be read: {error.strerror}; the time of the last success is in it"
        raise UsageError(message, hint="make it readable for this user, or name another file") from None


def _github_files() -> tuple[Path, Path]:
    """The files of this step for its summary and its outputs. Raises UsageError."""
    names = ("GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT")
    missing = [name for name in names if not os.environ.get(name)]
    if missing:
        hint = "leave --github out elsewhere; in a container of your own, pass the variable and its file on"
        are = "is" if len(missing) == 1 else "are"
        raise UsageError(f"this is no step of a job on GitHub: {' and '.join(missing)} {are} not set", hint=hint)
    summary, output = (Path(os.environ[name]) for name in names)
    return summary, output


def write_for_github(documents: Sequence[Document], summary: Path, output: Path) -> None:
    """Annotations on standard output, and what is added to the two files of the step."""
    used = _size(summary)
    if lines := github.annotation_lines(documents):
        write(lines)
    _append(output, github.outputs(documents))
    text = github.summary(documents, used)
    if not text:
        say(f"the summary of this step is full: nothing was added to {summary}")
    _append(summary, text)


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except FileNotFoundError:
        return 0
    except OSError as error:
        raise UsageError(f"{file} cannot be written: {error.strerror}", hint=_OF_RUNNER) from None


def _append(file: Path, text: str) -> None:
    try:
        with file.open("a", encoding="utf-8") as opened:
            opened.write(text)
    except OSError as error:
        raise UsageError(f"{file} cannot be written: {error.strerror}", hint=_OF_RUNNER) from None


_OF_RUNNER = "the runner makes this file for each step; its variable names another one"
