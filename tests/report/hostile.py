"""Values that somebody put into a live system to break, to hide in or to speak through a report."""

from __future__ import annotations

from reconciler.model.records import BlockRow, Owner, Scope
from reconciler.planning.finding import Finding, Severity
from reconciler.planning.plan import Plan
from tests.report.samples import account, mailbox, plan, transition

NAMES = (
    "a | b || c",
    "`code` ```fence``` ``",
    "<script>alert(1)</script> <!-- --> </details><img src=x onerror=alert(1)>",
    "first\nsecond\r\n\n# heading\n/close",
    "\x1b[31mred\x1b[0m\x1b]0;title\x07\x9b2J",
    "left\u202eright\u2066\u200bhidden\ufeff\u2028line",
    "**bold** _it_ ~~gone~~ [text](https://evil.example) ![x](y) $x$ \\| \\",
    "@everyone #12 !3 https://evil.example www.evil.example &lt;b&gt; &#124;",
    "x" * 5000,
    "字" * 300,
    "",
    "\ud800 lone",
)


def plan_named(name: str) -> Plan:
    """A plan in which every text that comes from outside is `name`."""
    address = "anna.beispiel@pirat.alt"
    update = transition(account("anna.beispiel"), (mailbox(address, "Anna"), mailbox(address, name)), reason=name)
    sender = Owner(Scope.BLOCK, name or "example.org")
    blocked = transition(sender, (None, BlockRow(sender.subject, "REJECT", name)), reason=name, refused=("wide-block",))
    findings = (
        Finding(Severity.REFUSAL, "wide-block", name, name, name, owner=sender),
        Finding(Severity.NOTE, "note", name, name, name),
    )
    return plan((update, blocked), findings)
