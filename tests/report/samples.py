"""Plans, runs, findings and sightings built by hand: what the golden files and the other report tests show.

All names are placeholders. Rows are as the systems make them: an updated row is the found one with fields replaced.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta, timezone

from reconciler.model.places import Place
from reconciler.model.records import (
    NAME_OF,
    AliasRole,
    AliasRow,
    BlockRow,
    LetterRow,
    MailboxRow,
    Owner,
    OxUserRow,
    PasswordRow,
    Row,
    Scope,
    WelcomeMailRow,
)
from reconciler.planning.changes import Action, Change, Outcome, Result, Stage, Step
from reconciler.planning.findings import Finding, Severity
from reconciler.planning.lookup import Sighting, SightingFact
from reconciler.planning.plan import Counts, Plan, Read, digest
from reconciler.planning.run import Run, TransitionRun
from reconciler.planning.transitions import Transition

MADE = datetime(2026, 11, 22, 10, 58, 3, tzinfo=timezone(timedelta(hours=1)))
DOMAIN = "pirat.alt"
PRIVATE = "bernd.privat@extern.example"
"""The register address of a member: must be in no report."""

_SYSTEM = {
    MailboxRow: ("postfixadmin", Stage.MAIL_FLOW),
    AliasRow: ("postfixadmin", Stage.MAIL_FLOW),
    PasswordRow: ("postfixadmin", Stage.MAIL_FLOW),
    OxUserRow: ("openxchange", Stage.GROUPWARE),
    BlockRow: ("postfix", Stage.FILTER),
    LetterRow: ("letters", Stage.LETTER),
    WelcomeMailRow: ("postfixadmin", Stage.WELCOME),
}


def change(owner: Owner, before: Row | None, after: Row | None) -> Change:
    """A change in the system that holds such rows."""
    row = after if after is not None else before
    assert row is not None
    action = Action.CREATE if before is None else Action.DELETE if after is None else Action.UPDATE
    return Change(_SYSTEM[type(row)][0], NAME_OF[type(row)], action, row.key, before, after, owner)


def transition(
    owner: Owner,
    *rows: tuple[Row | None, Row | None],
    reason: str = "",
    place: Place | None = None,
    refused: tuple[str, ...] = (),
) -> Transition:
    """A transition of some (before, after) rows, one step each, in the order of the stages."""
    changes = tuple(change(owner, before, after) for before, after in rows)
    steps = sorted((Step(c, _SYSTEM[type(c.row)][1]) for c in changes), key=lambda step: step.stage)
    return Transition(owner, changes, tuple(steps), reason, place, refused)


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
        alias(address, address, role=AliasRole.TWIN),
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
    twin = alias(address, address)
    return transition(
        account("anna.beispiel"),
        (old, new),
        (twin, twin._replace(active=False)),
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
    Read("postfix", "mail.example hash:/etc/postfix/maps/sender_access", {"block": 12, "hand_line": 3}),
)
OX_UNKNOWN = Read("openxchange", "mail.example context 1", {}, "no answer from mail.example within 30 s")
COUNTS = Counts(
    {"mailbox": 412, "alias": 850, "ox_user": 410, "block": 11, "password": 0}, {"mailbox": 5, "alias": 3, "block": 0}
)


def plan(
    transitions: Iterable[Transition] = (),
    findings: Iterable[Finding] = (),
    reads: tuple[Read, ...] = READS,
    counts: Counts = COUNTS,
) -> Plan:
    """A plan of the site nrw."""
    listed = tuple(transitions)
    seal = digest("nrw", "9f3c21a", {read.system: read.target for read in reads}, listed)
    return Plan("nrw", "9f3c21a", MADE, listed, tuple(findings), reads, counts, seal)


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
        Severity.WAIT, "unknown-system", owner.subject, message, "run the same command again later", owner=owner
    )


NOTE = Finding(
    Severity.NOTE,
    "expired-block",
    "spam@example.net",
    "the block of spam@example.net expired on 2026-11-01",
    "take the entry out",
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


def half_run() -> Run:
    """The letters' server refuses Bernd's letter and repeats his private address; the last transition is not begun."""
    return ended(
        busy(),
        f"letters/letter/create/bernd.neu@{DOMAIN}",
        f"550 5.1.1 <{PRIVATE.upper()}>: no such user",
        f"ask the member administration whether {PRIVATE} is right",
        last=False,
        interrupted=True,
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

SIGHTING = Sighting(
    "10042",
    (
        SightingFact(
            "declared",
            "mailbox",
            f"anna.beispiel@{DOMAIN}",
            "mailbox of Anna Beispiel, member 10042",
            Place("state/mailboxes.yaml", 14, 3),
        ),
        SightingFact("postfixadmin", "alias", f"10042@{DOMAIN}", f"leads to anna.beispiel@{DOMAIN}, active"),
        SightingFact("letters", "member", "10042", "Anna Beispiel, active in the register"),
    ),
    {"openxchange": "no answer from mail.example within 30 s"},
)
