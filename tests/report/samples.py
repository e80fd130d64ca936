"""Plans, runs, findings and facts about an address, built by hand: what golden files and the other report tests show.

All names are placeholders. Rows are as the systems make them: an updated row is the found one with fields replaced.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone

from reconciler.model.declared import DesiredState
from reconciler.model.record_kinds import name_of
from reconciler.model.records import (
    AliasRole,
    AliasRow,
    AttachmentRow,
    BlockRow,
    LetterRow,
    MailboxRow,
    Owner,
    OxUserRow,
    PasswordRow,
    Row,
    Scope,
    SubscriptionsRow,
    VacationRow,
    WelcomeMailRow,
)
from reconciler.model.source_places import Place
from reconciler.planning.binding import Binding, BoundTo, Differing
from reconciler.planning.changes import Action, Change, Outcome, Result, Stage, Step
from reconciler.planning.finding import Finding, Severity, StateEntry
from reconciler.planning.ledger_state import PastRun, PastStep, RunState, StepState, value_text
from reconciler.planning.plan import Counts, Plan, Read, digest
from reconciler.planning.plan_context import PlanContext
from reconciler.planning.review_facts import Base, Cause, Direction, Healed, LiveChange, SiteChange
from reconciler.planning.run_outcome import Run, TransitionRun
from reconciler.planning.transitions import Effect, Transition, effect_of
from reconciler.report.address_facts import AddressFacts, Fact

MADE = datetime(2026, 11, 22, 10, 58, 3, tzinfo=timezone(timedelta(hours=1)))
DOMAIN = "pirat.alt"
PRIVATE = "bernd.privat@extern.example"
"""The register address of a member: must be in no report."""

_SYSTEM = {
    MailboxRow: ("postfixadmin", Stage.MAIL_FLOW),
    AliasRow: ("postfixadmin", Stage.MAIL_FLOW),
    PasswordRow: ("postfixadmin", Stage.MAIL_FLOW),
    OxUserRow: ("openxchange", Stage.GROUPWARE),
    VacationRow: ("postfixadmin", Stage.MAIL_FLOW),
    SubscriptionsRow: ("openxchange", Stage.GROUPWARE),
    AttachmentRow: ("openxchange", Stage.ATTACH),
    BlockRow: ("postfix", Stage.FILTER),
    LetterRow: ("letters", Stage.LETTER),
    WelcomeMailRow: ("postfixadmin", Stage.WELCOME),
}


def change(owner: Owner, before: Row | None, after: Row | None) -> Change:
    """A change in the system that holds such rows."""
    row = after if after is not None else before
    assert row is not None
    if before is None or after is None:
        action = Action.CREATE if before is None else Action.DELETE
    else:
        action = Action.UPDATE if before.key == after.key else Action.RENAME
    return Change(_SYSTEM[type(row)][0], name_of(type(row)), action, row.key, before, after, owner)


def transition(
    owner: Owner,
    *rows: tuple[Row | None, Row | None],
    reason: str = "",
    place: Place | None = None,
    refused: tuple[str, ...] = (),
    effect: Effect | None = None,
) -> Transition:
    """A transition of some (before, after) rows, one step each, in the order of the stages."""
    changes = tuple(change(owner, before, after) for before, after in rows)
    steps = sorted((Step(c, _SYSTEM[type(c.row)][1]) for c in changes), key=lambda step: step.stage)
    counted = effect or effect_of(PlanContext.of(DesiredState(date(2026, 11, 24))), owner, changes)
    return Transition(owner, changes, tuple(steps), counted, reason, place, refused)


def account(name: str) -> Owner:
    """The account of a local part."""
    return Owner(Scope.ACCOUNT, f"{name}@{DOMAIN}")


def mailbox(address: str, name: str = "Anna Beispiel", quota: int = 10240, active: bool = True) -> MailboxRow:
    """A mailbox row."""
    return MailboxRow(address, "", name, quota, active)


def alias(key: str, *goto: str, role: AliasRole = AliasRole.NONE, active: bool = True) -> AliasRow:
    """An alias row; several targets come sorted, as they are read."""
    return AliasRow(key, "", tuple(sorted(goto)), active, role)


def ox_user(address: str, name: str = "Anna Beispiel", aliases: tuple[str, ...] = ()) -> OxUserRow:
    """A user of OX whose addresses are all the same one."""
    given, _, surname = name.partition(" ")
    login = address.partition("@")[0]
    return OxUserRow(
        address, "", login, name, given, surname, address, address, address, address, (address, *aliases), "4100"
    )


def new_account(
    name: str = "bernd.neu",
    member: str = "10077",
    *,
    letter: bool = True,
    place: Place | None = None,
    refused: tuple[str, ...] = (),
) -> Transition:
    """A whole new account; without a letter somebody else must set its password."""
    address, owner = f"{name}@{DOMAIN}", account(name)
    rows: list[Row] = [
        mailbox(address, "Bernd Neu"),
        alias(address, address, role=AliasRole.OWN),
        alias(f"{member}@{DOMAIN}", address, role=AliasRole.MEMBER),
        ox_user(address, "Bernd Neu"),
        WelcomeMailRow(address, address),
    ]
    if letter:
        rows.append(LetterRow(address, address, member, PRIVATE))
    return transition(owner, *((None, row) for row in rows), place=place, refused=refused)


def changed_account() -> Transition:
    """Quota, name, switched off, in both systems."""
    address = f"anna.beispiel@{DOMAIN}"
    old, new = mailbox(address, "Anna Muster", 5120), mailbox(address, "Anna Beispiel", 10240, active=False)
    own_alias = alias(address, address)
    return transition(
        account("anna.beispiel"),
        (old, new),
        (own_alias, own_alias._replace(active=False)),
        (ox_user(address, "Anna Muster"), ox_user(address, "Anna Beispiel", aliases=(f"anna.muster@{DOMAIN}",))),
        place=Place("state/mailboxes.yaml", 14, 3, "9f3c21a", "Klaus Beispiel"),
    )


def new_groupware() -> Transition:
    """An old mailbox gets an OX user: one new password for both, told by letter."""
    address = f"carla.beispiel@{DOMAIN}"
    rows: list[Row] = [ox_user(address, "Carla Beispiel"), PasswordRow(address, address)]
    rows.append(LetterRow(address, address, "10043", PRIVATE))
    return transition(
        account("carla.beispiel"), *((None, row) for row in rows), place=Place("state/mailboxes.yaml", 31)
    )


OLD, NEW = f"anna.muster@{DOMAIN}", f"anna.beispiel@{DOMAIN}"
RENAME_PLACE = Place("state/mailboxes.yaml", 14, 5, "9f3c21a", "Klaus Beispiel")


def ox_rename(old: str = OLD, new: str = NEW) -> tuple[Row, Row]:
    """The person's OX user before and after."""
    return ox_user(old, "Anna Muster"), ox_user(new, "Anna Beispiel", aliases=(old,))


