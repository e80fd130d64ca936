"""What `reconciler show` knows about an address: the values, and their text and Markdown. JSON is in `json`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from reconciler.model.record_kinds import noun
from reconciler.model.source_places import Place
from reconciler.planning.mail_flow_before_after import FlowChange
from reconciler.report.mail_flow_text import reached
from reconciler.report.sanitize import markdown
from reconciler.report.terminal_page import Page, column_of
from reconciler.report.truncation import BoundedText
from reconciler.translation import marked, tr, tr_number


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that is known. `system` is `declared` or a system's name; `missing` is declared and not live."""

    system: str
    kind: str
    subject: str
    text: str
    place: Place | None = None
    missing: bool = False

    @property
    def description(self) -> str:
        """The text; of what is missing with what it is about."""
        return f"{noun(self.kind)} {self.text}" if self.missing else self.text


@dataclass(frozen=True, slots=True)
class AddressFacts:
    """All that is known about what was asked; `unknown` names the systems that could not be read, with the reason, and
    `hints` what to do about that."""

    asked: str
    facts: tuple[Fact, ...]
    unknown: Mapping[str, str]
    hints: Mapping[str, str] = field(default_factory=dict)
    flow: tuple[FlowChange, ...] = ()
    """Where mail goes now and after the plan: to the address, or to each that has the local part and a row."""

    @property
    def tally(self) -> str:
        if self.facts:
            number = tr_number("{number} thing known", "{number} things known", len(self.facts))
            return f"{self.asked}: {number}"
        if self.unknown:
            return f"{self.asked}: " + tr("nothing is declared, and nothing was found where it could be looked")
        return f"{self.asked}: " + tr("nothing is declared, and nothing was found")

    def going(self) -> Iterator[tuple[str, str]]:
        """(address, where mail to it goes now and after the plan)"""
        for change in self.flow:
            now, then = reached(change.before, change.address), reached(change.after, change.address)
            if now == then:
                yield change.address, tr("{now}, now and after the plan", now=now)
            else:
                yield change.address, tr("now {now}; after the plan {then}", now=now, then=then)

    def unread(self) -> Iterator[tuple[str, str, str]]:
        """(system, why it could not be read, what to do about that)"""
        for name, reason in sorted(self.unknown.items()):
            yield name, reason, self.hints.get(name, "")


_GOING = marked("where mail goes:")


def address_facts_text(known: AddressFacts, *, width: int, color: bool) -> str:
    """Everything that is declared and live about what was asked."""
    page = Page(width, color=color)
    page.row((known.tally, "bold"))
    subjects = [*(fact.subject for fact in known.facts), *(change.address for change in known.flow)]
    column = column_of(subjects, width)
    system = ""
    for fact in known.facts:
        if fact.system != system:
            system = fact.system
            page.heading((system, "bold"))
        mark = ("✗", "bold yellow") if fact.missing else ("·", "dim")
        page.entry(mark, fact.subject, [(fact.description, "")], column, str(fact.place or ""))
    if known.flow:
        page.heading((tr(_GOING), "bold"))
    for address, description in known.going():
        page.entry(("⇢", "dim"), address, [(description, "")], column)
    if known.unknown:
        page.blank()
    for name, reason, hint in known.unread():
        page.row((f"✗ {_not_read(name)}: {reason}; {tr(_NOT_KNOWN)}", "bold red"), indent=2)
        if hint:
            page.row((f"→ {hint}", ""), indent=4)
    return page.render()


def address_facts_markdown(known: AddressFacts) -> str:
    """Everything that is declared and live about what was asked."""
    foot = [
        f"**✗ {markdown(_not_read(name))}**: {markdown(reason)}; {tr(_NOT_KNOWN)}"
        + (f"  \n→ {markdown(hint)}" if hint else "")
        for name, reason, hint in known.unread()
    ]
    text = BoundedText(head=[f"**{markdown(known.tally)}**"], foot=foot)
    heads = " | ".join((tr("where"), tr("what"), tr("is"), tr("declared at")))
    text.add_block((f"| {heads} |", "|---|---|---|---|"), known.facts, _fact_row, cut=_more_things)
    going, start = list(known.going()), (f"**{tr(_GOING)}**", "")
    text.add_block(start, going, _going_item, cut=_more_addresses)
    return text.render()


def _not_read(system: str) -> str:
    return tr("{system} could not be read", system=system)


_NOT_KNOWN = marked("what it holds is not known")


def _more_things(number: int) -> str:
    return "\n" + tr_number("… and {number} more thing.", "… and {number} more things.", number)


def _more_addresses(number: int) -> str:
    return "\n" + tr_number("… and {number} more address.", "… and {number} more addresses.", number)


def _going_item(going: tuple[str, str]) -> str:
    return f"- {markdown(going[0])}: {markdown(going[1])}"


def _fact_row(fact: Fact) -> str:
    description = ("✗ " if fact.missing else "") + fact.description
    place = markdown(str(fact.place or ""))
    return f"| {markdown(fact.system)} | {markdown(fact.subject, 120)} | {markdown(description)} | {place} |"
