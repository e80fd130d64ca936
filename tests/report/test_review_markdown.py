"""What a reviewer of a merge request reads: the first line decides, the harmless end is cut, names are no commands."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.planning.finding import StateEntry
from reconciler.planning.plan import Plan
from reconciler.planning.review_facts import Base, Cause, SiteChange
from reconciler.report.documents.budget import SMALLEST, Fitted
from reconciler.report.documents.html import html_report
from reconciler.report.documents.markdown import LIMIT, bounded_markdown
from reconciler.report.json import plan_document, run_document
from reconciler.report.text import plan_text
from tests.report import samples
from tests.report.hostile import NAMES, plan_named

SOUND = Base("origin/main", "4e1d77c", True)
SHALLOW = replace(samples.BASE, contained=None, fetch="git fetch --unshallow origin main", site_changes=())
REDIRECTED = replace(SOUND, site_changes=(SiteChange("known_hosts", "changed"),))


def written(plan: Plan, limit: int = LIMIT) -> Fitted:
    return bounded_markdown([plan_document(plan)], limit=limit)


def first(plan: Plan) -> str:
    return written(plan).text.splitlines()[0]


def own(plan: Plan, cause: Cause = Cause.MERGE_REQUEST) -> Plan:
    findings = tuple(finding._replace(cause=cause) for finding in plan.findings)
    transitions = tuple(replace(transition, cause=cause) for transition in plan.transitions)
    return replace(plan, base=SOUND, transitions=transitions, findings=findings)


REFUSED = samples.new_account(refused=("register",))


@pytest.mark.parametrize(
    ("plan", "line", "step"),
    [
        (own(samples.plan()), "routine** · this merge request changes nothing", "merge; there is nothing to apply"),
        (own(samples.plan([samples.new_alias()])), "routine** · 1 alias", "merge; then 1 will be applied"),
        (own(samples.plan([samples.removed_alias()])), "look closer**, 1 removal", "merge; then 1 will be applied"),
        (
            own(samples.plan([samples.new_alias()]), Cause.WAITING),
            "routine** · this merge request changes nothing · 1 waiting already",
            "merge; then 1 will be applied",
        ),
        (
            own(samples.plan([REFUSED], [samples.refusal(REFUSED.owner)])),
            "do not merge yet**, 1 refused",
            "in this branch, change what is refused",
        ),
        (
            own(samples.plan([REFUSED, samples.block()], [samples.refusal(REFUSED.owner)]), Cause.WAITING),
            "routine** · this merge request changes nothing · 2 waiting already",
            "merge; then 1 will be applied, 1 of 2 lines stay as they are",
        ),
        (own(samples.stopped()), "do not merge yet**, the whole plan is refused", "in this branch"),
        (own(samples.stopped(), Cause.WAITING), "routine**", "resolve what refused the whole plan already"),
        (
            own(samples.plan([], [], (samples.READS[0], samples.OX_UNKNOWN))),
            "look closer**, openxchange could not be read",
            "see whether the host is up; then run this pipeline again",
        ),
        (
            replace(own(samples.plan([samples.new_alias()])), base=replace(SOUND, contained=None)),
            "look closer**",
            "bring this branch up to date",
        ),
        *(
            (
                replace(made, base=REDIRECTED),
                f"look closer**, changes where reconciler connects, whom it trusts or what it sends{numbers}",
                "before anybody merges, whoever answers for the servers approves",
            )
            for made, numbers in (
                (own(samples.plan()), " · nothing else changes"),
                (own(samples.plan([samples.new_alias()])), " · 1 alias"),
                (
                    own(samples.plan([samples.new_alias()]), Cause.WAITING),
                    " · nothing else changes · 1 waiting already",
                ),
                (own(samples.stopped(), Cause.WAITING), " · nothing else changes"),
                (own(samples.plan([samples.removed_alias()])), ", 1 removal"),
            )
        ),
        (
            replace(own(samples.plan([REFUSED], [samples.refusal(REFUSED.owner)])), base=REDIRECTED),
            "do not merge yet**, changes where reconciler connects",
            "in this branch, change what is refused",
        ),
    ],
)
def test_the_first_line_and_the_next_step_of_a_merge_request(plan: Plan, line: str, step: str) -> None:
    text = written(plan).text
    assert line in first(plan)
    assert text.splitlines()[2].startswith(f"**next: {step}")
    assert "reconciler apply" not in text
    assert f"next: {step}" in " ".join(plan_text(plan, width=1000, color=False).split())
    assert "in git and not applied yet" not in text  # each line of a merge request is


def test_what_is_behind_and_what_it_redirects_stands_above_everything() -> None:
    text = written(samples.merging()).text
    red = text.index("> [!CAUTION]")
    assert text.index("behind origin/main") < text.index("> `git rebase origin/main`") < text.index("- **✗ refusal**")
    assert red < text.index("reconciler.yaml: postfixadmin.url is another one") < text.index("| ‼ |")
    deep = written(samples.merging(SHALLOW)).text
    assert deep.index("not deep enough to tell") < deep.index(f"> `{SHALLOW.fetch}`")
    assert "git rebase" not in deep
    page = html_report([plan_document(samples.merging())])
    assert page.index("behind origin/main") < page.index("<code>git rebase origin/main</code>")
    assert f"<code>{SHALLOW.fetch}</code>" in html_report([plan_document(samples.merging(SHALLOW))])
    assert "[!CAUTION]" not in written(samples.merging(SOUND)).text


def test_each_line_stands_under_what_brings_it() -> None:
    own_part, waiting, back = (
        written(samples.merging()).text.partition("**this merge request**")[2].partition("**waiting already")[0],
        written(samples.merging()).text.partition("**waiting already")[2].partition("**taken back")[0],
        written(samples.merging()).text.partition("**taken back")[2].partition("<details>")[0],
    )
    assert own_part.index("| ‼ |") < own_part.index("| → |") < own_part.index("| + |")
    assert "vorstand@pirat.alt" in waiting
    assert "changed by hand since the last apply<br>first seen 2026-11-19 10:58 +0100" in waiting
    assert "edit\\_alias by admin@pirat.alt at 2026-11-19 12:58 +0100" in waiting
    assert "erik.neu@pirat.alt" in back
    assert "erik.neu" not in own_part + waiting


def many(number: int) -> Plan:
    creations = [
        replace(samples.new_account(f"neu{n}", str(20000 + n)), cause=Cause.MERGE_REQUEST) for n in range(number)
    ]
    removed = [replace(samples.purged(f"weg{n}"), cause=Cause.WAITING) for n in range(3)]
    refused = [samples.refusal(t.owner)._replace(cause=Cause.WAITING) for t in creations[:2]]
    return replace(samples.plan([*removed, *creations], refused), base=samples.BASE)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 300), st.integers(SMALLEST + 8, 30_000))
def test_no_limit_is_passed_and_what_matters_is_left_out_last(number: int, limit: int) -> None:
    text, cut = written(many(number), limit)
    assert len(text.encode("utf-8")) <= limit
    assert text.count("<details>") == text.count("</details>")
    assert len(re.findall("^```", text, re.MULTILINE)) % 2 == 0
    shown = len(re.findall(r"^\| \+ \|", text, re.MULTILINE))
    assert cut == bool(re.findall(r"^… and (?!the steps)", text, re.MULTILINE))  # steps are details
    assert cut or shown == number
    if shown:  # whatever is harmless is there only beside all that is not
        assert len(re.findall(r"^\| ‼ \|", text, re.MULTILINE)) == 3
        assert text.count("**✗ refusal**") == min(number, 2)
    if shown < number:
        assert f"… and {number - shown} more line" in text


def test_the_limit_is_in_bytes() -> None:
    plan = own(samples.plan([samples.block(f"x{n}.example", "字" * 150) for n in range(400)]))
    text, cut = written(plan)
    assert LIMIT * 0.9 < len(text.encode("utf-8")) <= LIMIT
    assert cut


def test_a_limit_that_leaves_no_room_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="4000 bytes at least"):
        bounded_markdown([plan_document(samples.plan())], limit=100)


@pytest.mark.parametrize("name", NAMES)
def test_no_line_starts_with_what_a_forge_or_a_runner_obeys(name: str) -> None:
    """Quick actions of GitLab, workflow commands of GitHub (facts/forges.md 1.1, 2.2)."""
    plan = own(plan_named(f"/close {name}\n/merge\n::error::{name}"))
    entry = StateEntry("confirm", f'{{gate: x, subject: "``` {name.replace(chr(10), " ")} ````"}}')
    findings = tuple(finding._replace(entries=(entry,)) for finding in plan.findings)
    hostile = Base(f"/close{name}", name, False, f"/merge `{name}`", (SiteChange(f"/close {name}", name),))
    plan = replace(plan, findings=findings, base=hostile, only=(name,), gates=(f"/close {name}",))
    shallow = replace(plan, base=replace(hostile, contained=None))
    run = samples.ended(plan, "mailbox", f"/close {name}", f"::error::{name}")
    for text in (written(plan).text, written(shallow).text, bounded_markdown([run_document(run)]).text):
        assert not [line for line in text.splitlines() if line.lstrip().startswith(("/", "::", "##["))]
        assert len(text.encode("utf-8")) <= LIMIT


def test_a_fence_is_longer_than_any_inside_it() -> None:
    entry = StateEntry("confirm", '{gate: x, subject: "````"}')
    plan = samples.plan([REFUSED], [samples.refusal(REFUSED.owner)._replace(entries=(entry,))])
    assert '`````yaml\nconfirm:\n  - {gate: x, subject: "````"}\n`````' in written(plan).text


def test_two_documents_share_the_limit() -> None:
    both = bounded_markdown([plan_document(many(300)), plan_document(many(300))], limit=20_000)
    assert len(both.text.encode("utf-8")) <= 20_000
    assert both.text.count("**mail plan for nrw") == 2