def rename(*more: tuple[Row | None, Row | None], refused: tuple[str, ...] = ()) -> Transition:
    """`old_mailbox: attach`, with a forward and a vacation (docs/rename-invariants.md, "The end state")."""
    old_box = mailbox(OLD, "Anna Muster")
    rows: list[tuple[Row | None, Row | None]] = [
        (None, mailbox(NEW)),
        (old_box, old_box._replace(name="Anna Beispiel ehem. Muster")),
        (None, alias(NEW, NEW, "anna@extern.example", role=AliasRole.CARRIED)),
        (alias(OLD, OLD, "anna@extern.example"), alias(OLD, NEW)),
        (alias(f"10042@{DOMAIN}", OLD), alias(f"10042@{DOMAIN}", NEW)),
        (VacationRow(OLD, "", True), VacationRow(NEW, "", True)),
        (None, PasswordRow(OLD, NEW)),
        ox_rename(),
        (None, AttachmentRow(OLD, NEW, "Anna Muster")),
        (None, LetterRow(NEW, NEW, "10042", PRIVATE, "renamed")),
        (None, WelcomeMailRow(NEW, NEW)),
        *more,
    ]
    made = transition(account("anna.beispiel"), *rows, place=RENAME_PLACE, refused=refused)
    return replace(made, private=frozenset({"anna@extern.example"}))


