"""The HTML report as a file: escaped, bound by its policy, the same for the same document. Browsers: test_pages.py."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from html.parser import HTMLParser
from typing import Any

import pytest

from reconciler import __version__
from reconciler.planning.binding import BoundTo
from reconciler.report.documents.html import html_report
from reconciler.report.documents.markdown import bounded_markdown
from reconciler.report.documents.rename_timeline import Timeline, of_plan, of_run
from reconciler.report.json import findings_document, plan_document, run_document
from reconciler.report.json_models import ErrorPart, RunDocument
from reconciler.report.json_plan_models import PlanDocument
from reconciler.report.read_document import Document
from tests.report import samples
from tests.report.hostile import NAMES, plan_named
from tests.report.languages import in_german

MERGING, RUN = plan_document(samples.merging()), run_document(samples.crashed_rename())
JOB = "https://gitlab.example/mail/state/-/jobs/815"


class Tags(HTMLParser):
    """Every element with its attributes, and all text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


@pytest.mark.parametrize("name", NAMES)
def test_whatever_the_names_are_the_elements_are_ours(name: str) -> None:
    plan = plan_named(name)
    run = samples.ended(plan, "mailbox", name, name)
    documents: list[Document] = [plan_document(plan), run_document(run), findings_document(plan.findings)]
    known = Tags(html_report([MERGING, RUN, findings_document(samples.FINDINGS)]))
    for document in documents:
        page = html_report([document], job=name)
        page.encode("utf-8")
        found = Tags(page)
        assert {tag for tag, _ in found.tags} <= {tag for tag, _ in known.tags}
        assert {a for _, attrs in found.tags for a in attrs} <= {a for _, attrs in known.tags for a in attrs}
        assert not set(page) & set("\x1b\u202e\u2066\u200b\ufeff\u2028\x9b")


def test_nothing_runs_and_nothing_is_loaded() -> None:
    page = html_report([MERGING, RUN], job=JOB)
    tags = Tags(page).tags
    attributes = {name for _, attrs in tags for name in attrs}
    assert not {tag for tag, _ in tags} & {"script", "link", "img", "iframe", "object", "base", "form", "a"}
    assert not {name for name in attributes if name.startswith("on")} | attributes & {"style", "src", "href"}
    (style,) = re.findall(r"<style>(.*?)</style>", page, re.DOTALL)
    sealed = b64encode(sha256(style.encode()).digest()).decode()
    (policy,) = (attrs["content"] for _, attrs in tags if attrs.get("http-equiv") == "Content-Security-Policy")
    assert policy == (
        f"default-src 'none'; style-src 'sha256-{sealed}'; img-src data:; base-uri 'none'; form-action 'none'"
    )
    assert "url(" not in style
    assert "@import" not in style


def test_two_reports_of_the_same_differ_in_the_time_alone() -> None:
    plan = samples.merging()
    later = replace(plan, made=plan.made + timedelta(minutes=5))
    one, two = (html_report([plan_document(each)], job=JOB).splitlines() for each in (plan, later))
    differing = [line for pair in zip(one, two, strict=True) if len(set(pair)) > 1 for line in pair]
    assert len(differing) == 2
    assert all("<time datetime=" in line for line in differing)


def test_the_head_says_what_it_is_of() -> None:
    text = Tags(html_report([MERGING], job=JOB)).text
    for said in (
        "site nrw",
        "commit 9f3c21a",
        "origin/main (4e1d77c0",
        MERGING.digest,
        f"reconciler {__version__}",
        JOB,
    ):
        assert said in text
    assert "read 2026-11-22 10:58:03 +0100" in text


def test_what_redirects_the_program_is_not_green() -> None:
    base = replace(samples.BASE, contained=True)
    page = in_german(lambda: Tags(html_report([plan_document(replace(samples.plan(), base=base))])))()
    assert "! genauer ansehen: ändert, wohin reconciler sich verbindet" in page.text
    assert "weiter: vor dem Mergen gibt frei, wer für die Server verantwortlich ist" in page.text
    assert ("p", {"class": "verdict warn"}) in page.tags


def test_what_cannot_be_undone_is_marked_by_word_and_sign() -> None:
    text = Tags(html_report([MERGING])).text
    assert "‼ cannot be undone hans.weg@pirat.alt" in text
    assert "✗ refusal register" in text
    assert "✗ refused: register" in text


