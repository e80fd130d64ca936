"""`reconciler import` through the command: what is live becomes what is declared, and the plan proves it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.running import Answer
from tests.cli.site import StandInSite
from tests.importing.dirty import make_dirty


def _texts(folder: Path) -> dict[str, str]:
    return {path.relative_to(folder).as_posix(): path.read_text("utf-8") for path in sorted(folder.rglob("*.yaml"))}


def _done(answer: Answer, *statuses: int) -> Answer:
    assert answer.status in (statuses or (0,)), answer
    return answer


@pytest.mark.parametrize("seed", range(12))
def test_a_dirty_site_is_declared_and_its_plan_holds_nothing_but_the_repairs_that_are_listed(
    tmp_path: Path, seed: int
) -> None:
    site = StandInSite(tmp_path)
    many = {"share": 1, "number": 1000}
    site.write(policy={"limits": {"changes": many, "creations": {"number": 1000}, "removals": many}})
    make_dirty(site, seed)
    before = site.live()
    _done(site.run("import", "--into", "first"))
    assert site.live() == before, "an import reads"
    _done(site.run("import", "--into", "again"))
    first = _texts(tmp_path / "first")
    assert _texts(tmp_path / "again") == first
    made = json.loads(_done(site.run("plan", "--state", "first", "--format", "json"), 0, 4).out)
    report = (tmp_path / "first" / "import-report.md").read_text("utf-8")
    repairs = report.partition("## Repairs")[2].partition("\n## ")[0]
    assert len(made["transitions"]) == repairs.count("\n- "), (made["transitions"], repairs)
    _done(site.run("apply", "--yes", "--state", "first"))
    _done(site.run("import", "--into", "third"))
    assert _texts(tmp_path / "third") == first
