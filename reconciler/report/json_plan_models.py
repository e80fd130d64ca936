"""The document of a plan, `plan.json`: it is saved, reviewed, given to `apply`, and every report is written from it."""

from __future__ import annotations

from datetime import date
from hashlib import sha256
from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from reconciler.report.json_part import (
    VERSION,
    CauseWord,
    ExitStatus,
    FindingPart,
    LanguageWord,
    Numbers,
    Part,
    PlacePart,
    Row,
    ScopeWord,
    String,
    Version,
)


class ChangePart(Part):
    """One record of one system before and after; null where there is none. `former_key` is the key that a renamed one
    had, empty for others."""

    system: String
    kind: String
    action: Literal["create", "update", "rename", "delete"]
    key: String
    former_key: String
    before: Row | None
    after: Row | None


class StepPart(Part):
    """One effect; smaller stages come first. `text` says it in words: `postfix: create block example.org`; `label` is
    what it is about."""

    id: String
    system: String
    stage: int
    label: String
    text: String


class DeclaredPart(Part):
    """What git says of the subject in one section; not where, since lines move."""

    section: String
    fields: Row


class LiveChangePart(Part):
    """Who changed something by hand, when and how, as far as a system remembers: `edit_alias` of PostfixAdmin's log."""

    system: String
    when: AwareDatetime
    who: String
    action: String


class TransitionPart(Part):
    """Everything that happens to one account, alias or sender block; `refused` names the rules that stop it. `effect`
    is what the limits count it as, `irreversible` says that nothing brings back what goes; `declared` is what git says
    of it. `reason` is git's, or of an account that was half-made what was missing and why. `title` is the subject, of a
    renamed account with the address that it leaves; `attention` says why to look closer. `fingerprint` is a SHA-256
    over what would be done and why: two plans that would do the same to it have the same one.

    `cause` says what brings it into a plan that is compared with a base. `direction` says which side moved since the
    last run: git (`pending`), the live systems (`drift`) or both (`conflict`); empty where no ledger remembers. `since`
    is when that was first seen, `by` who did it, `meaning` what it means for mail."""

    id: String
    scope: ScopeWord
    subject: String
    action: Literal["create", "update", "rename", "delete"]
    effect: Literal["removal", "change", "creation"]
    irreversible: bool
    title: String
    summary: String
    attention: tuple[String, ...]
    reason: String
    fingerprint: Annotated[String, Field(pattern="^[0-9a-f]{64}$")]
    cause: CauseWord = ""
    direction: Literal["", "pending", "drift", "conflict"] = ""
    since: AwareDatetime | None = None
    by: tuple[LiveChangePart, ...] = ()
    meaning: tuple[String, ...] = ()
    place: PlacePart | None
    refused: tuple[String, ...]
    declared: tuple[DeclaredPart, ...]
    changes: tuple[ChangePart, ...]
    steps: tuple[StepPart, ...]


class ReadPart(Part):
    """How one system was read: records by kind, and why it is unknown when it could not be read, and
    what to do about that (else empty)."""

    system: String
    target: String
    rows: Numbers
    unknown: String
    hint: String


class CountsPart(Part):
    """Transitions by action, those that apply would carry out, and records that stay as they are by kind; `removals`
    are accounts and aliases that go, `irreversible` the transitions that nothing brings back; `adopted` counts those in
    place that become ours with the next apply."""

    create: int
    update: int
    rename: int
    delete: int
    removals: int
    irreversible: int
    open: int
    in_place: Numbers
    unmanaged: Numbers
    adopted: Numbers


class DeliveryPart(Part):
    """What becomes of mail to an address: accounts whose mailboxes get it, addresses outside, vacation tokens that
    answer, and where it comes back or goes round."""

    mailboxes: tuple[String, ...]
    external: tuple[String, ...]
    answers: tuple[String, ...]
    bounces: tuple[String, ...]
    loops: tuple[String, ...]


class FlowPart(Part):
    """An address whose mail goes elsewhere once the plan is carried out."""

    address: String
    before: DeliveryPart
    after: DeliveryPart


class SiteChangePart(Part):
    """A file that decides where the tool connects or what it sends (site file, host keys, templates), which the merge
    request changes. The plan was made with that of the base."""

    file: String
    what: String


