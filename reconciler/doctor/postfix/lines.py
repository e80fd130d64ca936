"""Lines of the sender map that were made by hand: what `plan` says of each, a kind of remark a check."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from reconciler.doctor.check import Check, Verdict
from reconciler.model.declared import DesiredState
from reconciler.model.records import Found, UnmanagedLineRow
from reconciler.planning.finding import Finding
from reconciler.planning.snapshot import rows_of
from reconciler.systems.postfix.read_map import Rules
from reconciler.systems.postfix.review import review
from reconciler.systems.postfix.tools import Tools

AREA = "postfix"
_SHOWN = 10
_ABOUT_USE = ("map-unused", "map-not-recognised")
"""Looked at more closely by `use`."""
_TITLES = {
    "unmanaged-line-never-matches": ("lines that match no sender", "whoever wrote them believes that mail is refused"),
    "unmanaged-line-digits": ("lines that accept mail", "whoever wrote them believes that mail is refused"),
    "unmanaged-line-leaks": ("lines that answer with a foreign text", "the text of another entry is told to strangers"),
    "unmanaged-line-broken": ("lines that Postfix does not understand", "the sender tries again for days"),
    "unmanaged-line-refused": ("lines that postmap complains about", "until they are corrected no block is written"),
    "unmanaged-line-not-in-force": ("lines that are not in force", "whoever wrote them believes that they are"),
}
_SUBDOMAINS = "domains and their subdomains"


def check_lines(found: Found, rules: Rules, tools: Tools, today: date) -> Iterator[Check]:
    """The state is not asked: what a line does to a declared block is for `plan` to say."""
    by_rule: dict[str, list[Finding]] = {}
    for finding in review(DesiredState(today), found, rules, tools):
        if finding.rule not in _ABOUT_USE:
            by_rule.setdefault(finding.rule, []).append(finding)
    for rule, findings in by_rule.items():
        yield _about(rule, findings)
    lines = rows_of(found, UnmanagedLineRow)
    if not by_rule:
        saw = f"{len(lines)} made by hand, and nothing is wrong with them" if lines else "none made by hand"
        yield Check(AREA, "lines of the map", Verdict.OK, saw)
    yield _about_subdomains({row.map_key for row in lines.values()}, rules)


def _about(rule: str, findings: list[Finding]) -> Check:
    name, why = _TITLES.get(rule, (rule.replace("-", " "), "the map does something else than it seems to"))
    more = f"; and {len(findings) - _SHOWN} more" if len(findings) > _SHOWN else ""
    saw = "; ".join(finding.message for finding in findings[:_SHOWN]) + more
    hints = dict.fromkeys(finding.hint for finding in findings[:_SHOWN] if finding.hint)
    return Check(AREA, name, Verdict.WARNING, saw, why, tuple(hints))


def _about_subdomains(keys: set[str], rules: Rules) -> Check:
    if rules.keys.parent_matches:
        return Check(AREA, _SUBDOMAINS, Verdict.OK, "a line of a domain covers its subdomains")
    alone = sorted(k for k in keys if "@" not in k and not k.startswith((".", "<")) and f".{k}" not in keys)
    saw = "parent_domain_matches_subdomains lacks smtpd_access_maps, so a line of a domain leaves out its subdomains"
    if not alone:
        return Check(AREA, _SUBDOMAINS, Verdict.OK, f"{saw}; blocks are written for both")
    shown = ", ".join(alone[:_SHOWN])
    why = "a blocked domain sends on from a subdomain"
    fix = (f"write a second line, with a dot in front, for: {shown}",)
    return Check(AREA, _SUBDOMAINS, Verdict.WARNING, saw, why, fix)
