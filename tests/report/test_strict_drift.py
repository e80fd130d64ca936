"""`drift --strict` names what is live and declared nowhere, and its headline says so."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reconciler.planning.finding import Severity
from reconciler.planning.plan import Counts, Plan
from reconciler.policy.unmanaged import undeclared
from reconciler.report.markdown import plan_markdown
from reconciler.report.text import plan_text
from tests.report import samples

UNMANAGED = {
    "unmanaged_line": ["10", "9"],
    "alias": ["info@pirat.alt"],
    "ox_user": [],
    "mailbox": [f"b{n:02}@pirat.alt" for n in reversed(range(22))],
}


def said(most: int | None) -> list[str]:
    findings = undeclared(UNMANAGED, most)
    assert {(f.severity, f.rule, f.owner) for f in findings} == {(Severity.WARNING, "undeclared", None)}
    return [f.message for f in findings]


def test_everything_is_named_in_order() -> None:
    boxes = [f"mailbox b{n:02}@pirat.alt" for n in range(22)]
    rest = ["alias info@pirat.alt", "hand-made map line 9", "hand-made map line 10"]
    assert said(None) == boxes + rest
    assert said(22) == boxes + rest
    assert said(21) == [*boxes[:21], "and 1 more mailbox", *rest]
    assert said(20) == [*boxes[:20], "and 2 more mailboxes", *rest]
    assert undeclared(UNMANAGED, None)[0].subject == "b00@pirat.alt"


def strict(made: Plan, *, more: bool = True) -> Plan:
    counts = Counts({}, {kind: len(keys) for kind, keys in UNMANAGED.items()})
    return replace(made, counts=counts, findings=undeclared(UNMANAGED, 20) if more else ())


def text(made: Plan) -> str:
    return " ".join(plan_text(made, width=200, color=False, title="mail drift").split())


def test_without_a_change_the_headline_is_about_them() -> None:
    nothing = strict(samples.plan())
    head = "mail drift for nrw: everything declared is in place, and undeclared objects exist · 25 undeclared objects"
    assert text(nothing).startswith(head)
    assert "everything is as declared" not in text(nothing)
    assert "! undeclared: mailbox b19@pirat.alt ! undeclared: and 2 more mailboxes" in text(nothing)
    assert text(nothing).endswith("next: declare what belongs here; without --strict the rest is no drift")
    assert plan_markdown(nothing, "mail drift").startswith(f"**{head}**")
    assert "mailbox b19@pirat.alt" in plan_markdown(nothing, "mail drift")


def test_what_waits_for_its_date_hides_nothing() -> None:
    later = strict(samples.plan())
    later = replace(later, findings=(*later.findings, samples.LATER))
    assert text(later).startswith(
        "mail drift for nrw: nothing to do today, 1 waiting for its date · 25 undeclared objects"
    )


def test_beside_changes_it_counts_them() -> None:
    busy = strict(samples.busy())
    assert "1 removal · 25 undeclared objects" in text(busy)
    assert "**mail drift for nrw: look closer**, 25 undeclared objects" in plan_markdown(busy, "mail drift")


@pytest.mark.parametrize("made", [samples.plan(), samples.busy()], ids=["nothing", "busy"])
def test_nobody_else_is_bothered(made: Plan) -> None:
    """They are counted in every plan and named for those who ask."""
    for shown in (text(strict(made, more=False)), plan_markdown(strict(made, more=False))):
        assert "undeclared" not in shown
        assert "22 unmanaged mailboxes" in shown