def second_account() -> Transition:
    """A rename whose new OX login was taken by a second account, which a person confirmed to be nobody's data."""
    second = ox_user(NEW, "Anna Beispiel")._replace(key="openxchange/4200", id="4200")
    return rename((second, None))


def moved() -> Transition:
    """`old_mailbox: move`: everything is re-keyed, the password stays."""
    rows: list[tuple[Row | None, Row | None]] = [
        (mailbox(OLD, "Anna Muster"), mailbox(NEW)),
        (None, alias(NEW, NEW, role=AliasRole.CARRIED)),
        (alias(OLD, OLD), alias(OLD, NEW)),
        (alias(f"10042@{DOMAIN}", OLD), alias(f"10042@{DOMAIN}", NEW)),
        ox_rename(),
        (None, LetterRow(NEW, NEW, "10042", PRIVATE, "moved")),
    ]
    return transition(account("anna.beispiel"), *rows, place=RENAME_PLACE)


REMOVAL_REASON = "left the party, RT 4890"


def switched_off() -> Transition:
    """A removal on its date."""
    address = f"hans.weg@{DOMAIN}"
    box, own_alias = mailbox(address, "Hans Weg"), alias(address, address)
    rows: list[tuple[Row | None, Row | None]] = [
        (box, box._replace(active=False)),
        (own_alias, own_alias._replace(active=False)),
    ]
    place = Place("state/removals.yaml", 3, 5)
    return transition(account("hans.weg"), *rows, reason=REMOVAL_REASON, place=place, effect=Effect.REMOVAL)


def purged(name: str = "hans.weg", *, groupware: bool = False, refused: tuple[str, ...] = ()) -> Transition:
    """A removal after the retention; with `groupware` the OX account goes, too."""
    address = f"{name}@{DOMAIN}"
    rows: list[tuple[Row | None, Row | None]] = [
        (mailbox(address, "Hans Weg", active=False), None),
        (alias(address, address, active=False), None),
        (alias(f"10050@{DOMAIN}", address), None),
        (VacationRow(address, "", False), None),
    ]
    if groupware:
        rows.append((ox_user(address, "Hans Weg"), None))
    place = Place("state/removals.yaml", 3, 5)
    return transition(account(name), *rows, reason=REMOVAL_REASON, place=place, refused=refused)


def reset() -> Transition:
    """One-shot dates: a new password everywhere, and OX subscriptions removed."""
    address = f"carla.beispiel@{DOMAIN}"
    ox = PasswordRow(address, address, "4103")
    rows: list[Row] = [
        PasswordRow(address, address),
        SubscriptionsRow(address, address, "4103"),
        LetterRow(address, address, "10043", PRIVATE, "password"),
    ]
    made = transition(account("carla.beispiel"), *((None, row) for row in rows))
    in_ox = Change("openxchange", "password", Action.CREATE, address, None, ox, made.owner)
    steps = sorted((*made.steps, Step(in_ox, Stage.GROUPWARE)), key=lambda step: step.stage)
    place = Place("state/mailboxes.yaml", 31)
    return replace(made, changes=(*made.changes, in_ox), steps=tuple(steps), place=place)


def changed_alias() -> Transition:
    """One target more, one less."""
    key = f"vorstand@{DOMAIN}"
    before = alias(key, f"anna.muster@{DOMAIN}", "klaus@extern.example")
    after = before._replace(goto=(f"anna.beispiel@{DOMAIN}", "klaus@extern.example"))
    return transition(Owner(Scope.ALIAS, key), (before, after), place=Place("state/aliases.yaml", 4, 3))


