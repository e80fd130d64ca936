"""The report of an import: what was declared, what the first apply repairs, what is left to people, and why."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from reconciler.importing.imported import Imported, Left
from reconciler.planning.finding import Finding, Severity
from reconciler.planning.plan import Plan
from reconciler.report.plan_line_text import sentence, title
from reconciler.report.sanitize import visible


def import_report(imported: Imported, plan: Plan) -> str:
    """The whole file, in Markdown."""
    lines = ["# Import report", "", *_declared(imported), "", "## Repairs", ""]
    repairs = [f"- `{visible(title(t))}`: {_text(sentence(t))}" for t in plan.transitions]
    lines += ["The first `reconciler apply` puts right:", "", *repairs] if repairs else ["None: the plan is empty."]
    lines += ["", "## Not declared", ""]
    lines += list(_left(imported.left)) or ["Nothing: all that is live is declared."]
    said = [f for f in plan.findings if f.severity in (Severity.REFUSAL, Severity.WARNING)]
    if said:
        lines += ["", "## What the plan says", "", *map(_finding, said)]
    return "\n".join(lines) + "\n"


def _declared(imported: Imported) -> Iterator[str]:
    yield "| declared | |"
    yield "|---|---|"
    yield f"| domains | {len(imported.domains)} |"
    yield f"| alias domains | {len(imported.alias_domains)} |"
    yield f"| mailboxes | {len(imported.mailboxes)} |"
    yield f"| aliases | {len(imported.aliases)} |"
    yield f"| renames done by hand | {len(imported.renames)} |"
    yield f"| sender blocks | {len(imported.sender_blocks)} |"


def _left(left: Iterable[Left]) -> Iterator[str]:
    by_kind: dict[str, list[Left]] = {}
    for item in left:
        by_kind.setdefault(item.what, []).append(item)
    for what, items in sorted(by_kind.items()):
        yield f"### {what[0].upper()}{what[1:]}: {len(items)}"
        yield ""
        for item in sorted(items):
            hint = f" → {_text(item.hint)}" if item.hint else ""
            yield f"- `{visible(item.subject)}`: {_text(item.reason)}{hint}"
        yield ""


def _finding(finding: Finding) -> str:
    hint = f" → {_text(finding.hint)}" if finding.hint else ""
    return f"- {finding.severity}: {_text(finding.message)}{hint}"


def _text(text: str) -> str:
    return visible(" ".join(text.split()))
