"""What a job on GitHub says: annotations, outputs of its step, and text that is kept from being a command
(facts/forges.md 2.2)."""

from __future__ import annotations

import secrets
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from reconciler.errors import UsageError
from reconciler.report.documents.about import about, numbers
from reconciler.report.documents.budget import SMALLEST
from reconciler.report.documents.markdown import RULE, bounded_markdown
from reconciler.report.documents.remarks import ERRORS, WARNINGS, Remark, remarks
from reconciler.report.json_models import RunDocument
from reconciler.report.json_plan_models import PlanDocument
from reconciler.report.read_document import Document
from reconciler.translation import tr

MOST_BYTES = 1_000_000
"""Of a step's summary; GitHub takes 1 MiB, and nothing of a longer one."""
_MOST = 10
"""Annotations of one type that GitHub shows for a step."""
_LENGTH = 3800
"""Characters of a message before it is escaped; GitHub cuts at 4096."""


def annotation_lines(documents: Sequence[Document]) -> str:
    """Errors, then warnings, then notices: ten of each at most, of which the last counts what is left out."""
    found = defaultdict[str, list[Remark]](list)
    for remark in remarks(documents):
        kind = "error" if remark.severity in ERRORS else "warning" if remark.severity in WARNINGS else "notice"
        found[kind].append(remark)
    lines = [line for kind in ("error", "warning", "notice") for line in _lines(kind, found[kind])]
    return "".join(f"{line}\n" for line in lines)


def _lines(kind: str, found: Sequence[Remark]) -> Iterator[str]:
    shown = found if len(found) <= _MOST else found[: _MOST - 1]
    for remark in shown:
        place = {}
        if remark.path and not remark.path.startswith("/"):  # one outside of the repository has no line to stand at
            place = {"file": remark.path, "line": str(remark.line), "col": str(remark.column)}
        yield _command(kind, place | {"title": remark.rule}, remark.text[:_LENGTH])
    if len(shown) < len(found):
        more = tr("and {number} more, see the summary of this step", number=len(found) - len(shown))
        yield _command(kind, {"title": tr("and more")}, more)


def _command(kind: str, properties: Mapping[str, str], message: str) -> str:
    listed = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
    return f"::{kind} {listed}::{_data(message)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def no_commands(text: str) -> str:
    """The text between two lines that make GitHub take none of it for a command."""
    token = f"reconciler-{secrets.token_hex(16)}"
    whole = text if text.endswith("\n") else f"{text}\n"
    return f"::stop-commands::{token}\n{whole}::{token}::\n"


def outputs(documents: Sequence[Document]) -> str:
    """For `$GITHUB_OUTPUT`: the exit status, the digest of the one plan, and what was counted. Raises UsageError for a
    value that would end the field."""
    plans = {_digest(document) for document in documents} - {""}
    values = {"status": " ".join(str(int(about(document).status)) for document in documents)}
    values["digest"] = plans.pop() if len(plans) == 1 else ""
    for document in documents:
        for name, number in numbers(document).items():
            values[name] = str(int(values.get(name, "0")) + number)
    return "".join(map(_output, values.items()))


def _digest(document: Document) -> str:
    match document:
        case PlanDocument():
            return document.digest
        case RunDocument():
            return document.plan
    return ""


def _output(named: tuple[str, str]) -> str:
    name, value = named
    delimiter = f"ghadelimiter_{secrets.token_hex(16)}"
    if delimiter in value:
        raise UsageError("a value holds the delimiter of its output", hint="run it again: the delimiter is random")
    return f"{name}<<{delimiter}\n{value}\n{delimiter}\n"


def summary(documents: Sequence[Document], used: int) -> str:
    """Markdown for `$GITHUB_STEP_SUMMARY`, of which `used` bytes are written already. Empty without room: GitHub
    takes nothing of a summary that is too long."""
    room = MOST_BYTES - used - 1
    if room < len(documents) * (SMALLEST + RULE):
        return ""
    return ("\n" if used else "") + bounded_markdown(documents, limit=room).text
