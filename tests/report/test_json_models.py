"""JSON documents: they obey the schemas in `schemas/`, come out alike for alike plans, and only a plan is read back."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator, FormatChecker, ValidationError

from reconciler.errors import StalePlan, UsageError
from reconciler.planning.plan import Counts, Read
from reconciler.report import json_models
from reconciler.report.json import address_facts_json, findings_json, history_json, plan_json, run_json
from reconciler.report.json_history_models import HistoryDocument
from reconciler.report.json_part import schema_of
from reconciler.report.json_plan_models import PlanDocument
from reconciler.report.json_queue import queue_json, queue_run_json
from reconciler.report.json_queue_models import QueueDocument, QueueRunDocument
from reconciler.report.read_document import read_document, read_plan
from tests.report import queue_samples, samples

SCHEMAS = Path(__file__).parents[2] / "schemas"
PLAN = plan_json(samples.busy())

DOCUMENTS: dict[str, tuple[Callable[[], dict[str, object]], list[str]]] = {
    "plan": (
        partial(schema_of, PlanDocument),
        [
            plan_json(p)
            for p in (samples.plan(), samples.busy(), samples.waiting(), samples.stopped(), samples.dangerous())
        ],
    ),
    "run": (
        partial(schema_of, json_models.RunDocument),
        [run_json(samples.half_run()), run_json(samples.ended(samples.plan()))],
    ),
    "findings": (
        partial(schema_of, json_models.FindingsDocument),
        [findings_json(samples.FINDINGS), findings_json(())],
    ),
    "history": (
        partial(schema_of, HistoryDocument),
        [history_json(samples.PAST_RUNS), history_json((samples.past_run(),)), history_json(())],
    ),
    "show": (partial(schema_of, json_models.ShowDocument), [address_facts_json(samples.ADDRESS_FACTS)]),
    "queue": (
        partial(schema_of, QueueDocument),
        [queue_json(queue_samples.LISTING), queue_json(queue_samples.EMPTY)],
    ),
    "queue_run": (partial(schema_of, QueueRunDocument), [queue_run_json(queue_samples.QUEUE_RUN)]),
}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_schema_in_the_repository_is_the_one_of_the_models(name: str) -> None:
    """Written by `reconciler schema --write schemas/`."""
    written = (SCHEMAS / f"{name}.schema.json").read_text(encoding="utf-8")
    assert written == json.dumps(DOCUMENTS[name][0](), indent=2, ensure_ascii=False) + "\n"


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_document_obeys_its_schema(name: str) -> None:
    schema, texts = DOCUMENTS[name]
    Draft202012Validator.check_schema(schema())
    for text in texts:
        Draft202012Validator(schema(), format_checker=FormatChecker()).validate(json.loads(text))


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_schema_refuses_a_document_that_lacks_a_field_or_has_one_more(name: str) -> None:
    schema, texts = DOCUMENTS[name]
    whole = json.loads(texts[0])
    for key in whole:
        with pytest.raises(ValidationError):
            Draft202012Validator(schema()).validate({k: v for k, v in whole.items() if k != key})
    with pytest.raises(ValidationError):
        Draft202012Validator(schema()).validate({**whole, "extra": 1})


def test_a_saved_plan_is_read_back_with_what_apply_needs() -> None:
    plan, read = samples.busy(), read_plan(PLAN)
    assert (read.site, read.digest, read.commit, read.made) == (plan.site, plan.digest, plan.commit, plan.made)
    assert [t.id for t in read.transitions] == [t.id for t in plan.transitions]
    assert [t.refused for t in read.transitions] == [t.refused for t in plan.transitions]
    assert read.counts.open == len(plan.open_transitions) == 9


def test_a_plan_that_was_changed_after_it_was_made_is_stale() -> None:
    saved = json.loads(plan_json(samples.dangerous()))
    del saved["findings"][0]["entries"]
    with pytest.raises(StalePlan, match="changed after it was made"):
        read_plan(json.dumps(saved))


def test_the_order_of_mappings_does_not_change_the_document() -> None:
    plan = samples.busy()
    mixed = list(plan.counts.in_place.items())
    random.Random(7).shuffle(mixed)
    reads = tuple(replace(read, rows=dict(reversed(list(read.rows.items())))) for read in plan.reads)
    assert plan_json(replace(plan, counts=Counts(dict(mixed), plan.counts.unmanaged), reads=reads)) == PLAN


def test_dates_have_their_offset_and_a_date_without_one_is_never_written() -> None:
    assert json.loads(PLAN)["made"] == "2026-11-22T10:58:03+01:00"
    with pytest.raises(ValueError, match="timezone"):
        plan_json(replace(samples.plan(), made=datetime(2026, 11, 22, 10, 58)))


def test_an_unknown_system_says_why() -> None:
    reads = json.loads(plan_json(samples.waiting()))["reads"]
    assert [read["unknown"] for read in reads] == ["", samples.OX_UNKNOWN.unknown, ""]


def test_counts_say_how_a_run_ended() -> None:
    counts = json.loads(run_json(samples.half_run()))["counts"]
    assert counts == {"done": 7, "failed": 1, "not_tried": 1, "uncertain": 0, "refused": 1, "waiting": 0}


def _changed(**fields: Any) -> str:
    return json.dumps({**json.loads(PLAN), **fields})


NOT_PLANS = {
    "empty": ("", "not JSON"),
    "half": (PLAN[: len(PLAN) // 2], "cut off"),
    "yaml": ("mailboxes: {}", "not JSON"),
    "surrogate": ('{"\ud800": 1}', "some other JSON"),
    "deep": ("[" * 100_000, "not JSON"),
    "not a number": (_changed(version=1).replace('"version": 1', '"version": NaN'), "not JSON"),
    "list": ("[]", "some other JSON"),
    "other object": ('{"a": 1}', "some other JSON"),
    "run": (run_json(samples.half_run()), "run.schema.json"),
    "newer": (_changed(version=2), "version 2"),
    "odd version": (_changed(version={"x": "\x1b" * 99}), "version"),
    "no digest": (_changed(digest=None), "damaged at digest"),
    "short digest": (_changed(digest="abc"), "damaged at digest"),
    "extra": (_changed(force=True), "damaged at force"),
    "number for text": (_changed(site=7), "damaged at site"),
    "naive date": (_changed(made="2026-11-22T10:58:03"), "damaged at made"),
    "broken transition": (_changed(transitions=[{"id": "x"}]), "damaged at transitions.0"),
}


@pytest.mark.parametrize("version", [0, 2, "\x1b"])
def test_a_report_of_another_release_says_so(version: object) -> None:
    with pytest.raises(UsageError, match=r"version .* of the format, this program reads version 1") as caught:
        read_document(_changed(version=version))
    assert "another release of reconciler wrote it: use that one here" in caught.value.hint
    assert caught.value.message.isprintable()
    with pytest.raises(UsageError, match="damaged at left, or another release of reconciler wrote it"):
        read_document(_changed(left=1))


@pytest.mark.parametrize("name", NOT_PLANS)
def test_anything_but_a_plan_is_refused_with_what_to_do(name: str) -> None:
    text, said = NOT_PLANS[name]
    with pytest.raises(UsageError) as caught:
        read_plan(text)
    assert said in caught.value.message
    assert "reconciler plan --out plan.json" in caught.value.hint
    assert caught.value.message.isprintable()


def test_a_damaged_plan_is_refused_without_repeating_its_contents() -> None:
    with pytest.raises(UsageError) as caught:
        read_plan(_changed(site=["hunter2"]))
    assert "hunter2" not in caught.value.message + caught.value.hint


def test_a_fourth_system_needs_no_change_here() -> None:
    fourth = Read("calendar", "cal.example", {"room": 3})
    assert json.loads(plan_json(samples.plan(reads=(*samples.READS, fourth))))["reads"][3]["rows"] == {"room": 3}


def test_a_rename_says_under_which_key_the_record_was() -> None:
    (renamed,) = json.loads(plan_json(samples.plan([samples.moved()])))["transitions"]
    assert renamed["action"] == "rename"
    keys = {c["kind"]: (c["action"], c["former_key"], c["key"]) for c in renamed["changes"]}
    assert keys["mailbox"] == ("rename", samples.OLD, samples.NEW)
    assert keys["letter"] == ("create", "", samples.NEW)


def test_counts_have_renames_and_what_becomes_ours() -> None:
    document_ = json.loads(plan_json(samples.dangerous()))
    assert document_["counts"]["rename"] == 1
    assert document_["counts"]["adopted"] == {"alias": 212, "mailbox": 200}
    assert document_["gates"] == list(samples.GATES)
