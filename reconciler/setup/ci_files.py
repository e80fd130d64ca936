"""The CI files of a state repository, for GitLab, GitHub and Forgejo: one source for `reconciler init`, for
`reconciler ci init`, and for the copies in this repository (tests/pipelines/copies.py). Pure.

What a job runs stands once, in templates/ci/shell.j2, for all forges.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from reconciler.setup.ci_facts import CiFacts

FORGES: Mapping[str, Mapping[str, str]] = {
    "gitlab": {
        ".gitlab-ci.yml": "ci/gitlab.yml.j2",
        ".gitlab/reconciler-drift.yml": "ci/gitlab-drift.yml.j2",
    },
    "github": {f".github/workflows/{name}.yml": f"ci/actions-{name}.yml.j2" for name in ("plan", "apply", "drift")},
    "forgejo": {f".forgejo/workflows/{name}.yml": f"ci/actions-{name}.yml.j2" for name in ("plan", "apply", "drift")},
}
"""Path of each file in the state repository → its template, by forge."""

_ACTIONS = {
    "github": {
        "checkout": "actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1   # v7.0.1",
        "python": "actions/setup-python@5fda3b95a4ea91299a34e894583c3862153e4b97   # v7.0.0",
        "cache": "actions/cache@27d5ce7f107fe9357f9df03efb73ab90386fccae   # v5.0.5",
        "upload": "actions/upload-artifact@bbbca2ddaa5d8feaa63e36b76fdaad77386f024f   # v7.0.0",
        "download": "actions/download-artifact@3e5f45b2cfb9172054b4087a40e8e0b5a5461e7c   # v8.0.1",
    },
    # GitHub's own artifact actions refuse every other server
    "forgejo": {
        "checkout": "https://data.forgejo.org/actions/checkout@v4",
        "python": "",
        "cache": "https://data.forgejo.org/actions/cache@v4",
        "upload": "https://code.forgejo.org/forgejo/upload-artifact@v4",
        "download": "https://code.forgejo.org/forgejo/download-artifact@v4",
    },
}
_IMAGES = {"gitlab": "python:3.12", "github": "", "forgejo": "node:22-bookworm"}
_TOKENS = {"gitlab": "", "github": "github.token", "forgejo": "secrets.RECONCILER_FORGE_TOKEN || github.token"}
_PACKAGE = re.compile(r"""^ +RECONCILER_PACKAGE: [^'"\n]*['"]([^'"\n]*)['"]""", re.MULTILINE)
_SHARDS = re.compile(r"""^ +reconciler plan .* --shard "\$SHARD/([0-9]{1,4})" """, re.MULTILINE)
_ENVIRONMENT = "mail"
_WRITTEN = "# Written by `reconciler ci init {forge}`, and yours from now on; as it was written, its checksum is "
_INPUTS = {
    "package": ("", "The URL of reconciler's wheel, where the image has no reconciler in it"),
    "image": (_IMAGES["gitlab"], "The image of all jobs; it needs git, and Python or reconciler itself"),
    "site": ("reconciler.yaml", "The site file"),
    "role": ("planner", "Whose logins plan and drift use; empty where the site file has no section planner"),
    "check_stage": ("test", "The stage of validate and plan"),
    "apply_stage": ("deploy", "The stage of apply"),
    "drift_stage": ("deploy", "The stage of drift"),
    "environment": (_ENVIRONMENT, "The environment whose variables write; those that read are its /plan"),
    "resource_group": ("reconciler", "One apply at a time in this group"),
    "key_file": ("~/.ssh/id_ed25519", "Where the site file looks for the key that applies"),
    "planner_key_file": ("~/.ssh/reconciler-plan", "Where the site file looks for the planner's key"),
    "known_hosts_file": ("~/.ssh/known_hosts", "Where the site file looks for the host keys"),
}
"""Input of a component → its default and its description."""


def paths(forge: str) -> tuple[str, ...]:
    """The files of a forge, from the top of the repository."""
    return tuple(FORGES[forge])


def ci_texts(forge: str, facts: CiFacts, package: str = "", shards: int = 1) -> dict[str, str]:
    """The text of each file, by its path; it begins with a checksum, by which `is_untouched` knows it again. `package`
    is what pip installs where there is no reconciler; without one the variable RECONCILER_PACKAGE says it, and nothing
    does by itself: PyPI's `reconciler` is another project. `shards`: so many jobs make the plan of a merge request."""
    texts = {
        path: _text(forge, template, facts, package=package, shards=shards) for path, template in FORGES[forge].items()
    }
    return {path: f"{_written(forge)}{_checksum(text)}.\n{text}" for path, text in texts.items()}


def reusable_workflow(name: str, facts: CiFacts) -> str:
    """A workflow of GitHub that other repositories call."""
    return _text("github", f"ci/actions-{name}.yml.j2", facts, reusable=True)


def component(template: str, facts: CiFacts) -> str:
    """A CI/CD component of GitLab, from the template of the file that is copied."""
    return _text("gitlab", template, facts, component=True)


def composite_action() -> str:
    """A composite action for workflows that somebody writes."""
    return rendered("ci/action.yml.j2", actions=_ACTIONS["github"])


def is_untouched(text: str) -> bool:
    """Whether some release of reconciler wrote this text, and nobody changed it since."""
    first, _, rest = text.partition("\n")
    return any(first == f"{_written(forge)}{_checksum(rest)}." for forge in FORGES)


def package_in(text: str) -> str:
    """What pip installs by a file that `ci_texts` wrote; empty where it says none, or is not one of these."""
    found = _PACKAGE.search(text)
    return found[1] if found else ""


def shards_in(text: str) -> int:
    """Of how many shards such a file has the plan made; 0 where it does not say."""
    found = _SHARDS.search(text)
    return int(found[1]) if found else 0


def rendered(template: str, **values: Any) -> str:
    """A template of this room with these values."""
    return _templates().get_template(template).render(values)


def _templates() -> Environment:
    # `{{` is GitHub's own, `[[` GitLab's and the shell's
    return Environment(
        loader=PackageLoader("reconciler.setup"),
        block_start_string="[%",
        block_end_string="%]",
        variable_start_string="[=",
        variable_end_string="=]",
        comment_start_string="[#",
        comment_end_string="#]",
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=StrictUndefined,
        autoescape=False,  # YAML and Markdown, not HTML
    )


def _text(
    forge: str,
    template: str,
    facts: CiFacts,
    *,
    package: str = "",
    shards: int = 1,
    reusable: bool = False,
    component: bool = False,
) -> str:
    text = rendered(
        template,
        forge=forge,
        facts=facts,
        reusable=reusable,
        component=component,
        component_files={
            planner: [
                ("RECONCILER_PLAN_SSH_KEY" if planner else "RECONCILER_SSH_KEY", f"$[[ inputs.{prefix}key_file ]]"),
                ("RECONCILER_KNOWN_HOSTS", "$[[ inputs.known_hosts_file ]]"),
            ]
            for planner, prefix in ((True, "planner_"), (False, ""))
        },
        known_inputs=_INPUTS,
        package=package,
        shards=shards,
        image=_IMAGES[forge],
        environment=_ENVIRONMENT,
        drift_path=paths("gitlab")[1],
        actions=_ACTIONS.get(forge),
        token_expression=_TOKENS[forge],
    )
    return _tidy(text, deepest=0 if forge == "gitlab" else 2)


def _tidy(text: str, deepest: int) -> str:
    """One empty line before what is indented no deeper than this, and none elsewhere: macros leave some behind."""
    lines, kept = text.splitlines(), list[str]()
    for line, after in zip(lines, [*lines[1:], ""], strict=True):
        if line or (after and len(after) - len(after.lstrip()) <= deepest):
            kept.append(line)
    return "\n".join(kept) + "\n"


def _written(forge: str) -> str:
    return _WRITTEN.format(forge=forge)


def _checksum(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
