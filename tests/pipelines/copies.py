"""The CI files in this repository, to be copied or included: those that `reconciler ci init` writes for the site below,
GitLab's components, GitHub's reusable workflows and its action. `make pages` writes them; test_copies compares them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from reconciler.setup.ci_facts import CiFacts
from reconciler.setup.ci_files import FORGES, ci_texts, component, composite_action, reusable_workflow

ROOT = Path(__file__).parents[2]
USUAL: dict[str, Any] = {
    "postfixadmin": {
        "url": "mysql+pymysql://reconciler@db.example/postfixadmin",
        "password_env": "RECONCILER_DB_PASSWORD",
    },
    "openxchange": {"host": "mail.example", "admin_password_env": "RECONCILER_OX_PASSWORD"},
    "postfix": {"host": "mail.example", "sender_access": "hash:/etc/postfix/maps/sender_access"},
    "letters": {
        "from": "AG Technik <technik@mail.example>",
        "smtp": {"host": "mail.example", "user": "reconciler", "password_env": "RECONCILER_SMTP_PASSWORD"},
    },
    "ssh": {"mail.example": {"user": "reconciler"}},
    "planner": {
        "database_user": "planner",
        "database_password_env": "RECONCILER_PLAN_DB_PASSWORD",
        "ssh": {"mail.example": {"user": "reconciler-plan", "key_file": "~/.ssh/reconciler-plan"}},
    },
}
"""The site that most have, with the names of variables and keys that `reconciler init` proposes."""
FACTS = CiFacts(USUAL)


def _copied(forge: str, path: str) -> str:
    return ci_texts(forge, FACTS)[path]


COPIES: Mapping[str, Callable[[], str]] = {
    **{f"ci/{forge}/{path}": partial(_copied, forge, path) for forge, files in FORGES.items() for path in files},
    "ci/gitlab/templates/reconciler.yml": partial(component, "ci/gitlab.yml.j2", FACTS),
    "ci/gitlab/templates/drift.yml": partial(component, "ci/gitlab-drift.yml.j2", FACTS),
    **{f".github/workflows/{name}.yml": partial(reusable_workflow, name, FACTS) for name in ("plan", "apply", "drift")},
    ".github/actions/reconciler/action.yml": composite_action,
}
"""Path in this repository → what it says."""


def main() -> None:
    """Writes all of them."""
    for path, text in COPIES.items():
        (ROOT / path).parent.mkdir(parents=True, exist_ok=True)
        (ROOT / path).write_text(text(), encoding="utf-8")


if __name__ == "__main__":
    main()
