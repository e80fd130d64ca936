"""Gates about where aliases lead."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from functools import cached_property

from reconciler.model.addresses import CATCH_ALL, Address, domain_of, local_part, without_extension
from reconciler.model.declared import leading, member_numbers
from reconciler.model.records import AliasDomainRow, AliasRow, DomainRow, MailboxRow, Owner, Scope
from reconciler.planning.changes import Action
from reconciler.planning.finding import Finding, Severity
from reconciler.planning.snapshot import DELIMITER, USUAL_DELIMITER
from reconciler.planning.transitions import Transition
from reconciler.policy.gate_context import GateContext
from reconciler.policy.wording import about, refusal
from reconciler.translation import marked, tr


def dangling_alias(context: GateContext) -> Iterator[Finding]:
    """A target in one of our domains that is neither live nor made by this plan would bounce; so would the mail of a
    declared alias whose target this plan removes."""
    if context.snapshot.rows(DomainRow) is None:
        return
    reach, written, found = Reach(context), list(_written(context)), True
    while found:  # an alias that is stopped may be the target of another one
        found = False
        for transition, row in written:
            lost = [] if transition.owner in reach.judged else [t for t in row.goto if reach.bounces(t)]
            if lost:
                found = True
                yield reach.stop(transition, row, lost)
    yield from _removed_targets(context, reach)


def sub_addresses(context: GateContext) -> Iterator[Finding]:
    """Declared aliases that lead to `anna+box@` where nothing but `anna@` is: whether that arrives is a setting of
    Postfix. With one that is known not to take it, what is written is refused as dangling; what is live already is
    named here, and so is what is written while the setting is not known."""
    known = context.snapshot.known_delimiter
    if context.snapshot.rows(DomainRow) is None or (known is not None and USUAL_DELIMITER in known):
        return
    reach, written = Reach(context), {transition.owner for transition, _ in _written(context)}
    for alias in context.desired.aliases.values():
        if USUAL_DELIMITER not in " ".join(alias.goto):
            continue  # nearly every one
        owner = Owner(Scope.ALIAS, alias.address)
        if owner in context.stopped or not alias.active or (owner in written) is not (known is None):
            continue
        for target in alias.goto:
            base, extension = without_extension(target, USUAL_DELIMITER)
            if not extension or reach.has(target) or not reach.has(base):
                continue
            place = context.locate(alias.origin)
            if known is None:
                message = tr(
                    "{address} leads to {target}, which arrives at {base} only where Postfix has `{setting}`",
                    address=alias.address,
                    target=target,
                    base=base,
                    setting=_SETTING,
                )
                hint = tr(
                    "Postfix was not asked: `postconf {parameter}` on the mail host shows it; else write {base}",
                    parameter=DELIMITER,
                    base=base,
                )
                yield Finding(Severity.NOTE, "sub-address", alias.address, message, hint, place, owner)
            elif reach.bounces(target):
                message = tr(
                    "{address} leads to {target}, and mail to it comes back: {why}",
                    address=alias.address,
                    target=target,
                    why=_no_sub_addresses(),
                )
                yield Finding(Severity.WARNING, "sub-address", alias.address, message, _use_base(base), place, owner)


_SETTING = f"{DELIMITER} = {USUAL_DELIMITER}"


def _no_sub_addresses() -> str:
    return tr(
        "`{sign}` is not in Postfix' `{parameter}`, so sub-addresses do not work",
        sign=USUAL_DELIMITER,
        parameter=DELIMITER,
    )


def _use_base(base: str) -> str:
    return tr("write {base}, or set `{setting}` in Postfix' main.cf and reload it", base=base, setting=_SETTING)


def _removed_targets(context: GateContext, reach: Reach) -> Iterator[Finding]:
    going = {t.owner.subject: t for t in context.transitions if t.owner in reach.going}
    aliases = leading(context.desired.aliases, going, context.snapshot.delimiter) if going else {}
    for alias in aliases.values():
        for target in alias.goto:
            lost = next((form for form in reach.forms(target) if form in going), None)
            if lost is not None and reach.bounces(target):
                if lost == target:
                    sentence = marked("{lost} would be removed, but {address} leads to it: its mail would bounce")
                else:
                    sentence = marked("{lost} would be removed, but {address} leads to {target}: its mail would bounce")
                message = tr(sentence, lost=lost, address=alias.address, target=target)
                hint = tr(
                    "remove {target} from the targets of {address} first, or declare {lost} again",
                    target=target,
                    address=alias.address,
                    lost=lost,
                )
                yield refusal(going.pop(lost), "dangling-alias", message, hint)


class Reach:
    """Which addresses lead somewhere once the plan is applied, given what is stopped."""

    def __init__(self, context: GateContext) -> None:
        self.judged = set(context.stopped)
        self._context = context
        self._stopped = dict(context.stopped)
        self._desired = context.desired
        self._live_domains = context.live(DomainRow).keys()
        aliases = (t for t in context.transitions if t.owner.scope is Scope.ALIAS and t.action is Action.DELETE)
        self.going = {t.owner for t in aliases} - context.stopped.keys()
        self._alias_domains = context.live(AliasDomainRow)

    # most plans of a big site never ask for these
    @cached_property
    def _declared(self) -> Set[str]:
        return self._desired.domains

    @cached_property
    def _live(self) -> Set[str]:
        live = {*self._context.live(MailboxRow), *self._context.live(AliasRow)}
        return live - {owner.subject for owner in self.going}

    @cached_property
    def _members(self) -> Mapping[str, Address]:
        return member_numbers(self._desired.mailboxes)

    def forms(self, target: str) -> tuple[str, ...]:
        """The addresses that mail to `target` may arrive at: itself, and without what Postfix takes for its
        extension."""
        return tuple(dict.fromkeys((target, without_extension(target, self._context.snapshot.delimiter)[0])))

    def bounces(self, target: str) -> bool:
        """Whether mail to `target` gets nowhere: no row of its own or without its extension, no catch-all, no alias
        domain."""
        domain = domain_of(target)
        ours = domain in self._live_domains or domain in self._declared
        return ours and not any(map(self.has, (*self.forms(target), f"{CATCH_ALL}@{domain}")))

    def has(self, address: str) -> bool:
        """Whether there is or will be a row for this very address, or in the domain that its own is an alias of."""
        linked = self._alias_domains.get(domain_of(address))
        others = () if linked is None else (f"{local}@{linked.target}" for local in (local_part(address), CATCH_ALL))
        return any(each in self._live or self._made(each) is not None for each in (address, *others))

    def stop(self, transition: Transition, row: AliasRow, lost: list[str]) -> Finding:
        """Refuses the alias, or lets it wait when all that it misses only waits."""
        severity = self._severity(lost)
        self.judged.add(transition.owner)
        if self._context.confirmation(_RULE, transition.owner.subject) is None:
            self._stopped[transition.owner] = severity
        if any(self._maker_for(target) is not None for target in lost):
            message = tr(
                "{address} leads to {targets}, which this plan does not make: its mail would bounce",
                address=row.key,
                targets=", ".join(lost),
            )
            hint = tr("fix {target} first; the alias is then applied too", target=", ".join(lost))
        else:
            message = tr(
                "{address} leads to {targets}, which is neither declared nor live: its mail would bounce",
                address=row.key,
                targets=", ".join(lost),
            )
            hint = tr("correct the target, or declare it under `mailboxes:` or `aliases:`")
            parts = (without_extension(target, USUAL_DELIMITER) for target in lost)
            if base := next((base for base, extension in parts if extension and self.has(base)), None):
                message, hint = f"{message}; {_no_sub_addresses()}", _use_base(base)
        return about(transition, severity, _RULE, message, hint)

    def _severity(self, lost: list[str]) -> Severity:
        """What weighs most of that which stops the makers of the targets; a target without a maker is refused."""
        makers = [self._maker_for(target) for target in lost]
        stops = {Severity.REFUSAL if maker is None else self._stopped[maker] for maker in makers}
        return next(s for s in (Severity.REFUSAL, Severity.WAIT, Severity.LATER) if s in stops)

    def _maker_for(self, target: str) -> Owner | None:
        return next((maker for form in self.forms(target) if (maker := self._maker(form)) is not None), None)

    def _made(self, address: str) -> Owner | None:
        """The owner that makes this address in this plan, unless it is stopped."""
        maker = self._maker(address)
        return None if maker in self._stopped else maker

    def _maker(self, address: str) -> Owner | None:
        """The owner whose declaration this address is; a former address is its account's."""
        if address in self._desired.aliases:
            return Owner(Scope.ALIAS, address)
        account = self._members.get(local_part(address))
        if account is None or domain_of(account) != domain_of(address):
            account = Address(self._context.chains.of(address))
        return Owner(Scope.ACCOUNT, account) if account in self._desired.mailboxes else None


_RULE = "dangling-alias"


def _written(context: GateContext) -> Iterator[tuple[Transition, AliasRow]]:
    return ((transition, row) for transition, _, row in context.changes(AliasRow, Scope.ALIAS) if row is not None)
