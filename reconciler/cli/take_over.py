"""What is live becomes what git says, of some lines of drift, and a plan proves it: with the edits, nothing of them is
left to do. What no entry can say is named with its reason, and left as it is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from reconciler.cli.edit import refuse_more
from reconciler.cli.state_files import content_of
from reconciler.declared.load import Declaration, load_state
from reconciler.declared.problems import Problems
from reconciler.declared.read.find import find_sources
from reconciler.declared.write.edit import Edit
from reconciler.errors import InvalidInput, UsageError
from reconciler.importing.adopt import adopt
from reconciler.importing.imported import Imported
from reconciler.model.records import Scope
from reconciler.planning.plan import Plan
from reconciler.planning.plan_context import PlanContext
from reconciler.report.plan_line_text import sentence
from reconciler.workflow import draft
from reconciler.workflow_values import Sources

_SCOPES = frozenset({Scope.ACCOUNT, Scope.ALIAS, Scope.BLOCK})
"""What can be taken over; domains are edited by hand."""


class Unsaid(NamedTuple):
    """What no entry says, why, and what to do."""

    subject: str
    reason: str
    hint: str = ""


@dataclass(slots=True)
class TakeOver:
    """`subjects` are taken over by `changed` (by file: as it is, as it is to be); `remarks` are for who looks at it."""

    subjects: list[str]
    changed: Mapping[str, tuple[bytes, bytes]] = field(default_factory=dict)
    unsaid: list[Unsaid] = field(default_factory=list)
    remarks: Sequence[str] = ()

    def leave(self, subject: str, reason: str, hint: str = "") -> None:
        """Not this one."""
        self.subjects.remove(subject)
        self.unsaid.append(Unsaid(subject, reason, hint))


async def take_over(sources: Sources, plan: Plan, imported: Imported, subjects: Iterable[str]) -> TakeOver:
    """Of these subjects. `sources` answer with one look at the live systems, from which `plan` and `imported` are."""
    taken = TakeOver(list(dict.fromkeys(subjects)))
    scopes = {t.owner.subject: t.owner.scope for t in plan.transitions}
    for subject in [s for s in taken.subjects if scopes[s] not in _SCOPES]:
        taken.leave(subject, f"it is about a {scopes[subject]}", "edit its entry by hand")
    while taken.subjects:
        edit = _edited(sources.declaration, imported, taken)
        taken.changed, taken.remarks = edit.changed(), tuple(edit.remarks)
        if not taken.subjects:
            break
        after = _loaded(sources, imported, taken)
        if after is None:
            continue
        context = PlanContext.of(after.state)
        left = (await draft(replace(sources, declaration=after, context=context))).plan
        if not _drop_what_is_left(taken, imported, plan, left):
            return taken
    taken.changed, taken.remarks = {}, ()
    return taken


def new_edit(declaration: Declaration) -> Edit:
    """An edit of the files as they are."""
    sources = {source.name: source for source in find_sources(declaration.folder, Problems())}
    return Edit(declaration.state, sources, lambda name: content_of(sources[name]))


def _edited(declaration: Declaration, imported: Imported, taken: TakeOver) -> Edit:
    """The edits of all subjects; whoever cannot be said is left."""
    edit, blocks = new_edit(declaration), declaration.state.sender_blocks
    adopt(edit, imported, [subject for subject in taken.subjects if subject in blocks])
    for subject in [subject for subject in taken.subjects if subject not in blocks]:
        try:
            with edit.whole():
                adopt(edit, imported, [subject])
        except UsageError as error:
            taken.leave(subject, error.message, error.hint)
    return edit


def _loaded(sources: Sources, imported: Imported, taken: TakeOver) -> Declaration | None:
    """The state with the edits; None when they make it invalid: then at least one subject is left, and all begins
    anew."""
    try:
        return _load(sources, taken.changed, taken.subjects)
    except (InvalidInput, UsageError) as together:
        whole = together
    alone: dict[str, str] = {}
    for subject in taken.subjects:
        edit = new_edit(sources.declaration)
        adopt(edit, imported, [subject])
        try:
            _load(sources, edit.changed(), [subject])
        except (InvalidInput, UsageError) as error:
            alone[subject] = _why(error)
    for subject in tuple(alone or taken.subjects):
        taken.leave(subject, f"the state would be invalid: {alone.get(subject, _why(whole))}")
    return None


def _load(sources: Sources, changed: Mapping[str, tuple[bytes, bytes]], subjects: Iterable[str]) -> Declaration:
    """Raises InvalidInput, and UsageError when more than these would be declared otherwise."""
    before = sources.declaration
    instead = {name: new for name, (_, new) in changed.items()}
    after = load_state(before.folder, sources.site, today=before.state.today, instead=instead)
    refuse_more(before.state, after.state, frozenset(subjects))
    return after


def _why(error: InvalidInput | UsageError) -> str:
    first = next(iter(error.findings), None) if isinstance(error, InvalidInput) else None
    return str(getattr(first, "message", error.message))


def _drop_what_is_left(taken: TakeOver, imported: Imported, before: Plan, after: Plan) -> bool:
    """Whether something would still be done about a subject, or anew about another."""
    left = {t.owner.subject: t for t in after.transitions}
    dropped = [subject for subject in taken.subjects if subject in left]
    reasons = {item.subject: f"{item.what}: {item.reason}" for item in imported.left}
    for subject in dropped:
        remains = f"there would remain: {sentence(left[subject])}"
        why = f"{remains} ({reasons[subject]})" if subject in reasons else remains
        hint = "apply puts the declared state back; or edit the entry by hand, and see: reconciler plan"
        taken.leave(subject, f"no entry says all of it; {why}", hint)
    known = {t.owner.subject for t in before.transitions}
    new = sorted(left.keys() - known)
    if new and not dropped:
        named = ", ".join(new[:5])
        for subject in tuple(taken.subjects):
            taken.leave(subject, f"with all of them taken over, something new would be done about {named}")
    return bool(dropped or new)
