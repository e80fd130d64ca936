"""What goes to standard output and what does not; JSON is valid against the committed schemas."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from reconciler.cli.json_schema import SCHEMAS
from tests.cli.conftest import Command
from tests.cli.site import ANNA, ANNA_DECLARED, StandInSite

FOLDER = Path(__file__).parents[2] / "schemas"


def schema(name: str) -> dict[str, Any]:
    document = json.loads((FOLDER / f"{name}.schema.json").read_text(encoding="utf-8"))
    assert isinstance(document, dict)
    return document


def valid(document: dict[str, Any], name: str) -> None:
    jsonschema.Draft202012Validator(schema(name), format_checker=jsonschema.FormatChecker()).validate(document)
    assert document["$schema"] == f"{name}.schema.json"


@pytest.fixture
def pending(site: StandInSite) -> StandInSite:
    """One account, one alias, one block, one refusal, one hand-made line, one unmanaged mailbox."""
    site.add_mailbox("hand@pirat.alt")
    site.declare(
        ANNA_DECLARED,
        "x--y: {groupware: false}",
        aliases=["vorstand: [anna.beispiel]"],
        blocks=["domain: example.org, reason: 'forged <b>invoices</b> | RT 1'"],
    )
    return site


def test_json_of_every_report_is_alone_and_valid(pending: StandInSite, command: Command) -> None:
    for arguments, name in (
        (("validate",), "findings"),
        (("plan",), "plan"),
        (("drift",), "plan"),
        (("show", ANNA), "show"),
        (("apply", "--yes"), "run"),
        (("plan",), "plan"),
        (("show", "10042"), "show"),
        (("show", "nobody"), "show"),
    ):
        valid(command(*arguments, "--format", "json").json, name)


def test_json_of_an_invalid_state_is_valid(site: StandInSite, command: Command) -> None:
    site.declare("anna: {quotta: 1}")
    for name in ("validate", "plan", "drift"):
        answer = command(name, "--format", "json")
        assert answer.status == 3
        valid(answer.json, "findings")
        assert answer.json["counts"]["error"] == len(answer.json["findings"]) > 0


def test_apply_shows_the_plan_beside_its_json(pending: StandInSite, command: Command) -> None:
    answer = command("apply", "--yes", "--format", "json")
    assert f" + {ANNA}" in answer.err
    counts = answer.json["counts"]
    assert counts == {"done": 3, "failed": 0, "uncertain": 0, "not_tried": 0, "refused": 1, "waiting": 0}
    again = command("apply", "--yes", "--format", "json")
    assert (again.status, again.json["$schema"]) == (5, "plan.schema.json")


def test_json_is_alone_when_an_error_ends_the_command(site: StandInSite, command: Command) -> None:
    """No half document: nothing at all on standard output."""
    site.declare(ANNA_DECLARED)
    answer = command("apply", "no-such.json", "--format", "json")
    assert (answer.status, answer.out) == (2, "")


def test_json_while_a_system_is_unknown(pending: StandInSite, command: Command) -> None:
    pending.fault("down")
    document = command("plan", "--format", "json").json
    valid(document, "plan")
    unknown = {read["system"]: read["unknown"] for read in document["reads"] if read["unknown"]}
    assert list(unknown) == ["openxchange"]
    valid(command("show", ANNA, "--format", "json").json, "show")
    valid(command("apply", "--yes", "--format", "json").json, "run")


def test_a_saved_plan_is_the_json(pending: StandInSite, command: Command) -> None:
    answer = command("plan", "--out", "plan.json", "--format", "json")
    assert "plan saved to plan.json" in answer.err
    assert Path("plan.json").read_text(encoding="utf-8") == answer.out
    valid(json.loads(Path("plan.json").read_text(encoding="utf-8")), "plan")


def test_no_report_says_where_letters_go(pending: StandInSite, command: Command) -> None:
    """The address in the register is the member's own."""
    for output in ("text", "json", "markdown"):
        for name in (("plan", "--out", f"{output}.json"), ("drift",), ("show", ANNA), ("validate",)):
            assert "anna@gmx.example" not in command(*name, "--format", output).words
            assert "anna@gmx.example" not in command(*name, "--format", output).words
    assert "anna@gmx.example" not in Path("json.json").read_text(encoding="utf-8")


def test_markdown_escapes_what_people_wrote(pending: StandInSite, command: Command) -> None:
    for name in (("plan",), ("drift",), ("apply", "--yes")):
        out = command(*name, "--format", "markdown").out
        assert out.startswith("**")
        assert "<b>" not in out
    assert command("show", ANNA, "--format", "markdown").out.count("\n") > 1
    assert command("validate", "--format", "markdown").status == 0


def test_text_is_the_default_and_on_standard_output(pending: StandInSite, command: Command) -> None:
    for name in (("plan",), ("drift",), ("show", ANNA)):
        answer = command(*name)
        assert answer.timeless == command(*name, "--format", "text").timeless
        assert answer.out
        assert answer.err == ""


def test_verbose_shows_every_field(pending: StandInSite, command: Command) -> None:
    for name in ("plan", "drift"):
        assert len(command(name, "--verbose").out) > len(command(name).out)


@pytest.mark.parametrize("name", SCHEMAS)
def test_schema_prints_the_committed_file(command: Command, name: str) -> None:
    assert command("schema", name).out == (FOLDER / f"{name}.schema.json").read_text(encoding="utf-8")


def test_schema_writes_all_committed_files(command: Command, tmp_path: Path) -> None:
    folder = tmp_path / "repository" / "schemas"
    answer = command("schema", "--write", str(folder))
    assert (answer.status, answer.out) == (0, "")
    written = {file.name: file.read_text(encoding="utf-8") for file in folder.iterdir()}
    assert written == {file.name: file.read_text(encoding="utf-8") for file in FOLDER.iterdir()}


@pytest.mark.parametrize("arguments", [("schema",), ("schema", "nonsense"), ("schema", "--write", "/dev/null/folder")])
def test_schema_says_what_there_is(command: Command, arguments: tuple[str, ...]) -> None:
    answer = command(*arguments)
    assert answer.status == 2
    assert "→" in answer.err
