"""GitLab's `artifacts:reports:terraform`: three counts that a merge request shows (facts/forges.md 1.3)."""

from __future__ import annotations

import json
from collections.abc import Sequence

from reconciler.report.json_plan_models import PlanDocument
from reconciler.report.read_document import Document

_MOST = 999_999
"""What GitLab shows at most."""


def terraform_report(documents: Sequence[Document]) -> str:
    """What apply would carry out: created, changed (renames too) and deleted. Plans count, other documents do not."""
    counts = [document.counts for document in documents if isinstance(document, PlanDocument)]
    numbers = {
        "create": sum(each.create for each in counts),
        "update": sum(each.update + each.rename for each in counts),
        "delete": sum(each.delete for each in counts),
    }
    return json.dumps({name: min(number, _MOST) for name, number in numbers.items()}) + "\n"
