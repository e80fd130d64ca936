"""`report.language: de`: reports are German throughout, and what programs compare is the same in every language."""

from __future__ import annotations

import html
import json
import re
from datetime import timedelta
from xml.etree import ElementTree

import pytest

from reconciler.cli import terminal
from tests.cli.conftest import Command
from tests.cli.merged import Merged
from tests.cli.site import ANNA, ANNA_DECLARED, BERND_DECLARED, DOMAIN, StandInSite, today
from tests.services.forges.server import running
from tests.services.git import git

ENGLISH = re.compile(
    r"\b(the|is|are|and|with|of|no|not|to|it|its|for|from|by|this|that|which|would|will|has|have|only|then|first|still"
    r"|nobody|somebody|somewhere|their|they|removed|changed|declared|mailbox(?:es)?|account|user|row|read|unknown)\b",
    re.IGNORECASE,
)
_CODE = (
    r"```.*?```|``?[^`\n]+``?|<code>.*?</code>|<pre>.*?</pre>|<style>.*?</style>",
    r"(?m)^\s*(?:- |<li>)?\d\d \w+: .*$",  # steps, in the words of their systems
    r"(?m)^  (?:postfixadmin|openxchange|postfix|letters): .*$",  # what was read there
    r"<li>\d\d \w+: .*?</li>",
    r"(?m)^\w+:\n(?:  - .*\n)+",  # entries for a state file
    r"<[^>]+>",
    r"\breconciler(?: [a-z]+)?(?: --?[a-z]+)*",
    r"--[a-z-]+",
    r"\b[a-z]+(?:-[a-z]+)+\b",  # rules
    r'"[^"\n]*"',  # values
    r"\S*/\S+|\S+@\S*|\S+\.(?:yaml|example|net|org|de)\b\S*",
)


NAMES = {"anna", "muster", "kasse", "alte", "technik", "presse", "info", "vorstand", "falsch", "nicht", "ausgetreten"}
"""Of accounts, and a reason that somebody gave."""


def prose(text: str) -> str:
    """The text without commands, rules, values and steps."""
    text = text.replace("&#96;", "`")
    for pattern in _CODE:
        text = re.sub(pattern, " ", text, flags=re.DOTALL if "(?m)" not in pattern else 0)
    return html.unescape(text)


def english(text: str) -> list[str]:
    """Lines of it with an English word."""
    return [line.strip() for line in prose(text).splitlines() if ENGLISH.search(line)]


def day(offset: int) -> str:
    return (today() + timedelta(days=offset)).isoformat()


@pytest.fixture
def busy(site: StandInSite, command: Command) -> StandInSite:
    """A German site with a bit of everything: a rename, a removal, what is new, what drifts, what is refused."""
    site.write(report={"language": "de"}, policy={"limits": {"removals": {"number": 5, "at_least": 5}}})
    site.declare(
        ANNA_DECLARED,
        "kasse: {groupware: false}",
        "technik: {groupware: false}",
        "alte.kasse: {groupware: false}",
        aliases=("vorstand: [anna.beispiel]", "presse: [technik]", "info: [kasse]"),
        blocks=("domain: example.org, reason: Werbung",),
    )
    assert command("apply", "--yes").status == 0
    site.add_mailbox(f"fremd@{DOMAIN}")
    site.sql("UPDATE alias SET goto = ? WHERE address = ?", f"technik@{DOMAIN},x@y.example", f"vorstand@{DOMAIN}")
    site.sql("UPDATE mailbox SET name = 'Jemand' WHERE username = ?", f"technik@{DOMAIN}")
    site.declare(
        ANNA_DECLARED.replace("anna.beispiel", "anna.muster").replace("Beispiel", "Muster"),
        BERND_DECLARED.replace("bernd", "bernd.b"),
        "kasse: {quota: 512 MB, active: false, groupware: false}",
        "technik: {groupware: false}",
        "neu.hier: {given_name: Neu, surname: Hier, member: 99999}",
        aliases=("vorstand: [anna.muster]", "info: [kasse, technik]", "falsch: [nicht.da]"),
        blocks=("domain: gmx.example, reason: Welle", f"sender: spam@example.net, reason: Werbung, expires: {day(-3)}"),
        more={
            "renames": [{"from": "anna.beispiel", "to": "anna.muster", "date": day(0)}],
            "removals": [{"mailbox": "alte.kasse", "date": day(0), "reason": "ausgetreten"}],
        },
    )
    return site


