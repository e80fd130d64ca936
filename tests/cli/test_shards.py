"""`plan --shard` and `report --merge`: several machines make one plan, which is that of one machine, word for word."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from reconciler.report.json import written
from reconciler.report.read_document import read_shard
from reconciler.systems.registry import register_kinds
from tests.cli.conftest import Command
from tests.cli.merge_request import base_of, commit
from tests.cli.site import ANNA, ANNA_DECLARED, BERND, BERND_DECLARED, DOMAIN, StandInSite, today

NAMES = [f"person{number}" for number in range(6)]


def shards_of(command: Command, total: int, *arguments: str) -> list[str]:
    """The files of all shards."""
    files = [f"shard{number}.json" for number in range(1, total + 1)]
    for number, file in enumerate(files, start=1):
        command("plan", "--shard", f"{number}/{total}", "--out", file, *arguments)
    return files


def comparable(document: dict[str, Any]) -> dict[str, Any]:
    """All but when it was made."""
    return {name: value for name, value in document.items() if name not in ("made", "checksum")}


def read(file: str) -> dict[str, Any]:
    document = json.loads(Path(file).read_text(encoding="utf-8"))
    assert isinstance(document, dict)
    return document


def test_limits_are_judged_over_the_sum(site: StandInSite, command: Command) -> None:
    """Six removals are too many for a site of six, however few each shard has; and no shard is applied by itself."""
    for name in NAMES:
        site.add_mailbox(f"{name}@{DOMAIN}", name="x")
    removals = [{"mailbox": name, "date": str(today()), "reason": "left"} for name in NAMES]
    site.declare(more={"removals": removals})
    whole = command("plan", "--format", "json")
    files = shards_of(command, 4)
    parts = [read(file) for file in files]
    assert max(len(part["transitions"]) for part in parts) < len(NAMES)
    assert sorted(part["shard"]["number"] for part in parts) == [1, 2, 3, 4]
    merged = command("report", "--merge", *files, "--out", "plan.json")
    assert (whole.status, merged.status) == (5, 5)
    assert "removals: 6 of at most 1 (6 accounts, 24 h) ✗" in read("plan.json")["gates"]
    assert comparable(read("plan.json")) == comparable(whole.json)
    assert command("apply", "plan.json", "--yes").status == 5
    confirm = {"gate": "removals", "subject": "nrw", "until": str(today()), "reason": "all of them left"}
    site.declare(more={"removals": removals, "confirm": [confirm]})
    files = shards_of(command, 4)
    for asked in (["apply", files[0], "--yes"], ["report", files[0], "--markdown", "-"]):
        alone = command(*asked)
        assert (alone.status, "report --merge" in alone.words) == (2, True)
    whole = command("plan", "--format", "json")
    merged = command(
        "report", "--merge", *reversed(files), "--out", "plan.json", "--ok-when-pending", "--markdown", "-"
    )
    assert (whole.status, merged.status) == (4, 0)
    assert "6 removals" in merged.out
    assert comparable(read("plan.json")) == comparable(whole.json)
    assert command("apply", "plan.json", "--yes").status == 0


def test_with_a_base_and_over_domains(site: StandInSite, command: Command) -> None:
    """What a merge request brings, what waits and what it takes back; an alias leads from one domain to another."""
    other = "verein.example"
    site.add_domain(other)
    site.declare(ANNA_DECLARED, aliases=["press: anna.beispiel", "info: anna.beispiel"])
    base_of(site)
    site.declare(ANNA_DECLARED, BERND_DECLARED, aliases=[f"board@{other}: anna.beispiel", "info: bernd.muster"])
    commit(site)
    whole = command("plan", "--format", "json", "--base", "main")
    files = shards_of(command, 3, "--base", "main")
    merged = command("report", "--merge", *files, "--out", "plan.json")
    assert (whole.status, merged.status) == (4, 4)
    document = read("plan.json")
    assert comparable(document) == comparable(whole.json)
    assert (len(document["taken_back"]), len(document["transitions"])) == (1, 4)


@pytest.fixture
def files(site: StandInSite, command: Command) -> list[str]:
    """Two shards."""
    site.declare(ANNA_DECLARED, BERND_DECLARED)
    return shards_of(command, 2)


def test_what_is_no_whole_set_of_shards_is_refused(site: StandInSite, command: Command, files: list[str]) -> None:
    command("plan", "--out", "whole.json")
    command("plan", "--shard", "1/3", "--out", "third.json")
    Path("edited.json").write_text(Path(files[1]).read_text(encoding="utf-8").replace("nrw", "nrx"), encoding="utf-8")
    site.declare(ANNA_DECLARED)
    command("plan", "--shard", "2/2", "--out", "later.json")
    site.fault("down")
    command("plan", "--shard", "2/2", "--out", "down.json")
    site.sound()
    refused = {
        (files[0],): (2, "missing: 2/2"),
        (files[0], files[0]): (2, "more than one file has the shard 1/2"),
        (files[0], "third.json"): (2, "shards of several plans: 1/2, 1/3"),
        (files[0], "whole.json"): (2, "whole.json: this file is no shard of a plan: it is a whole plan"),
        (files[0], "gone.json"): (2, "gone.json cannot be read"),
        (files[0], "edited.json"): (6, "edited.json: this plan was changed after it was made"),
        (files[0], "later.json"): (6, "shards 1/2 and 2/2 have not the same declared state"),
    }
    for named, (status, words) in refused.items():
        said = command("report", "--merge", *named, "--out", "plan.json")
        assert (said.status, words in said.words) == (status, True), said.words
    assert not Path("plan.json").exists()


def test_shards_of_several_plans_are_refused(command: Command, files: list[str]) -> None:
    """Whatever they do not have in common, and a line that is in two of them."""
    register_kinds()
    first, second = (read_shard(Path(file).read_text(encoding="utf-8")) for file in files)
    assert second.shard is not None
    both = (*first.transitions, *second.transitions)
    yesterday = second.shard.model_copy(update={"today": today() - timedelta(days=1)})
    others: dict[str, dict[str, Any]] = {
        "have not the same site: nrw and nrx": {"site": "nrx"},
        "have not the same commit: none and 9f3c21a": {"commit": "9f3c21a"},
        "have not the same language: en and de": {"language": "de"},
        f"have not the same day: {today()} and {yesterday.today}": {"shard": yesterday},
        "have not the same configuration of the gates": {"policy": second.policy | {"local_part": "x"}},
        "have not the same connections": {"reads": (second.reads[0].model_copy(update={"target": "x"}),)},
        "is in shard 1 and in shard 2": {"transitions": both},
    }
    for words, changes in others.items():
        Path("other.json").write_text(written(second.model_copy(update=changes).with_checksum()), encoding="utf-8")
        said = command("report", "--merge", files[0], "other.json", "--out", "plan.json")
        assert (said.status, words in said.words) == (6, True), said.words
    assert not Path("plan.json").exists()


def test_a_system_that_one_shard_could_not_read(site: StandInSite, command: Command, files: list[str]) -> None:
    site.fault("down")
    assert command("plan", "--shard", "2/2", "--out", "down.json").status == 9
    said = command("report", "--merge", files[0], "down.json", "--out", "plan.json")
    assert (said.status, "openxchange could not be read for shard 2/2" in said.words) == (9, True)
    whole = command("plan", "--format", "json")
    both = shards_of(command, 2)
    assert command("report", "--merge", *both, "--out", "plan.json").status == whole.status == 9
    assert comparable(read("plan.json")) == comparable(whole.json)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["plan", "--shard", "2"], "'2' is not the number of a shard and how many there are"),
        (["plan", "--shard", "0/4"], "there is no shard 0/4"),
        (["plan", "--shard", "5/4"], "there is no shard 5/4"),
        (["plan", "--shard", "1/4", "--only", ANNA], "leave --only and --changed out"),
        (["report", "x.json", "--out", "plan.json"], "--out belongs to --merge"),
        (["report", "--merge", "x.json"], "the plan would be written nowhere"),
        (["report", "--merge", "x.json", "--out", "y.json", "--check"], "--check is about one plan"),
    ],
)
@pytest.mark.usefixtures("site")
def test_wrong_usage(arguments: list[str], words: str, command: Command) -> None:
    said = command(*arguments)
    assert (said.status, words in said.words) == (2, True), said.words


def test_a_shard_says_what_it_is(site: StandInSite, command: Command) -> None:
    site.declare(ANNA_DECLARED, BERND_DECLARED)
    said = [command("plan", "--shard", f"{number}/2", "--out", "shard.json") for number in (1, 2)]
    assert all("· shard " in each.out.splitlines()[0] or "in shard" in each.out for each in said), said[0].out
    assert all("next: with all shards, reconciler report --merge" in each.words for each in said)
    assert sum(BERND in each.out for each in said) == 1
