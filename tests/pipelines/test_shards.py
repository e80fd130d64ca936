"""Four jobs make the plan of a merge request, and the job of the comment merges what they made."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from reconciler.setup.ci_files import ci_texts
from tests.cli.running import reconciler
from tests.cli.site import DOMAIN, OX_ENV, OX_PASSWORD, StandInSite, today
from tests.cli.test_shards import comparable
from tests.pipelines.copies import FACTS
from tests.pipelines.files import FORGES, jobs, lines
from tests.pipelines.gitlab import Project
from tests.services.forges.server import running
from tests.services.git import git

OTHER = "verein.example"
NAMES = [f"person{number}" for number in range(6)]


def test_the_jobs_of_gitlab_make_the_plan_that_one_makes(tmp_path: Path) -> None:
    """Of two domains, row for row, and what is too much together is refused: no shard removes more than the limit."""
    for name in ("site", "project"):
        (tmp_path / name).mkdir()
    site = StandInSite(tmp_path / "site")
    site.add_domain(OTHER)
    for name in NAMES:
        site.add_mailbox(f"{name}@{DOMAIN}", name="x")
    entries = [f"new{number}@{OTHER}: {{given_name: N{number}, surname: Neu, groupware: false}}" for number in range(3)]
    state = {
        "aliases": {f"board@{OTHER}": [f"new0@{OTHER}"], f"info@{DOMAIN}": [f"new1@{OTHER}"]},
        "removals": [{"mailbox": name, "date": str(today()), "reason": "left"} for name in NAMES],
    }
    sections = "".join(f"{name}: {json.dumps(section)}\n" for name, section in state.items())
    text = "\n  ".join(["mailboxes:", *entries]) + "\n" + sections
    with running("gitlab") as forge:
        project = Project(tmp_path / "project", site, forge, shards=4)
        seen = project.request(text)
        plans = {f"plan: [{number}]": "PASS" for number in range(1, 5)}
        assert seen.jobs == {"validate": "PASS", **plans, "plan-comment": "FAIL"}, seen.log
        (comment,) = forge.state.bodies()
    env = {OX_ENV: OX_PASSWORD, "RECONCILER_ROLE": "planner"}
    folder = seen.folder
    git(folder, "fetch", "--quiet", "origin", "+refs/heads/main:refs/remotes/origin/main")
    answer = reconciler(folder, "plan", "--base", "origin/main", "--format", "json", env=env)
    merged = json.loads((folder / "plan.json").read_text("utf-8"))
    assert (answer.status, merged["status"]) == (5, 5)
    assert comparable(merged) == comparable(answer.json)
    assert len(merged["transitions"]) == len(NAMES) + 3 + 2
    assert "removals: 6 of at most 1" in comment


@pytest.mark.parametrize("forge", FORGES)
def test_only_the_plan_is_made_in_another_way(forge: str) -> None:
    """Who gets which credential, when a job runs and what all others do is as in the files with one job."""
    one, four = jobs(ci_texts(forge, FACTS)), jobs(ci_texts(forge, FACTS, shards=4))
    plan, tells = ("plan", "plan-comment") if forge == "gitlab" else ("plan.yml:plan", "plan.yml:comment")
    assert {name for name in one if one[name] != four[name]} == {plan, tells}
    does = {"script", "steps", "artifacts"}
    ours, theirs = ({k: v for k, v in found[tells].items() if k not in does} for found in (one, four))
    assert ours == theirs
    how = does | {"parallel", "strategy"}
    ours, theirs = ({k: v for k, v in found[plan].items() if k not in how} for found in (one, four))
    assert ours == theirs
    secrets = [sorted(re.findall(r"secrets\.\w+", str(found[plan]))) for found in (one, four)]
    assert secrets[0] == secrets[1]
    matrix = (
        four[plan]["parallel"]["matrix"][0]["SHARD"] if forge == "gitlab" else four[plan]["strategy"]["matrix"]["shard"]
    )
    assert list(map(int, matrix)) == [1, 2, 3, 4]
    assert '--shard "$SHARD/4" --out "shard$SHARD.json"' in lines(four[plan])
    assert "report --merge shard1.json shard2.json shard3.json shard4.json --out plan.json" in lines(four[tells])
