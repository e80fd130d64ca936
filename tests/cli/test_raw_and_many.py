"""What a terminal would obey leaves nowhere raw, JSON included; of very much the first is shown; any width will do."""

from __future__ import annotations

import json

import pytest

from tests.cli.conftest import Command
from tests.cli.running import reconciler
from tests.cli.site import ANNA_DECLARED, OX_ENV, OX_PASSWORD, StandInSite
from tests.cli.test_surroundings import ASCII, run

RAW = "N\x1b[31m\x7f\x9b31m\u202eY\u2066\U000e0041Ż"
"""An escape sequence in seven and in eight bits, a right-to-left override, an invisible tag."""


def test_json_holds_what_is_live_and_nothing_that_a_terminal_obeys(site: StandInSite, command: Command) -> None:
    site.add_mailbox("anna.beispiel@pirat.alt", name=RAW)
    site.declare(ANNA_DECLARED)
    for words in (("plan",), ("show", "anna.beispiel"), ("drift",)):
        out = command(*words, "--format", "json").out
        assert out.replace("\n", "").isprintable()
        assert words == ("show", "anna.beispiel") or RAW in _texts(json.loads(out))
    assert command("plan", "--out", "plan.json").status == 4
    assert (site.folder / "plan.json").read_text(encoding="utf-8").replace("\n", "").isprintable()
    assert command("apply", "plan.json", "--yes").status == 0
    assert command("history", "1", "--format", "json").out.replace("\n", "").isprintable()


def _texts(value: object) -> list[str]:
    match value:
        case dict():
            return [text for each in value.values() for text in _texts(each)]
        case list():
            return [text for each in value for text in _texts(each)]
    return [str(value)]


def test_many_refusals_are_counted_and_the_first_are_shown(site: StandInSite, command: Command) -> None:
    site.declare("technik: {groupware: false}", aliases=[f"a{number}: [nobody{number}]" for number in range(205)])
    answer = command("plan")
    assert answer.status == 5
    assert "205 refused" in answer.words
    assert answer.out.count("✗ dangling-alias: ") == 200
    assert answer.out.count("- {gate: dangling-alias") == 200
    assert "and 5 more; `reconciler plan --format json` has all" in answer.words
    findings = command("plan", "--format", "json").json["findings"]
    assert sum(finding["rule"] == "dangling-alias" for finding in findings) == 205


@pytest.mark.parametrize("columns", ["0", "00"])
def test_a_width_of_nothing_is_none(site: StandInSite, columns: str) -> None:
    """A shell on a terminal without a size exports COLUMNS=0."""
    site.declare("technik: {groupware: false}")
    env = {"COLUMNS": columns, OX_ENV: OX_PASSWORD}
    assert "valid: site nrw" in reconciler(site.folder, "validate", env=env).err
    assert "No such command 'nonsense'" in reconciler(site.folder, "nonsense", env=env).words


def test_every_sign_of_a_report_has_a_plainer_one(site: StandInSite) -> None:
    site.add_alias("info@pirat.alt", "klaus@extern.example")
    site.declare("technik: {groupware: false}", aliases=["info: [technik]"])
    out = run(site.folder, "plan", env=ASCII).out
    assert " > info@pirat.alt: klaus@extern.example -> technik" in out
    assert "?" not in out
