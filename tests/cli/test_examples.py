"""The example of each `--help`, typed as it stands there, on a site that has what it names."""

from __future__ import annotations

import json
import re
import shlex

import jsonschema
import pytest

from reconciler.cli.exit_status import Status
from reconciler.cli.json_schema import SCHEMAS
from tests.cli.conftest import Command
from tests.cli.running import Answer
from tests.cli.site import StandInSite
from tests.cli.test_help import COMMANDS, DOCS

_ELSEWHERE = {
    "init": "needs a host; tests/integration/test_init.py",
    "demo": "tests/cli/test_demo.py",
    "password": "asks at a terminal; tests/cli/test_password.py",
    "queue list": "needs a Postfix, as all of these; tests/cli/test_queue.py",
    "queue show": "",
    "queue flush": "",
    "queue hold": "",
    "queue release": "",
    "queue delete": "",
    "remote install": "needs a mail host; tests/integration",
    "remote uninstall": "",
}
"""What a stand-in site cannot answer."""

_PEOPLE: dict[str, dict[str, object]] = {
    "anna.beispiel": {"given_name": "Anna", "surname": "Beispiel", "member": 10042},
    "hans.weg": {"given_name": "Hans", "surname": "Weg"},
    "info": {"groupware": False},
}
_BLOCK = {"sender": "spam@example.net", "reason": "phishing wave"}


def _state(name: str) -> dict[str, object]:
    """The state in which this example makes sense."""
    people = dict(_PEOPLE)
    if name == "rename":  # to that address
        people["anna.muster"] = {**people.pop("anna.beispiel"), "surname": "Muster"}
    blocks = [_BLOCK] if name == "unblock" else []
    return {"domain": "mail.example", "mailboxes": people, "sender_blocks": blocks}


@pytest.fixture
def example_site(site: StandInSite) -> StandInSite:
    """Its domain is the examples'; somebody made an alias by hand."""
    site.write(policy={"protected": []})
    site.add_domain("mail.example")
    site.add_alias("vorstand@mail.example", "klaus@extern.example")
    return site


def _typed(site: StandInSite, command: Command, name: str, *more: str) -> Answer:
    """The example's answer, once the site has what it names."""
    state = site.folder / "state"
    (state / "state.yaml").write_text(json.dumps(_state(name)), encoding="utf-8")  # JSON is YAML
    (site.folder / "schemas").mkdir()
    if name in ("apply", "report"):
        command("plan", "--out", "plan.json")
    if name == "import":
        (state / "state.yaml").unlink()
    if name == "validate":  # of a site whose file lies beside the state
        (state / "reconciler.yaml").write_text("site: nrw\n", encoding="utf-8")
    (line,) = re.findall(r"Example: reconciler (.*)", COMMANDS[name].help or "")
    return command(*shlex.split(line.partition(" >")[0]), *more)


@pytest.mark.parametrize("name", [name for name in COMMANDS if name not in _ELSEWHERE])
def test_the_example_works_as_it_is_printed(example_site: StandInSite, command: Command, name: str) -> None:
    answer = _typed(example_site, command, name)
    well = {Status.DONE, Status.PENDING}
    if name == "doctor":  # stand-ins are not well
        well.add(Status.UNREADABLE)
    assert answer.status in well, answer


_REPORTS = [name for name in COMMANDS if any("--format" in each.opts for each in COMMANDS[name].params)]


@pytest.mark.parametrize("name", [name for name in _REPORTS if name not in (*_ELSEWHERE, "resume")])
def test_its_json_is_of_a_schema_that_the_page_names(example_site: StandInSite, command: Command, name: str) -> None:
    """`resume` writes none when nothing was left."""
    document = _typed(example_site, command, name, "--format", "json").json
    schema = document["$schema"].removesuffix(".schema.json")
    jsonschema.Draft202012Validator(SCHEMAS[schema]()).validate(document)
    (row,) = re.findall(rf"(?m)^\| `{schema}` \| (.*?) \|", (DOCS / "commands.md").read_text(encoding="utf-8"))
    assert f"`{name}`" in row