def new_alias() -> Transition:
    """An alias with two targets."""
    key = f"presse@{DOMAIN}"
    row = alias(key, f"anna.beispiel@{DOMAIN}", f"bernd.neu@{DOMAIN}", role=AliasRole.DECLARED)
    return transition(Owner(Scope.ALIAS, key), (None, row), place=Place("state/aliases.yaml", 7, 3))


def removed_alias() -> Transition:
    """An alias of ours whose entry is gone."""
    key = f"alt.vorstand@{DOMAIN}"
    return transition(Owner(Scope.ALIAS, key), (alias(key, f"vorstand@{DOMAIN}"), None))


def block(key: str = "example.org", reason: str = "phishing wave, until 2027-02-22") -> Transition:
    """A new sender block."""
    row = BlockRow(key, "REJECT", reason)
    return transition(Owner(Scope.BLOCK, key), (None, row), reason=reason, place=Place("state/blocks.yaml", 3, 5))


def lifted_block() -> Transition:
    """A block whose last day is over."""
    row = BlockRow("spam@example.net", "REJECT")
    return transition(Owner(Scope.BLOCK, row.key), (row, None), reason="expired on 2026-11-01")


READS = (
    Read("postfixadmin", "mysql+pymysql://reconciler@db.example/postfixadmin", {"alias": 900, "mailbox": 417}),
    Read("openxchange", "mail.example context 1", {"ox_user": 412}),
    Read("postfix", "mail.example hash:/etc/postfix/maps/sender_access", {"block": 12, "unmanaged_line": 3}),
)
OX_UNKNOWN = Read(
    "openxchange", "mail.example context 1", {}, "no answer from mail.example within 30 s", "see whether the host is up"
)
COUNTS = Counts(
    {"mailbox": 412, "alias": 850, "ox_user": 410, "block": 11, "password": 0}, {"mailbox": 5, "alias": 3, "block": 0}
)


def plan(
    transitions: Iterable[Transition] = (),
    findings: Iterable[Finding] = (),
    reads: tuple[Read, ...] = READS,
    counts: Counts = COUNTS,
    gates: tuple[str, ...] = (),
) -> Plan:
    """A plan of the site nrw."""
    listed = tuple(transitions)
    seal = digest("nrw", {read.system: read.target for read in reads}, {}, listed)
    return Plan("nrw", "9f3c21a", MADE, listed, tuple(findings), reads, counts, seal, gates=gates)


def refusal(owner: Owner | None, rule: str = "register") -> Finding:
    """A gate's refusal, of one transition or (without an owner) of the whole plan."""
    if owner is None:
        message, hint = "9 removals, 5 are allowed (1 % of 412, at most 5)", "remove fewer at a time"
        return Finding(Severity.REFUSAL, "removals", "nrw", message, hint)
    message = f"{owner.subject}: the register has no member 10077"
    hint = "check the number with the member administration, and write the right one at `member:`"
    return Finding(Severity.REFUSAL, rule, owner.subject, message, hint, Place("state/mailboxes.yaml", 20, 5), owner)


def wait(owner: Owner) -> Finding:
    """A new account that waits for OX."""
    message = f"{owner.subject} waits: openxchange could not be read"
    return Finding(
        Severity.WAIT,
        "unknown-system",
        owner.subject,
        message,
        "it is carried out once openxchange can be read",
        owner=owner,
    )


NOTE = Finding(
    Severity.NOTE,
    "expired-block",
    "spam@example.net",
    "the block of spam@example.net expired on 2026-11-01",
    "remove the entry",
    Place("state/blocks.yaml", 9, 5),
)
WARNING = Finding(
    Severity.WARNING,
    "dead-line",
    "@example.org",
    "line 7 of the sender map, @example.org REJECT, never matches anything",
    "declare the domain in sender_blocks, and delete the line by hand",
)