class BasePart(Part):
    """What the plan is compared with. `contained` says whether the declared state has all of it, null where git does
    not know (a shallow clone); `fetch` is the command that would tell. `yaml_changed`: a YAML file of the repository
    differs, also where nothing is to be done."""

    ref: String
    commit: String
    contained: bool | None
    fetch: String
    site_changes: tuple[SiteChangePart, ...]
    yaml_changed: bool = False


class HealedPart(Part):
    """Drift that an earlier run found and that is gone without `apply`."""

    id: String
    scope: ScopeWord
    subject: String
    since: AwareDatetime


class ConfirmedPart(Part):
    """The entry of the state that lifts a limit."""

    until: date
    reason: String
    place: PlacePart


class LimitPart(Part):
    """How much of one effect a shard plans, in one domain or over all (`subject` is the site's name then): the names of
    what counts. All else is of the whole site: what was done in the last `hours`, how many accounts are managed, and
    the limit of the site file."""

    effect: Literal["removal", "change", "creation"]
    subject: String
    over_all: bool
    planned: tuple[String, ...]
    recent: int
    managed: int
    hours: int
    share: float | None
    at_least: int | None
    number: int
    confirmed: ConfirmedPart | None
    cause: CauseWord
    place: int


class ShardPart(Part):
    """Which of `total` shards a plan is: together they make it, once limits are judged over their sum. `today` is the
    day of the plan, `state` a SHA-256 over what decides which shard something is in. `places`: where its findings are
    among all of the plan, as far as they have a place."""

    number: int
    total: int
    today: date
    state: Annotated[String, Field(pattern="^[0-9a-f]{64}$")]
    limits: tuple[LimitPart, ...]
    places: tuple[int, ...]


class PlanDocument(Part):
    """A plan, in the order in which it is shown: dangerous first. `digest` is over what it is bound to: two plans that
    would do the same for the same reason have the same one. `checksum` is over the rest of this document: one that was
    changed after it was made is not applied. `only` names what the plan is about where that is not the whole site.
    `taken_back` is what the base would do and the merge request takes out of git. `status` is the exit status of the
    command that made it, 4 also where that was told to end with 0 then."""

    schema_: Literal["plan.schema.json"] = Field(default="plan.schema.json", alias="$schema")
    version: Version = VERSION
    site: String
    digest: Annotated[String, Field(pattern="^[0-9a-f]{64}$")]
    checksum: Annotated[String, Field(pattern="^[0-9a-f]{64}$")]
    purpose: Literal["plan", "drift"]
    status: ExitStatus
    language: LanguageWord
    commit: String
    base: BasePart | None
    only: tuple[String, ...]
    shard: Annotated[
        ShardPart | None,
        Field(description="Which shard it is; null for a whole plan. A shard alone is neither applied nor commented."),
    ] = None
    made: AwareDatetime
    reviewed: Annotated[
        AwareDatetime | None,
        Field(description="Of what `apply --reviewed` carried out: when the newest plan was made that was reviewed."),
    ] = None
    transitions: tuple[TransitionPart, ...]
    taken_back: tuple[TransitionPart, ...]
    healed: tuple[HealedPart, ...]
    findings: tuple[FindingPart, ...]
    reads: tuple[ReadPart, ...]
    counts: CountsPart
    flow: tuple[FlowPart, ...] = ()
    policy: Annotated[dict[String, String], Field(description="The configuration of the gates.")]
    gates: Annotated[tuple[String, ...], Field(description="What the gates looked at, for people.")]
    masked: Annotated[bool, Field(description="Whether names and addresses were replaced; then it is not applied.")] = (
        False
    )

    def with_checksum(self) -> PlanDocument:
        """The same with its checksum."""
        return self.model_copy(update={"checksum": self._sum()})

    @property
    def whole(self) -> bool:
        """Whether it is as it was made."""
        return self.checksum == self._sum()

    def _sum(self) -> str:
        # in the order of the models and without white space, so that a program that only formats it changes nothing
        return sha256(self.model_dump_json(by_alias=True, exclude={"checksum"}).encode("utf-8")).hexdigest()
