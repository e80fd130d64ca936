"""`reconciler schema`: the JSON Schemas of everything that is read and written."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from reconciler.cli.exit_status import Status
from reconciler.cli.streams import say, write
from reconciler.declared.json_schema import site_schema, state_schema
from reconciler.doctor.json_report import DoctorDocument
from reconciler.errors import UsageError
from reconciler.report.json_history_check import HistoryCheckDocument
from reconciler.report.json_history_models import HistoryDocument
from reconciler.report.json_models import FindingsDocument, RunDocument, ShowDocument
from reconciler.report.json_part import schema_of
from reconciler.report.json_plan_models import PlanDocument
from reconciler.report.json_queue_models import QueueDocument, QueueRunDocument
from reconciler.systems.registry import register_kinds

SCHEMAS: dict[str, Callable[[], dict[str, Any]]] = {
    "state": state_schema,
    "site": site_schema,
    "plan": partial(schema_of, PlanDocument),
    "run": partial(schema_of, RunDocument),
    "findings": partial(schema_of, FindingsDocument),
    "show": partial(schema_of, ShowDocument),
    "history": partial(schema_of, HistoryDocument),
    "history_check": partial(schema_of, HistoryCheckDocument),
    "queue": partial(schema_of, QueueDocument),
    "queue_run": partial(schema_of, QueueRunDocument),
    "doctor": partial(schema_of, DoctorDocument),
}


def schema(name: str | None, folder: Path | None) -> Status:
    """Writes all schemas into the folder, or one to standard output. Raises UsageError."""
    register_kinds()  # plans say what a transition is about in their words
    if folder is not None:
        _write_all(folder)
        return Status.DONE
    if name not in SCHEMAS:
        raise UsageError(f"there is no schema {name!r}" if name else "which schema?", hint=", ".join(SCHEMAS))
    write(rendered(SCHEMAS[name]()))
    return Status.DONE


def _write_all(folder: Path) -> None:
    """Into the folder, which is made when it is not there. Raises UsageError."""
    for name, make in SCHEMAS.items():
        path = folder / f"{name}.schema.json"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            path.write_text(rendered(make()), encoding="utf-8")
        except OSError as error:
            hint = "name another folder: reconciler schema --write FOLDER"
            raise UsageError(f"{path} cannot be written: {error.strerror}", hint=hint) from None
        say(f"written: {path}")


def rendered(document: dict[str, Any]) -> str:
    """A schema as it stands in `schemas/`."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"
