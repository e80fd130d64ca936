"""The HTML report in a real Chromium: light and dark, wide and narrow, and as it is printed. The pictures are kept in
.build/report-pages for people to look at."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from reconciler.planning.finding import Finding, Severity
from reconciler.planning.mail_flow_before_after import FlowChange
from reconciler.planning.mail_resolution import Delivery
from reconciler.planning.plan import Plan
from reconciler.report.documents.html import html_report
from reconciler.report.json import findings_document, plan_document, run_document
from reconciler.report.read_document import Document
from tests.report import samples
from tests.report.hostile import NAMES
from tests.report.languages import in_german
from tests.services.chromium import Chromium, chromium

ROOT = Path(__file__).parents[2]
PICTURES = ROOT / ".build" / "report-pages"
CHECKS = (Path(__file__).parent / "page_checks.js").read_text(encoding="utf-8")
JOB = "https://gitlab.example/mail/state/-/jobs/815"


def _flowing() -> Plan:
    """Every kind of finding, systems that could not be read, mail that goes elsewhere, and names that break pages."""
    ends = [frozenset({f"{name}@{samples.DOMAIN}"}) for name in ("anna.beispiel", "bernd.neu")]
    none: frozenset[str] = frozenset()
    flow = FlowChange("vorstand@pirat.alt", *(Delivery(end, none, none, none, none) for end in ends))
    pairs = zip(list(Severity) * 2, NAMES, strict=True)
    findings = [Finding(severity, "rule", "x", name, name) for severity, name in pairs]
    blocks = [samples.block(name or "x.example", name) for name in NAMES]
    return replace(samples.plan(blocks, findings, (samples.READS[0], samples.OX_UNKNOWN)), flow=(flow,))


PAGES: dict[str, Document] = {
    "merge-request": plan_document(samples.merging()),
    "plan": plan_document(samples.dangerous()),
    "run": run_document(samples.bound_run(samples.crashed_rename())),
    "trouble": plan_document(_flowing()),
    "findings": findings_document(samples.FINDINGS),
}

A4 = 794
"""Its width in CSS pixels."""
DARK = [{"name": "prefers-color-scheme", "value": "dark"}]
RENAMES = {"merge-request": 1, "plan": 1, "run": 1, "trouble": 0, "findings": 0}
"""How many each page shows as a picture."""


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    PICTURES.mkdir(parents=True, exist_ok=True)
    with chromium(tmp_path_factory.mktemp("chromium")) as opened:
        yield opened


def asked(browser: Chromium, question: str) -> Any:
    return browser.value(f"{CHECKS}.{question}()")


@pytest.mark.parametrize("name", PAGES)
def test_a_page_as_a_browser_sees_it(name: str, browser: Chromium, tmp_path: Path) -> None:
    page = tmp_path / f"{name}.html"
    page.write_text(html_report([PAGES[name]], job=JOB), encoding="utf-8")
    for width, dark in product((1200, 360), (False, True)):
        browser.open(page, width=width, dark=dark)
        picture = PICTURES / f"{name}-{width}-{'dark' if dark else 'light'}.png"
        picture.write_bytes(browser.screenshot())
        _folds_nothing_that_matters(asked(browser, "folded"))
        asked(browser, "open")
        assert asked(browser, "texts") > 10
        assert asked(browser, "faint") == []  # contrast of at least 4.5 : 1 (WCAG 2.2, 1.4.3)
        assert asked(browser, "wide") == []
        assert asked(browser, "overlaps") == []
        _reads_well_aloud(browser, RENAMES[name])
        assert _requests(browser) == [page.as_uri()]
        assert [e for e in browser.events if e["method"] in ("Log.entryAdded", "Runtime.consoleAPICalled")] == []
    paper = browser.pdf()
    (PICTURES / f"{name}.pdf").write_bytes(paper)
    assert paper.startswith(b"%PDF-")
    assert asked(browser, "faint") == []
    browser.ask("Emulation.setDeviceMetricsOverride", width=A4, height=1123, deviceScaleFactor=1, mobile=False)
    browser.ask("Emulation.setEmulatedMedia", media="print", features=DARK)
    assert asked(browser, "misprinted") == []
    assert asked(browser, "faint") == []


def test_the_picture_in_readme_shows_all_of_itself(browser: Chromium) -> None:
    """Written by `make pages`; tests/test_docs.py looks whether it is up to date."""
    browser.open(ROOT / "docs" / "report.svg", width=1000, dark=False)
    (PICTURES / "readme.png").write_bytes(browser.screenshot())
    last, frame = (
        browser.value(f"document.querySelector('{what}').getBoundingClientRect().bottom")
        for what in ("table:last-of-type", "foreignObject")
    )
    assert frame - 80 < last < frame
    assert "next: merge" in browser.value("document.querySelector('.next').textContent")
    assert asked(browser, "wide") == []
    assert _requests(browser) == [(ROOT / "docs" / "report.svg").as_uri()]


def test_german_which_is_longer_fits_as_well(browser: Chromium, tmp_path: Path) -> None:
    page = tmp_path / "german.html"
    run = samples.bound_run(samples.crashed_rename())
    plans = samples.merging(), samples.dangerous()
    written = in_german(lambda: html_report([*map(plan_document, plans), run_document(run)]))
    page.write_text(written(), encoding="utf-8")
    for width in (1200, 360):
        browser.open(page, width=width, dark=False)
        (PICTURES / f"german-{width}.png").write_bytes(browser.screenshot())
        asked(browser, "open")
        assert asked(browser, "wide") == []
        assert asked(browser, "overlaps") == []


def _folds_nothing_that_matters(text: str) -> None:
    for word in ("refus", "DELETED", " delete mailbox", "failed", "not tried"):
        assert word not in text


def _reads_well_aloud(browser: Chromium, renames: int) -> None:
    """Tables are tables with a name and heads, also where they are stacked. Pictures are those of renames."""
    nodes = [node for node in browser.ask("Accessibility.getFullAXTree")["nodes"] if not node["ignored"]]
    named = [(node["role"]["value"], node.get("name", {}).get("value", "")) for node in nodes]
    captions = asked(browser, "captions")
    assert [name for role, name in named if role == "table"] == captions
    assert sum(role == "columnheader" for role, _ in named) == 3 * len(captions)
    assert sum(role == "heading" for role, _ in named) >= 1
    pictures = [name for role, name in named if role in ("image", "img")]
    assert [name.startswith("Rename ") for name in pictures] == [True] * renames


def _requests(browser: Chromium) -> list[str]:
    sent = (event["params"] for event in browser.events if event["method"] == "Network.requestWillBeSent")
    return [params["request"]["url"] for params in sent]


def test_what_is_wrong_with_a_page_is_seen(browser: Chromium, tmp_path: Path) -> None:
    """The checks themselves: each finds what it is for."""
    page = tmp_path / "bad.html"
    good = html_report([PAGES["merge-request"]])
    bad = '<p style="color:#999">faint</p><div style="width:2000px">wide</div><img src="https://a.example/x.png">'
    policy = re.compile(r'(?<=Content-Security-Policy" content=")[^"]*')
    page.write_text(policy.sub("img-src *", good).replace("</main>", f"{bad}</main>"), encoding="utf-8")
    browser.open(page, width=360, dark=False)
    assert [text for _, text in asked(browser, "faint")] == ["faint"]
    assert "the page scrolls" in asked(browser, "wide")
    assert "https://a.example/x.png" in _requests(browser)
    page.write_text(good.replace("</main>", f"{bad}</main>"), encoding="utf-8")
    browser.open(page, width=360, dark=False)
    assert "https://a.example/x.png" not in [
        e["params"]["response"]["url"] for e in browser.events if e["method"] == "Network.responseReceived"
    ]
    assert asked(browser, "faint") == []  # the policy takes no style that is not the page's own
    assert [e for e in browser.events if e["method"] == "Log.entryAdded"]
