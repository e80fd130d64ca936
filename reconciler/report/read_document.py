"""The way back from a document in a file to what it says."""

from __future__ import annotations

import json

from pydantic import ValidationError
from pydantic_core import from_json

from reconciler.errors import StalePlan, UsageError
from reconciler.report.json_models import FindingsDocument, RunDocument
from reconciler.report.json_part import VERSION
from reconciler.report.json_plan_models import PlanDocument
from reconciler.report.sanitize import clip, visible

Document = PlanDocument | RunDocument | FindingsDocument
"""What reports are written from."""

_MODELS: dict[str, type[Document]] = {
    "plan.schema.json": PlanDocument,
    "run.schema.json": RunDocument,
    "findings.schema.json": FindingsDocument,
}
_FROM = "write it with: reconciler plan --format json, or that of apply, drift or validate"
_NEWER = (
    "another release of reconciler wrote it: use that one here, too (jobs install what RECONCILER_PACKAGE names), "
    "or let this one write the document again"
)
_HINT = "make a new plan: reconciler plan --out plan.json"


MERGE = "reconciler report --merge FILE … --out plan.json"
"""The command that makes one plan of its shards."""


def read_plan(text: str) -> PlanDocument:
    """A saved plan. Raises UsageError for anything else, saying what it is instead, and StalePlan for one that was
    changed after it was made."""
    plan = _read_plan(text)
    if plan.shard is not None:
        message = f"this is shard {plan.shard.number} of {plan.shard.total} of a plan, and limits are judged over all"
        raise UsageError(message, hint=f"make one plan of all of them: {MERGE}")
    return plan


def read_shard(text: str) -> PlanDocument:
    """A shard of a plan. Raises as `read_plan`."""
    plan = _read_plan(text)
    if plan.shard is None:
        raise UsageError("this file is no shard of a plan: it is a whole plan", hint="leave --merge out")
    return plan


def _read_plan(text: str) -> PlanDocument:
    data = text.encode("utf-8", "replace")  # lone surrogates are no UTF-8, and no plan of ours holds any
    try:
        found = from_json(data, allow_inf_nan=False)
    except ValueError:
        raise UsageError("this file is not a plan: it is not JSON, or it was cut off", hint=_HINT) from None
    if not isinstance(found, dict) or "version" not in found or "$schema" not in found:
        raise UsageError("this file is not a plan: it is some other JSON", hint=_HINT)
    if found["$schema"] != "plan.schema.json":
        kind = clip(visible(str(found["$schema"])), 60)
        raise UsageError(f"this file is not a plan: it says of itself that it is {kind}", hint=_HINT)
    if found["version"] != VERSION:
        version = clip(visible(str(found["version"])), 20)
        message = f"this plan has version {version} of the format, this program writes and reads version {VERSION}"
        raise UsageError(message, hint=f"with the program that is to apply it, {_HINT}")
    try:
        plan = PlanDocument.model_validate_json(data)
    except ValidationError as error:
        raise UsageError(f"this plan is {_damaged(error)}", hint=_HINT) from None
    if not plan.whole or _repeats_a_key(data):
        raise StalePlan("this plan was changed after it was made: its checksum is not that of its content", hint=_HINT)
    return plan


def _repeats_a_key(data: bytes) -> bool:
    """Whether a key stands twice in one object of this JSON: a reader sees the first, the program takes the last."""
    repeated = False

    def look(pairs: list[tuple[str, object]]) -> None:
        nonlocal repeated
        repeated = repeated or len({name for name, _ in pairs}) < len(pairs)

    json.loads(data, object_pairs_hook=look)
    return repeated


def read_document(text: str) -> Document:
    """What `plan`, `drift`, `apply` or `validate` wrote as JSON. Raises UsageError for anything else. A plan that was
    changed is read all the same: only `apply` is bound to its checksum."""
    data = text.encode("utf-8", "replace")
    try:
        found = from_json(data, allow_inf_nan=False)
    except ValueError:
        raise UsageError("it is not JSON, or it was cut off", hint=_FROM) from None
    named = found.get("$schema") if isinstance(found, dict) else None
    if not isinstance(named, str) or named not in _MODELS:
        raise UsageError("it is JSON, and no plan, run or findings", hint=_FROM)
    if found.get("version") != VERSION:
        version = clip(visible(str(found.get("version"))), 20)
        message = f"it has version {version} of the format, this program reads version {VERSION}"
        raise UsageError(message, hint=_NEWER)
    try:
        document = _MODELS[named].model_validate_json(data)
    except ValidationError as error:
        raise UsageError(f"it is {_damaged(error)}", hint=_FROM) from None
    if isinstance(document, PlanDocument) and document.shard is not None:
        raise UsageError("it is a shard of a plan", hint=f"make one plan of all of them: {MERGE}")
    return document


def _damaged(error: ValidationError) -> str:
    """Where a document first differs from what this program writes, without what stands there."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    where = clip(visible(".".join(str(part) for part in first["loc"])), 120)
    return f"damaged at {where}, or another release of reconciler wrote it: {first['msg']}"
