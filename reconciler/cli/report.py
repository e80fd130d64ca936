"""`reconciler report`: writes reports from documents that other commands wrote. Reads no live system and no site."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from reconciler.cli.exit_status import Status
from reconciler.cli.state_files import write_file
from reconciler.cli.streams import say, write
from reconciler.errors import UsageError
from reconciler.report.documents.markdown import markdown_report
from reconciler.report.documents.terraform import terraform_report
from reconciler.report.json_plan_models import PlanDocument
from reconciler.report.read_document import Document, read_document
from reconciler.systems.registry import register_kinds
from reconciler.translation import speak

WRITERS: Mapping[str, Callable[[Sequence[Document]], str]] = {
    "markdown": markdown_report,
    "terraform_report": terraform_report,
}
"""What writes each report, by the name of its option."""


Then = Callable[[Sequence[Document]], Status]


def report(files: Sequence[Path], outputs: Mapping[str, Path | None], then: Then | None = None) -> Status:
    """Writes each report that is asked for; `-` is standard output; `then` is what becomes of the documents afterwards.
    Raises UsageError before anything is written."""
    register_kinds()  # plans say what a transition is about in their words
    documents = [_read(file) for file in files]
    speak(next((each.language for each in documents if isinstance(each, PlanDocument)), "en"))
    asked = {name: path for name, path in outputs.items() if path is not None}
    written = {path: WRITERS[name](documents) for name, path in asked.items()}
    for path, text in written.items():
        if str(path) == "-":
            write(text)
        else:
            write_file(path, text.encode("utf-8"), str(path))
            say(f"written: {path}")
    return then(documents) if then else Status.DONE


def _read(file: Path) -> Document:
    try:
        text = sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise UsageError(
            f"{file} cannot be read: {why}", hint="make it with: reconciler plan --out plan.json"
        ) from None
    try:
        return read_document(text)
    except UsageError as error:
        raise UsageError(f"{file} is no document to report: {error.message}", hint=error.hint) from None