def busy() -> Plan:
    """A bit of everything: removal, changes, creations, blocks, one refusal, a warning and a note."""
    refused = new_account("dora.neu", "10077", place=Place("state/mailboxes.yaml", 20, 5), refused=("register",))
    transitions = (
        removed_alias(),
        lifted_block(),
        changed_account(),
        new_groupware(),
        changed_alias(),
        new_account("bernd.neu", "10078", place=Place("state/mailboxes.yaml", 26, 3)),
        refused,
        new_account("info", "10079", letter=False, place=Place("state/mailboxes.yaml", 40, 3)),
        new_alias(),
        block(),
    )
    return plan(transitions, (NOTE, WARNING, refusal(refused.owner)))


LATER = Finding(
    Severity.LATER,
    "future-rename",
    f"dora.neu@{DOMAIN}",
    f"dora.alt@{DOMAIN} becomes dora.neu@{DOMAIN} on 2026-12-01",
    place=Place("state/mailboxes.yaml", 51, 5),
    owner=account("dora.neu"),
)
GATES = ("removals: 2 of at most 4 (412 accounts, 24 h) ✓", "changes: 3 of at most 123 (412 accounts, 24 h) ✓")
ADOPTING = Counts(COUNTS.in_place, COUNTS.unmanaged, {"mailbox": 200, "alias": 212, "ox_user": 0})


def dangerous() -> Plan:
    """Renames of both kinds, removals, resets: everything of which a reviewer wants to know more."""
    hilde = purged("hilde.weg", groupware=True, refused=("groupware-delete",))
    message = f"the OX account of hilde.weg@{DOMAIN} would be deleted with all its data, and nobody confirmed that"
    hint = "export their data first, or write `groupware_account: keep`"
    item = '{gate: groupware-delete, subject: hilde.weg@pirat.alt, until: 2026-12-08, reason: ""}'
    kept = Finding(
        Severity.REFUSAL,
        "groupware-delete",
        f"hilde.weg@{DOMAIN}",
        message,
        hint,
        owner=hilde.owner,
        entries=(StateEntry("confirm", item),),
    )
    transitions = (hilde, purged(), rename(), reset(), block())
    return plan(transitions, (kept, LATER), counts=ADOPTING, gates=GATES)


BASE = Base(
    "origin/main",
    "4e1d77c0a1b2c3d4e5f60718293a4b5c6d7e8f90",
    False,
    "",
    (SiteChange("reconciler.yaml", "postfixadmin.url is another one"), SiteChange("known_hosts", "1 key added")),
)


def merging(base: Base = BASE) -> Plan:
    """A plan for a merge request: some of it was waiting already, some it takes back."""
    refused = new_account("dora.neu", "10077", place=Place("state/mailboxes.yaml", 20, 5), refused=("register",))
    own = [replace(t, cause=Cause.MERGE_REQUEST) for t in (purged(groupware=True), rename(), refused, block())]
    since, who = MADE - timedelta(days=3), "admin@pirat.alt"
    waiting = replace(
        changed_alias(),
        cause=Cause.WAITING,
        direction=Direction.DRIFT,
        since=since,
        by=(LiveChange("postfixadmin", since + timedelta(hours=2), who, "edit_alias"),),
        meaning=("mail to vorstand@ reaches 2 people, 1 of them outside",),
    )
    found = refusal(refused.owner)._replace(cause=Cause.MERGE_REQUEST)
    made = plan([*own, waiting], [found, NOTE._replace(cause=Cause.WAITING)], gates=GATES)
    back = replace(new_account("erik.neu", "10080"), cause=Cause.TAKEN_BACK)
    healed = (Healed(account("fritz.neu"), since),)
    return replace(made, base=base, taken_back=(back,), healed=healed)


def readme() -> Plan:
    """The plan that README (docs/plan.svg) and docs/plan.md show."""
    address = f"clara.probe@{DOMAIN}"
    quota = mailbox(address, "Clara Probe", 5120), mailbox(address, "Clara Probe")
    key = f"presse@{DOMAIN}"
    press = alias(key, NEW, role=AliasRole.DECLARED)
    transitions = (
        switched_off(),
        rename(),
        transition(account("clara.probe"), quota, place=Place("state/mailboxes.yaml", 31)),
        new_account(place=Place("state/mailboxes.yaml", 20)),
        transition(Owner(Scope.ALIAS, key), (None, press), place=Place("state/aliases.yaml", 7)),
        block(),
    )
    letters = Read("letters", "register members.csv, letters by smtp localhost:25", {"member": 900})
    gates = ("removals: 1 of at most 4 (412 accounts, 24 h) ✓", "changes: 2 of at most 123 (412 accounts, 24 h) ✓")
    return plan(transitions, reads=(*READS, letters), gates=gates)


