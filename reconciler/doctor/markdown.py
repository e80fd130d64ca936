"""An examination as Markdown, for an issue or a chat. `cli` calls this."""

from __future__ import annotations

from reconciler.doctor.check import Check
from reconciler.doctor.report import VERDICTS, Examination
from reconciler.report.sanitize import markdown
from reconciler.report.truncation import BoundedText
from reconciler.report.vocabulary import count

_LONGEST = 2_000
"""Characters of one step."""


def examination_markdown(found: Examination) -> str:
    """A list under each area: what was seen, why it matters, and what to do."""
    page = BoundedText(head=[f"**mail doctor for {markdown(found.site)} · {markdown(found.tally)}**"])
    for area, checks in found.areas():
        page.add_block(
            (f"### {markdown(area)}", ""), checks, _check, cut=lambda n: f"- … and {count(n, 'more check')}."
        )
    return page.render()


def _check(check: Check) -> str:
    mark = VERDICTS[check.verdict].mark
    lines = [f"- {mark} **{markdown(check.name)}**: {markdown(check.saw)}"]
    lines += [f"  {markdown(check.why)}"] if check.why else []
    lines += [f"  - {markdown(step, _LONGEST)}" for step in check.fix]
    return "\n".join(lines)
