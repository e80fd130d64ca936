"""A room imports only rooms below it; the contracts are in pyproject.toml. And what the rooms themselves keep to."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from importlinter.cli import EXIT_STATUS_SUCCESS, lint_imports


def test_layers() -> None:
    assert lint_imports(no_cache=True) == EXIT_STATUS_SUCCESS


PACKAGE = Path(__file__).parent.parent / "reconciler"


def test_reports_make_no_findings() -> None:
    """They come from the gates, the systems and what is declared; a report shows them."""
    assert [f.name for f in (PACKAGE / "report").glob("*.py") if "Finding(" in f.read_text(encoding="utf-8")] == []


def test_no_module_of_planning_and_policy_has_the_name_of_another() -> None:
    """But for `plan`, the command that shows one: a name in a traceback or a search is one place."""
    number = Counter(path.name for path in PACKAGE.rglob("*.py"))
    own = {path.name for room in ("planning", "policy") for path in (PACKAGE / room).glob("*.py")}
    assert {name for name in own if number[name] > 1} == {"__init__.py", "plan.py"}


def test_the_chains_of_renames_are_worked_out_once_and_handed_in() -> None:
    texts = {str(path.relative_to(PACKAGE)): path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.py")}
    callers = [name for name, text in texts.items() if "rename_chains(" in text.replace("def rename_chains(", "")]
    assert callers == ["planning/plan_context.py"]
    makers = sorted(name for name, text in texts.items() if "PlanContext.of(" in text)
    # once for each kind of command: with live systems, without them; for a base; and for the plans that prove an import
    # and what is taken over
    commands = [f"cli/{name}.py" for name in ("letters", "read_base", "site_session", "take_over")]
    assert makers == [*commands, "importing/prove.py"]