def readme_request() -> Plan:
    """The plan of a merge request that README shows as a page (docs/report.svg)."""
    since = MADE - timedelta(days=3)
    drift = replace(
        changed_alias(),
        cause=Cause.WAITING,
        direction=Direction.DRIFT,
        since=since,
        by=(LiveChange("postfixadmin", since, f"admin@{DOMAIN}", "edit_alias"),),
        meaning=("mail to vorstand@ reaches 2 people, 1 of them outside",),
    )
    own = (switched_off(), rename(), new_account(place=Place("state/mailboxes.yaml", 20)), block())
    made = plan([*(replace(line, cause=Cause.MERGE_REQUEST) for line in own), drift], gates=GATES)
    return replace(made, base=Base(BASE.ref, BASE.commit, contained=True))


def waiting() -> Plan:
    """OX could not be read: a new account waits, an alias goes on."""
    new = new_account(place=Place("state/mailboxes.yaml", 26, 3), refused=("unknown-system",))
    return plan((new, new_alias()), (wait(new.owner),), (READS[0], OX_UNKNOWN, READS[2]))


def stopped() -> Plan:
    """A limit refuses the whole plan."""
    return plan((removed_alias(), changed_account()), (refusal(None),))


def ended(
    of: Plan, failed: str = "", message: str = "", hint: str = "", last: bool = True, interrupted: bool = False
) -> Run:
    """A run of the plan's open transitions. A step with `failed` in its id fails and stops its transition;
    without `last` the last transition was not begun."""
    runs = []
    for number, each in enumerate(of.open_transitions):
        outcomes: list[tuple[Step, Outcome]] = []
        result = Result.DONE if last or number < len(of.open_transitions) - 1 else Result.NOT_TRIED
        for step in each.steps:
            if failed and failed in step.id:
                outcomes.append((step, Outcome(Result.FAILED, message, hint, temporary=True)))
                result = Result.NOT_TRIED
            else:
                outcomes.append((step, Outcome(result)))
        runs.append(TransitionRun(each, tuple(outcomes)))
    return Run(of, MADE, MADE + timedelta(seconds=2.4), tuple(runs), interrupted)


def crashed_rename() -> Run:
    """A rename of which the mail flow is in place, and the rest is not."""
    return ended(
        plan([second_account()]),
        "openxchange/ox_user/rename",
        "the login pirat.neu cannot be changed: USERNAME_CHANGEABLE is false",
        "set it in /opt/open-xchange/etc/AdminUser.properties, then: reconciler resume",
        interrupted=True,
    )


def half_run() -> Run:
    """The letters' server refuses Bernd's letter and repeats the private address; the last transition is not begun."""
    return ended(
        busy(),
        f"letters/letter/create/bernd.neu@{DOMAIN}",
        f"550 5.1.1 <{PRIVATE.upper()}>: no such user",
        f"ask the member administration whether {PRIVATE} is right",
        last=False,
        interrupted=True,
    )


def bound_run(of: Run) -> Run:
    """The same, bound to a comment: an alias differs from what was reviewed, and nobody reviewed a block."""
    request = "https://gitlab.example/mail/state/-/merge_requests/3"
    why = ("reviewed with goto klaus@extern.example; live and git have changed since",)
    differing = (Differing(changed_alias(), why),)
    return replace(
        of, binding=Binding(BoundTo.REVIEW, request, f"{request}#note_7", 2, differing, (block("example.net"),))
    )