def test_a_busy_plan_is_german_in_every_format(
    busy: StandInSite, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(terminal.console, "_width", 400)  # which it looked up when it was made
    shown = command("plan", "--verbose", "--out", "plan.json")
    assert shown.status == 5
    assert shown.out.startswith("Mail-Plan für nrw · 1 Umbenennung · 2 Konten · ")
    assert "\nweiter: reconciler apply (" in shown.out
    assert english(shown.out) == []
    assert english(command("drift").out) == []
    formats = {"--html": "html", "--markdown": "md", "--junit": "xml", "--code-quality": "json", "--sarif": "sarif"}
    outputs = [word for option, name in formats.items() for word in (option, f"report.{name}")]
    assert command("report", "plan.json", *outputs, "--check").status == 2
    written = {name: (busy.folder / f"report.{name}").read_text(encoding="utf-8") for name in formats.values()}
    assert '<html lang="de">' in written["html"]
    assert english(written["html"]) == []
    assert english(written["md"]) == []
    said = [each["description"] for each in json.loads(written["json"])]
    assert len(said) > 5
    assert english("\n".join(said)) == []
    cases = ElementTree.fromstring(written["xml"]).iter("testcase")
    assert english("\n".join(line for case in cases for line in case.itertext())) == []
    alerts = json.loads(written["sarif"])["runs"][0]["results"]
    assert english("\n".join(alert["message"]["text"] for alert in alerts)) == []


def test_a_mask_leaves_german_sentences(busy: StandInSite, command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECONCILER_MASK_KEY", "a key of this test alone, 32 by.")
    assert command("plan", "--out", "plan.json").status == 5
    plain = command("report", "plan.json", "--markdown", "-").out
    hidden = command("report", "plan.json", "--markdown", "-", "--mask").out
    assert not re.search("anna|muster|kasse|presse", hidden, re.IGNORECASE)
    words = set(re.findall(r"(?<![\w.])[a-zäöüß]{4,}(?![\w.])", prose(plain)))
    assert len(words) > 100
    assert {word for word in words if word not in hidden} <= NAMES


def test_a_plan_made_in_one_language_is_applied_in_another(site: StandInSite, command: Command) -> None:
    site.write(report={"language": "de"})
    site.declare(ANNA_DECLARED, "technik: {groupware: false}")
    german = command("plan", "--format", "json", "--out", "german.json").json
    site.write(report={"language": "en"})
    plain = command("plan", "--format", "json").json
    assert (german["language"], plain["language"]) == ("de", "en")
    assert german["transitions"][0]["summary"] != plain["transitions"][0]["summary"]
    assert german["digest"] == plain["digest"]
    assert [t["fingerprint"] for t in german["transitions"]] == [t["fingerprint"] for t in plain["transitions"]]
    done = command("apply", "german.json", "--yes", "--out", "run.json")
    assert done.status == 0, done
    assert "mail apply for nrw" in done.out
    site.declare(ANNA_DECLARED)
    site.declare(ANNA_DECLARED, "technik: {groupware: false, quota: 512 MB}")
    assert command("plan", "--out", "english.json").status == 4
    site.write(report={"language": "de"})
    done = command("apply", "english.json", "--yes", "--out", "run.json")
    assert done.status == 0, done
    assert "Mail-Ausführung für nrw" in done.out
    assert english(done.out) == []
    assert json.loads((site.folder / "run.json").read_text())["language"] == "de"
    assert command("report", "run.json", "--markdown", "-").out.startswith("**Mail-Ausführung für nrw: ausgeführt**")


def test_a_german_comment_binds_an_english_apply(
    site: StandInSite, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running("gitlab") as server:
        site.write(report={"language": "de"})
        merged = Merged(site, command, server, monkeypatch)
        merged.request(ANNA_DECLARED.replace("10240 MB", "20480 MB"))
        server.state.comments[3] = []
        merged.report()
        said, _, _ = server.state.comments[3][0].body.partition("<!--")
        assert said.startswith("**Mail-Plan für nrw: genauer ansehen**, 1 Warnung · 1 Änderung")
        assert "[Der Job, der dies geschrieben hat](" in said
        assert english(said) == []
        merged.merge(how="merge commit")
        git(site.folder, "update-index", "--assume-unchanged", "reconciler.yaml")
        site.write(report={"language": "en"})
        answer = merged.apply("--out", "run.json")
        assert answer.status == 0, answer
        assert merged.quota(ANNA) == 20480
        assert merged.told().startswith("**mail apply for nrw: applied**")
