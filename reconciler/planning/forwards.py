"""Where users forward their mail: addresses elsewhere are theirs alone, so reports count them. Pure.

Declared targets of aliases stand in git and are named everywhere; `--verbose` names all others, too.
"""

from __future__ import annotations

from collections.abc import Collection, Container, Iterable, Sequence

from reconciler.model.addresses import domain_of, local_part
from reconciler.model.records import AliasRow, Scope
from reconciler.planning.changes import Change
from reconciler.translation import tr_number


def elsewhere(targets: Iterable[str], domains: Collection[str]) -> frozenset[str]:
    """Those outside of these domains. A vacation's token (`anna#mail.example@…`, facts/postfixadmin.md 7) is no
    address of anybody."""
    return frozenset(t for t in targets if domain_of(t).lower() not in domains and not _is_token(t, domains))


def _is_token(target: str, domains: Collection[str]) -> bool:
    name, mark, domain = local_part(target).rpartition("#")
    return bool(mark and name and domain.lower() in domains)


def targets_of(changes: Iterable[Change]) -> Iterable[str]:
    """Where the aliases among them lead, before and after."""
    rows = (row for change in changes for row in (change.before, change.after) if isinstance(row, AliasRow))
    return (target for row in rows for target in row.goto)


def declared_targets(changes: Iterable[Change]) -> frozenset[str]:
    """Where aliases lead that are no account's: their line names these anyway."""
    return frozenset(targets_of(change for change in changes if change.owner.scope is Scope.ALIAS))


def counted(targets: Sequence[str], private: Container[str]) -> list[str]:
    """The targets with a number in place of those that are private."""
    named = [target for target in targets if target not in private]
    number = len(targets) - len(named)
    return [*named, number_elsewhere(number)] if number else named


def number_elsewhere(number: int) -> str:
    """`2 addresses elsewhere`"""
    return tr_number("{number} address elsewhere", "{number} addresses elsewhere", number)
