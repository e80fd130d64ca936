"""CI files as the forges read them: jobs, and the shell lines of each."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from reconciler.setup.ci_facts import CiFacts
from reconciler.setup.ci_files import ci_texts
from tests.cli.site import StandInSite
from tests.services.git import git

FORGES = ("gitlab", "github", "forgejo")
PROGRAM = f'#!/bin/sh\nexec "{sys.executable}" -c "from reconciler.cli.main import main; main()" "$@"\n'


def read(text: str) -> dict[str, Any]:
    """A YAML document."""
    found = YAML(typ="safe", pure=True).load(text)
    assert isinstance(found, dict)
    return found


def jobs(texts: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """All jobs, by file name and job, `plan.yml:comment`; those of GitLab, which share one space, by job."""
    found: dict[str, dict[str, Any]] = {}
    for path, text in texts.items():
        content = read(text)
        if "jobs" in content:
            found |= {f"{Path(path).name}:{name}": job for name, job in content["jobs"].items()}
        else:
            found |= {name: content[".reconciler"] | job for name, job in content.items() if "script" in job}
    return found


def steps(job: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The steps of an Actions job that run lines."""
    return [step for step in job["steps"] if "run" in step]


def lines(job: Mapping[str, Any]) -> str:
    """What the job runs, as one script."""
    if "script" in job:
        return "\n".join([*job["before_script"], *job["script"]])
    return "\n".join(step["run"] for step in steps(job))


def programs(folder: Path, **scripts: str) -> Path:
    """A folder for PATH: `reconciler` is this one, and pip installs nothing; or what is given instead."""
    folder.mkdir(exist_ok=True)
    for name, script in {"reconciler": PROGRAM, "python3": "#!/bin/sh\nexit 0\n", **scripts}.items():
        (folder / name).write_text(script)
        (folder / name).chmod(0o755)
    return folder


def state_repository(site: StandInSite, forge: str, shards: int = 1) -> dict[str, str]:
    """The files of a repository for this site, whose places are named whole: a checkout lies anywhere. Its CI is what
    `reconciler ci init` writes."""
    here = site.folder
    sections = site.sections | {
        "postfixadmin": {"url": f"sqlite:///{here}/postfixadmin.sqlite"},
        "register": {"csv": str(here / "members.csv")},
        "letters": {"outbox": str(here / "outbox"), "from": "AG Technik <technik@mail.example>"},
        "planner": {"database_user": "planner"},
    }
    ignored = "*.json\nplan.md\nplan.html\nmail.prom\njunit.xml\n.gitlab-ci-local/\n"
    files = {"reconciler.yaml": json.dumps(sections, indent=1), ".gitignore": ignored}
    return files | ci_texts(forge, CiFacts(sections), shards=shards)


def pushed(work: Path, branch: str, files: Mapping[str, str]) -> str:
    """Pushes a branch, `request` anew from main; the commit."""
    if branch != "main":
        git(work, "switch", "--quiet", "--force-create", branch, "main")
    for name, text in files.items():
        (work / name).parent.mkdir(parents=True, exist_ok=True)
        (work / name).write_text(text)
    git(work, "add", ".")
    git(work, "commit", "--quiet", "--allow-empty", "--message=State")
    git(work, "push", "--quiet", "--force", "origin", branch)
    return git(work, "rev-parse", "HEAD")


def last_success(metrics: Path) -> float:
    """When drift last succeeded, by the file for Prometheus; 0 where it says none."""
    found = re.search(r'(?m)^reconciler_last_success_timestamp_seconds\{.*"drift".*\} (\S+)$', metrics.read_text())
    return float(found[1]) if found else 0


def first_seen(document: Path) -> str:
    """Since when the one thing that drifted differs, by a document of `drift`."""
    (line,) = json.loads(document.read_text())["transitions"]
    assert line["since"]
    return str(line["since"])