def test_of_a_bound_run_the_page_says_what_differed_and_what_was_left_as_markdown_does() -> None:
    run = samples.bound_run(samples.ended(samples.plan([samples.new_alias()])))
    document = run_document(run)
    assert run.binding is not None
    assert document.binding is not None
    text = Tags(html_report([document])).text
    plain = bounded_markdown([document]).text.replace("**", "").replace("\\", "").replace("&#8203;", "")
    kept_out = [*(line.title for line in document.binding.differing), *(line.title for line in document.binding.left)]
    for said in (
        "applied in part, since 1 line differed from the review",
        "Not as it was reviewed, so nothing of it was done",
        "what it would be now, and what differs",
        run.binding.differing[0].why[0],
        "Pending, and left: nobody reviewed it",
        f"the comment {run.binding.comment}, 2 of its lines needed nothing any more",
        *kept_out,
    ):
        assert said in text
        assert said in plain
    assert len(kept_out) == 2
    assert '<p class="verdict danger">' in html_report([document])
    due = html_report([run_document(replace(run, binding=replace(run.binding, to=BoundTo.DATE, differing=())))])
    assert "Pending, and left: no date has brought it" in due
    assert '<p class="verdict good">' in due


def test_of_a_run_without_an_end_the_page_says_why() -> None:
    error = ErrorPart(message="the lock is held", hint="run it again")
    page = html_report([run_document(samples.ended(samples.plan())).model_copy(update={"error": error})])
    assert "✗ the lock is held → run it again" in Tags(page).text
    assert '<p class="verdict danger">' in page


def only(pictures: Iterable[Timeline | None]) -> Timeline:
    (found,) = (picture for picture in pictures if picture is not None)
    return found


def test_the_picture_of_a_rename_that_is_planned() -> None:
    made = only(map(of_plan, MERGING.transitions))
    assert [stop.heading for stop in made.stops] == [
        "Mail flow · postfixadmin",
        "Groupware · openxchange",
        "Old mailbox · openxchange",
        "Letter · letters",
        "Welcome mail · postfixadmin",
    ]
    assert {stop.state for stop in made.stops} == {"planned"}
    assert (made.standing, len(made.lanes)) == ("not begun", 3)
    assert "Groupware · openxchange: planned: OX user 4100" in made.description


def test_the_picture_of_a_rename_that_stopped_says_where_it_stands() -> None:
    made = only(map(of_run, RUN.transitions))
    assert [stop.state for stop in made.stops] == ["done", "failed", "not tried", "not tried", "not tried"]
    assert made.here is not None
    assert made.stops[0].y < made.here < made.stops[1].y
    assert made.standing == "here it stands"


@pytest.mark.parametrize("document", [MERGING, RUN], ids=["plan", "run"])
def test_the_picture_of_a_rename_is_on_the_page(document: PlanDocument | RunDocument) -> None:
    of: Callable[[Any], Timeline | None] = of_plan if isinstance(document, PlanDocument) else of_run
    made = only(map(of, document.transitions))
    page = html_report([document])
    assert [tag for tag, _ in Tags(page).tags].count("svg") == 1
    drawn = Tags(re.findall(r"<svg.*?</svg>", page, re.DOTALL)[0])
    assert made.description in drawn.text
    assert made.standing in drawn.text
    assert all(stop.heading in drawn.text for stop in made.stops)
    assert [tag for tag, _ in drawn.tags].count("circle") == len(made.stops)


def test_of_a_rename_that_was_begun_the_picture_has_what_is_done() -> None:
    left = [row for row in samples.rename().changes if row.system != "postfixadmin" or row.kind == "welcome_mail"]
    begun = samples.transition(samples.account("anna.beispiel"), *((c.before, c.after) for c in left))
    made = of_plan(plan_document(samples.plan([begun])).transitions[0])
    assert made is not None
    assert [(stop.state, stop.words) for stop in made.stops][:2] == [
        ("skipped", "in place already"),
        ("planned", "planned"),
    ]


def test_what_was_carried_out_stands_nowhere_any_more() -> None:
    made = of_run(run_document(samples.ended(samples.plan([samples.rename()]))).transitions[0])
    assert made is not None
    assert made.here is None
    assert of_plan(plan_document(samples.plan([samples.new_alias()])).transitions[0]) is None