def past_step(seq: int, of: Step, state: StepState, message: str = "", hint: str = "", seconds: int = 0) -> PastStep:
    """A step as the ledger gives it back: rows went through JSON."""
    change, ended = of.change, state in (StepState.DONE, StepState.FAILED, StepState.SKIPPED)
    began = MADE.astimezone(UTC) + timedelta(seconds=seconds)
    return PastStep(
        seq=seq,
        owner=change.owner,
        id=of.id,
        system=change.system,
        kind=change.kind,
        action=change.action,
        key=change.key,
        stage=of.stage,
        before=json.loads(value_text(change.kind, change.before)) if change.before else None,
        after=json.loads(value_text(change.kind, change.after)) if change.after else None,
        origin="state/mailboxes.yaml:14 (9f3c21a, Klaus Beispiel)" if change.owner.scope is Scope.ACCOUNT else "",
        counted=Effect.CHANGE,
        state=state,
        began=began if ended or state is StepState.BEGUN else None,
        ended=began + timedelta(milliseconds=300) if ended else None,
        message=message,
        hint=hint,
    )


def past_run(number: int = 12, state: RunState = RunState.INTERRUPTED, *, steps: bool = True) -> PastRun:
    """A rename that died while the old mailbox was attached, after an alias was changed."""
    listed = [*rename().steps, *changed_alias().steps]
    attaching = next(n for n, step in enumerate(listed) if step.change.kind == "attachment")
    past = [
        past_step(n, step, StepState.DONE if n < attaching else StepState.PENDING, seconds=n)
        for n, step in enumerate(listed)
    ]
    past[0] = past_step(0, listed[0], StepState.SKIPPED, "in place already")
    past[attaching] = past_step(attaching, listed[attaching], StepState.BEGUN, seconds=attaching)
    past[-1] = past_step(len(listed) - 1, listed[-1], StepState.FAILED, "somebody changed it meanwhile", "plan again")
    started = MADE.astimezone(UTC) + timedelta(days=number - 12)
    finished = None if state in (RunState.RUNNING, RunState.INTERRUPTED) else started + timedelta(seconds=6)
    counts = {StepState.DONE: len(past)} if state is RunState.DONE else Counter(step.state for step in past)
    kept = tuple(past) if steps else ()
    seal = plan([rename()]).digest
    return PastRun(
        number, "nrw", seal, "9f3c21a", "technik", "mail.example", 4711, started, finished, state, counts, kept
    )


PAST_RUNS = (
    past_run(14, RunState.RUNNING, steps=False),
    past_run(13, RunState.DONE, steps=False),
    past_run(12, RunState.INTERRUPTED, steps=False),
    past_run(9, RunState.PARTLY, steps=False),
)


FINDINGS = (
    Finding(
        Severity.ERROR,
        "quota",
        f"bernd.neu@{DOMAIN}",
        "'10 GB' is not a quota",
        "write whole megabytes like `10240 MB`, or `unlimited`",
        Place("state/mailboxes.yaml", 27, 12),
    ),
    Finding(Severity.ERROR, "yaml", "", "a tab where spaces must be", "", Place("state/aliases.yaml", 14, 3)),
    Finding(
        Severity.WARNING,
        "dangling-alias",
        f"presse@{DOMAIN}",
        f"presse@{DOMAIN} leads to nobody@{DOMAIN}, which is not declared",
        "declare it, or check that it is live",
        Place("state/aliases.yaml", 7, 11),
    ),
    Finding(Severity.NOTE, "folder", "state", "no block is declared"),
)

ADDRESS_FACTS = AddressFacts(
    "10042",
    (
        Fact(
            "declared",
            "mailbox",
            f"anna.beispiel@{DOMAIN}",
            "mailbox of Anna Beispiel, member 10042",
            Place("state/mailboxes.yaml", 14, 3),
        ),
        Fact("postfixadmin", "alias", f"10042@{DOMAIN}", f"leads to anna.beispiel@{DOMAIN}, active"),
        Fact("letters", "member", "10042", "Anna Beispiel, active in the register"),
    ),
    {"openxchange": "no answer from mail.example within 30 s"},
)
