"""`report --mask`: no name, address or number of anybody is in any report that is written from a masked document."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from reconciler.errors import StalePlan
from reconciler.model.records import AliasRole, LetterRow, Row
from reconciler.model.source_places import Place
from reconciler.planning.finding import Finding, Severity, StateEntry
from reconciler.planning.plan import Plan, Read
from reconciler.planning.review_facts import Base, Cause, Direction, Healed, LiveChange, SiteChange
from reconciler.report.documents.html import html_report
from reconciler.report.documents.markdown import markdown_report
from reconciler.report.documents.mask import masked
from reconciler.report.json import findings_document, plan_document, run_document
from reconciler.report.json_models import FindingsDocument, RunDocument
from reconciler.report.json_part import Part
from reconciler.report.json_plan_models import PlanDocument
from reconciler.report.read_document import Document, read_document, read_plan
from tests import known_words
from tests.report import samples

KEY = b"a key of this test alone, 32 by."
NAMES = st.text(st.characters(categories=["Ll"], max_codepoint=0x24F), min_size=4, max_size=12).map(str.capitalize)
NUMBERS = st.integers(10_000, 99_999_999).map(str)


def about(given: str, surname: str, number: str) -> Plan:
    """A plan in which everything that can name somebody names this person."""
    local = f"{given}.{surname}".casefold()
    address, whole = f"{local}@{samples.DOMAIN}", f"{given} {surname}"
    owner = samples.account(local)
    rows: list[tuple[Row | None, Row | None]] = [
        (samples.mailbox(address, whole), samples.mailbox(address, f"{whole} ehem. {surname}")),
        (None, samples.alias(f"{number}@{samples.DOMAIN}", address, role=AliasRole.MEMBER)),
        (None, samples.ox_user(address, whole, aliases=(f"{number}@{samples.DOMAIN}",))),
        (None, LetterRow(address, address, number, samples.PRIVATE)),
    ]
    reason = (
        f"{whole} ({number}) asked for it: {surname} is {given}, see mail of {address}, {local} and {surname}-{given}"
    )
    place = Place(f"state/{local}.yaml", 3, 1, "9f3c21a", whole)
    line = replace(
        samples.transition(owner, *rows, reason=reason, place=place),
        cause=Cause.WAITING,
        direction=Direction.DRIFT,
        since=samples.MADE,
        by=(LiveChange("postfixadmin", samples.MADE, f"admin.{local}@{samples.DOMAIN}", f"edit_alias {address}"),),
        meaning=(f"mail to {number}@ reaches {whole}",),
    )
    said = f'{address}: {whole}, member {number}, is not "{surname}" (number {number}) but {given}\'s {local}'
    entry = StateEntry("confirm", f'{{gate: register, subject: {address}, reason: "{whole}"}}')
    finding = Finding(Severity.WARNING, "register", address, said, said, place, owner, (entry,))
    reads = (*samples.READS[:1], Read("openxchange", f"{local}.example", {}, said, said))
    made = samples.plan([line], [finding], reads, gates=(f"removals of {samples.DOMAIN}: 1 of at most 1000 ✓",))
    base = Base("origin/main", "4e1d77c", True, "", (SiteChange(f"{local}.j2", said),))
    policy = {f"limits.{local}.example": address, "protected.accounts": whole}
    healed = (Healed(owner, samples.MADE),)
    return replace(made, base=base, only=(address,), policy=policy, healed=healed, taken_back=(line,))


def documents(plan: Plan, said: str) -> Iterator[Document]:
    yield plan_document(plan)
    yield run_document(samples.ended(plan, "mailbox", said, said))
    yield findings_document(plan.findings)


NOBODY = [masked(d, KEY) for d in documents(samples.plan([samples.block()]), "")]
COMMON = "".join([*map(Part.model_dump_json, NOBODY), html_report(NOBODY), *known_words.words()]).casefold()


DRAWN = re.compile(r"\b(?:[0-9a-f]{64}|[an]-[a-z2-7]{8}|d-[a-z2-7]{5}|id-[a-z2-7]{12})\b")
"""Digests and tokens, which spell short names by chance."""


def leaks(text: str, secrets: list[str]) -> list[str]:
    """Which of these stand in the text, as words or as parts of one."""
    told = DRAWN.sub("", text).casefold()
    return [secret for secret in secrets if secret.casefold() in told]


@settings(max_examples=15, deadline=None, phases=[Phase.generate])
@given(NAMES, NAMES, NUMBERS)
def test_nobody_is_named_in_any_report(given: str, surname: str, number: str) -> None:
    plan = about(given, surname, number)
    # a name such as "mail" cannot be told from the word
    secrets = [name for name in (given, surname) if name.casefold() not in COMMON]
    for document in documents(plan, f"550 <{given}.{surname}@{samples.DOMAIN}>: no {surname}, {number}"):
        hidden = masked(document, KEY)
        page = re.sub("<style>.*?</style>", "", html_report([hidden]), flags=re.DOTALL)
        for text in (hidden.model_dump_json(), markdown_report([hidden]), page):
            assert leaks(text, [*secrets, samples.DOMAIN]) == []
            assert not re.search(rf"(?<![0-9a-z]){number}(?![0-9a-z])", text)


def test_the_same_is_the_same_in_all_documents_under_one_key() -> None:
    plan, run = plan_document(samples.busy()), run_document(samples.half_run())
    one, two = masked(plan, KEY), masked(run, KEY)
    assert isinstance(one, PlanDocument)
    assert isinstance(two, RunDocument)
    subjects = {t.id: t.subject for t in one.transitions}
    assert len(subjects) == len(plan.transitions)
    assert {t.id for t in two.transitions} <= subjects.keys()
    assert {f.owner for f in one.findings if f.owner} <= subjects.keys()
    other = masked(plan, b"another key of this test alone..")
    assert isinstance(other, PlanDocument)
    assert not subjects.keys() & {t.id for t in other.transitions}


def test_a_masked_plan_says_so_and_is_never_applied() -> None:
    hidden = masked(plan_document(samples.merging()), KEY)
    assert hidden.masked
    assert "names and addresses are masked" in markdown_report([hidden])
    assert "<dt>names</dt><dd>masked</dd>" in html_report([hidden])
    assert read_document(hidden.model_dump_json(by_alias=True)) == hidden
    with pytest.raises(StalePlan):
        read_plan(hidden.model_dump_json(by_alias=True))


def test_what_a_reviewer_needs_is_still_there() -> None:
    text = markdown_report([masked(plan_document(samples.merging()), KEY)])
    for said in (
        "do not merge yet**, changes where reconciler connects, whom it trusts or what it sends, 1 refused",
        "the register has no member",
        "account removed for good: mailbox 10240 MB",
        "DELETED with all its data",
        "new mailbox",
        "state/mailboxes.yaml:14",
        "2026-11-19 10:58 +0100",
        "removals: 2 of at most 4 (412 accounts, 24 h) ✓",
        "OX user",
        "`git rebase origin/main`",
    ):
        assert said in text


def test_numbers_that_count_stay_in_german_too() -> None:
    said = Finding(Severity.NOTE, "domain-off", "x", "die 300 Postfächer und 412 Konten von Mitglied 10042")
    hidden = masked(findings_document([said]), KEY)
    assert isinstance(hidden, FindingsDocument)
    (part,) = hidden.findings
    assert part.message.startswith("die 300 Postfächer und 412 Konten von Mitglied ")
    assert "10042" not in part.message


def test_hashes_cannot_be_tried_either() -> None:
    """Whoever knows all of a plan but a name could hash each name until the digest fits."""
    plan = plan_document(samples.merging())
    hidden = masked(plan, KEY)
    assert isinstance(hidden, PlanDocument)
    text = hidden.model_dump_json()
    for known in (plan.digest, plan.checksum, *(t.fingerprint for t in plan.transitions)):
        assert known not in text


def test_a_short_key_is_refused() -> None:
    with pytest.raises(ValueError, match="16 are the least"):
        masked(plan_document(samples.plan()), b"secret")


def test_the_words_of_reports_are_known() -> None:
    """One that is missing is masked; when many are, run `make pages`."""
    listed = set(known_words.LIST.read_text(encoding="utf-8").split())
    missing = sorted(set(known_words.words()) - listed)
    assert len(missing) < 60, missing
