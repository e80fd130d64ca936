"""`reconciler drift --patch`: the change of the state that makes git say what is live, for drift that was right."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence, Set
from dataclasses import dataclass, replace
from pathlib import Path

from reconciler.cli.edit import Done, edit_state
from reconciler.cli.edit_changes import known_subject
from reconciler.cli.exit_status import Status, worst
from reconciler.cli.explain import with_directions
from reconciler.cli.git_patch import git_patch
from reconciler.cli.site_session import open_site
from reconciler.cli.streams import say, write
from reconciler.cli.take_over import TakeOver, new_edit, take_over
from reconciler.declared.load import Declaration
from reconciler.declared.write.edit import Edit
from reconciler.errors import UsageError
from reconciler.importing.adopt import adopt
from reconciler.importing.imported import Imported
from reconciler.importing.prove import AsObserved
from reconciler.importing.run import collected
from reconciler.planning.direction import changed_by_hand
from reconciler.planning.plan import Plan
from reconciler.planning.review_facts import Direction
from reconciler.settings import Settings
from reconciler.workflow import draft


@dataclass(frozen=True, slots=True)
class PatchOptions:
    """`subjects`: what is taken over; all that somebody changed by hand when none is named. `write`: the files are
    edited, else a patch is printed; `commit` commits them with `reason`."""

    subjects: Sequence[str] = ()
    write: bool = False
    commit: bool = False
    reason: str | None = None


async def patch(site: Path | None, state: Path | None, asked: PatchOptions, *, alone: bool) -> Status:
    """Looks at all systems once. `alone`: no option of another kind was given with `--patch`. Raises UsageError, and
    Unreadable: what is unknown is not absent."""
    if not alone:
        hint = "reconciler drift --patch [ADDRESS…] [--write] [--commit --reason 'WHY']"
        raise UsageError(
            "addresses, --write, --commit and --reason go with --patch, which goes with no other option", hint=hint
        )
    async with open_site(site, state) as opened:
        with opened.line.shown():
            observed = await asyncio.gather(*(opened.observe(system) for system in opened.systems))
            imported = await collected(opened, observed)
            seen = [AsObserved(system, each) for system, each in zip(opened.systems, observed, strict=True)]
            sources = replace(opened, systems=seen)
            plan = await with_directions(opened, (await draft(sources)).plan)
            names = {key for each in observed for table in each.records.values() for key in table}
            taken = await take_over(sources, plan, imported, _chosen(plan, opened.declaration, imported, names, asked))
    for name, reason, hint in taken.unsaid:
        say(f"{name} is not taken over: {reason}" + (f"\n  {hint}" if hint else ""))
    status = Status.PENDING if taken.unsaid else Status.DONE
    if not taken.changed:
        say("nothing to take over\nnext: reconciler drift")
        return status
    if asked.write or asked.commit:
        return worst(status, _written(site, state, imported, taken, asked))
    for remark in taken.remarks:
        say(f"note: {remark}")
    write(git_patch(opened.declaration.folder, taken.changed), for_programs=True)
    return status


def _chosen(
    plan: Plan, declaration: Declaration, imported: Imported, names: Set[str], asked: PatchOptions
) -> list[str]:
    """`names`: what is live. Raises UsageError for what nobody knows, and where no ledger can say what was changed by
    hand."""
    there = {t.owner.subject: t for t in plan.transitions}
    if not asked.subjects:
        if any(t.direction is Direction.UNKNOWN for t in plan.transitions):
            hint = "name what is to be taken over: reconciler drift --patch ADDRESS…"
            raise UsageError("no ledger says which side moved", hint=hint)
        return [subject for subject, transition in there.items() if changed_by_hand(transition)]
    live = {*imported.mailboxes, *imported.aliases, *imported.sender_blocks, *there}
    edit = new_edit(declaration)
    subjects = [known_subject(edit, subject, live) for subject in asked.subjects]
    declared = {*edit.state.mailboxes, *edit.state.aliases, *edit.state.sender_blocks}
    if unknown := [each for each in subjects if each not in {*names, *live, *declared}]:
        hint = f"correct it, or ask: reconciler show {unknown[0]}"
        raise UsageError(f"nothing that is declared or live is called {', '.join(unknown)}", hint=hint)
    for subject in (subject for subject in subjects if subject not in there):
        say(f"{subject}: nothing differs from what git declares")
    return [subject for subject in subjects if subject in there]


def _written(site: Path | None, state: Path | None, imported: Imported, taken: TakeOver, asked: PatchOptions) -> Status:
    def change(edit: Edit, _: Settings) -> Done:
        adopt(edit, imported, taken.subjects)
        more = f" and {len(taken.subjects) - 3} more" if len(taken.subjects) > 3 else ""
        return Done(f"Take over as live: {', '.join(taken.subjects[:3])}{more}", frozenset(taken.subjects))

    return edit_state(site, state, change, reason=asked.reason, commit=asked.commit)
