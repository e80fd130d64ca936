"""`report --html`: one file that opens anywhere. No script, nothing is loaded; colours for light, dark and paper.

The template escapes; control and direction characters are shown as codes (`sanitize.visible`). Two reports of documents
that say the same differ in the lines with a `<time>` alone.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Sequence
from functools import cache
from hashlib import sha256
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from reconciler.report import header_footer
from reconciler.report.documents.html_findings import findings_page
from reconciler.report.documents.html_page import Page
from reconciler.report.documents.html_plan import plan_page
from reconciler.report.documents.html_run import run_page
from reconciler.report.documents.plan_review import CAUSES
from reconciler.report.documents.rename_timeline import WIDTH
from reconciler.report.json_models import FindingsDocument, RunDocument
from reconciler.report.json_plan_models import PlanDocument
from reconciler.report.read_document import Document
from reconciler.report.sanitize import clip, visible
from reconciler.report.vocabulary import severity_word
from reconciler.translation import spoken, tr

_BACKTICKS = re.compile("`([^`]+)`")
_LONGEST = 2_000
"""Characters of one value; JSON has it whole."""


def html_report(documents: Sequence[Document], *, job: str = "") -> str:
    """All documents in one page. `job` is the address of the job that writes it, empty for none."""
    pages = [_page(document, job) for document in documents]
    style = _style()
    return (
        _environment()
        .get_template("report.html.j2")
        .render(
            reports=pages,
            title=_title(pages),
            language=spoken(),
            style=Markup(style),  # our own file
            style_hash=Markup(b64encode(sha256(style.encode("utf-8")).digest()).decode("ascii")),
            marks=header_footer.SEVERITIES,
            hint_of=header_footer.hint_of,
            severity_word=severity_word,
            causes=CAUSES,
            entry_words=header_footer.ENTRIES,
            tr=tr,
            width=WIDTH,
        )
    )


def _title(pages: Sequence[Page]) -> str:
    first, others = pages[0].name, len(pages) - 1
    return tr("{name} and {number} more", name=first, number=others) if others else first


def _page(document: Document, job: str) -> Page:
    match document:
        case PlanDocument():
            return plan_page(document, job)
        case RunDocument():
            return run_page(document, job)
        case FindingsDocument():
            return findings_page(document, job)


@cache
def _style() -> str:
    return files("reconciler.report.documents").joinpath("report.css").read_text(encoding="utf-8")


@cache
def _environment() -> Environment:
    made = Environment(
        loader=PackageLoader("reconciler.report.documents", "."),
        undefined=StrictUndefined,
        autoescape=True,
        finalize=_shown,
        trim_blocks=False,
        keep_trailing_newline=True,
    )
    made.filters["code"] = _code
    return made


def _code(value: str) -> Markup:
    """A sentence in which what stands between backticks is shown as code."""
    shown = str(escape(_shown(value)))
    return Markup(_BACKTICKS.sub(r"<code>\1</code>", shown))


def _shown(value: object) -> object:
    """Foreign text with what nobody sees made visible, before it is escaped."""
    return clip(visible(value), _LONGEST) if isinstance(value, str) and not isinstance(value, Markup) else value
