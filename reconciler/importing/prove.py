"""The proof of an import: what it wrote is loaded and planned against the same look at the live systems. What cannot
stand that way is taken out and said, until the plan holds nothing but repairs.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from reconciler.declared.load import load_state
from reconciler.declared.write.layout import File, Written, write
from reconciler.errors import InvalidInput
from reconciler.importing.files import files_of
from reconciler.importing.imported import Imported
from reconciler.model.addresses import Address
from reconciler.model.record_kinds import give_password
from reconciler.model.records import Found, Owner, Records, Scope
from reconciler.planning.changes import Change, Outcome, Stage, Step
from reconciler.planning.finding import Finding, Severity
from reconciler.planning.new_passwords import CredentialEvents
from reconciler.planning.plan import Plan
from reconciler.planning.plan_context import PlanContext
from reconciler.planning.ports import Observation, SideEffects, System
from reconciler.planning.snapshot import Pair
from reconciler.planning.transitions import Transition
from reconciler.workflow import draft
from reconciler.workflow_values import Sources

SCHEMA = ".schema/state.schema.json"
"""Beside the files, in a hidden folder, which no load enters."""

_OVER_THE_WHOLE = frozenset({"changes", "creations", "removals", "empty-state"})
"""Gates that count: they speak of the first apply, not of an entry."""


class AsObserved(System):
    """A system that answers with what was seen once, and plans as the live one does. Writes nothing."""

    def __init__(self, system: System, observation: Observation) -> None:
        self._system = system
        self._observation = observation
        self.name = system.name
        self.target = system.target
        self.needed_for_accounts = system.needed_for_accounts

    def expect(self, context: PlanContext) -> Records:
        """See System."""
        return self._system.expect(context)

    async def observe(self, *, writing: bool = False) -> Observation:  # noqa: ARG002  # seen already
        """What was seen."""
        return self._observation

    def match(self, context: PlanContext, wanted: Records, found: Found) -> Pair:
        """See System."""
        return self._system.match(context, wanted, found)

    def side_effects(
        self, context: PlanContext, owner: Owner, changes: Sequence[Change], pair: Pair, events: CredentialEvents
    ) -> SideEffects:
        """See System."""
        return self._system.side_effects(context, owner, changes, pair, events)

    def stage(self, change: Change) -> Stage:
        """See System."""
        return self._system.stage(change)

    def review(self, context: PlanContext, pair: Pair, details: object) -> Sequence[Finding]:
        """See System."""
        return self._system.review(context, pair, details)

    async def perform(self, context: PlanContext, batch: Sequence[Step]) -> list[Outcome]:  # noqa: ARG002  # never
        """Never: an import only reads."""
        raise AssertionError("an import writes to no live system")


@dataclass(frozen=True, slots=True)
class Proven:
    """The files by their path, and the plan that they make: its transitions are repairs."""

    files: Mapping[str, Written]
    plan: Plan


async def prove(imported: Imported, sources: Sources) -> Proven:
    """Takes out of `imported` what a load or a plan refuses. Raises InvalidInput for what no entry is to blame for."""
    while True:
        contents = files_of(imported)
        files = {path: write(file, schema=schema_from(path)) for path, file in contents.items()}
        with tempfile.TemporaryDirectory(prefix="reconciler-import-") as folder:
            save(files, Path(folder))
            try:
                declaration = load_state(Path(folder), sources.site, today=sources.context.today)
            except InvalidInput as error:
                if not _drop_invalid(imported, contents, files, error.findings):
                    raise
                continue
            context = PlanContext.of(declaration.state)
            plan = (await draft(replace(sources, declaration=declaration, context=context))).plan
        if not _drop_refused(imported, plan):
            return Proven(files, plan)


def schema_from(path: str) -> str:
    """Where the JSON Schema is, seen from a file of the state folder."""
    return "../" * path.count("/") + SCHEMA


def save(files: Mapping[str, Written], folder: Path) -> None:
    """Writes the files below `folder`."""
    for path, written in files.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(written.text, encoding="utf-8")


def _drop_invalid(
    imported: Imported, contents: Mapping[str, File], files: Mapping[str, Written], findings: Iterable[object]
) -> bool:
    """Whether an entry was found for one of the errors."""
    dropped = False
    for finding in findings:
        if not isinstance(finding, Finding) or finding.severity is not Severity.ERROR or finding.place is None:
            continue
        path = next((path for path in files if finding.place.file.endswith(f"/{path}")), None)
        above = () if path is None else [e for e in files[path].entries if e[0] <= finding.place.line]
        if path is not None and above:
            _, section, key = max(above)
            entries = contents[path].sections[section]
            if not isinstance(entries, Mapping):  # a list names its entries by their index
                entry = entries[int(key)]
                key = str(entry.get("from") or entry.get("sender") or entry.get("domain"))
            dropped |= _drop(imported, section, key, finding.message, finding.hint)
    return dropped


def _drop_refused(imported: Imported, plan: Plan) -> bool:
    """Takes out what a gate refuses, and what would make a password or delete something."""
    dropped = False
    for finding in plan.findings:
        if finding.severity is Severity.REFUSAL and finding.owner is not None and finding.rule not in _OVER_THE_WHOLE:
            dropped |= _drop_owner(imported, finding.owner, finding.message, finding.hint)
    for transition in plan.transitions:
        if reason := _no_repair(transition):
            dropped |= _drop_owner(imported, transition.owner, reason, "declare it when that is what should happen")
    return dropped


def _no_repair(transition: Transition) -> str:
    if give_password(change.kind for change in transition.changes):
        return "declared as it is, the next apply would make a new password"
    if transition.irreversible:
        return "declared as it is, the next apply would delete something"
    return ""


def _drop_owner(imported: Imported, owner: Owner, reason: str, hint: str) -> bool:
    subject = Address(owner.subject)
    if owner.scope is not Scope.ACCOUNT:
        return _drop(imported, owner.scope.section, subject, reason, hint)
    olds = [old for old, rename in imported.renames.items() if rename["to"] == subject]
    if olds:
        return max(_drop(imported, "renames", old, reason, hint) for old in olds)  # all of them
    return _drop(imported, "mailboxes", subject, reason, hint)


_NOUNS = {
    "domains": "domain",
    "alias_domains": "alias domain",
    "mailboxes": "mailbox",
    "aliases": "alias",
    "renames": "rename by hand",
    "sender_blocks": "sender block",
}


def _drop(imported: Imported, section: str, key: str, reason: str, hint: str) -> bool:
    table: dict[str, object] = getattr(imported, section)
    if table.pop(key, None) is None:
        return False
    imported.leave(_NOUNS[section], key, reason, hint)
    return True
