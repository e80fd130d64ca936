"""`reconciler import`: writes state for what is live."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from reconciler.cli.exit_status import Status
from reconciler.cli.json_schema import rendered
from reconciler.cli.site_session import open_site
from reconciler.cli.streams import say, write
from reconciler.declared.json_schema import state_schema
from reconciler.errors import UsageError
from reconciler.importing.import_report import import_report
from reconciler.importing.prove import SCHEMA, save
from reconciler.importing.run import import_state

REPORT = "import-report.md"


async def run(site: Path | None, into: Path, domains: Sequence[str], *, overwrite: bool) -> Status:
    """Writes the files and the report into the folder, and says what comes next."""
    with tempfile.TemporaryDirectory(prefix="reconciler-empty-") as empty:
        async with open_site(site, Path(empty)) as opened:
            result = await import_state(opened, domains)
    files = result.proven.files
    if not overwrite:
        _refuse_others(into, {path: written.text for path, written in files.items()})
    save(files, into)
    schema = into / SCHEMA
    schema.parent.mkdir(exist_ok=True)
    schema.write_text(rendered(state_schema()), encoding="utf-8")
    (into / REPORT).write_text(import_report(result.imported, result.proven.plan), encoding="utf-8")
    repairs = len(result.proven.plan.transitions)
    holds = f"the plan holds {repairs} repairs" if repairs else "the plan is empty"
    write(
        f"{len(files)} files in {into}: {len(result.imported.mailboxes)} mailboxes, {len(result.imported.aliases)} "
        f"aliases, {len(result.imported.renames)} renames, {len(result.imported.sender_blocks)} sender blocks\n"
        f"{len(result.imported.left)} things are left to you, with reasons: {into / REPORT}\n"
        f"{holds}"
    )
    say(f"next: read {into / REPORT}, then: reconciler plan --state {into}")
    return Status.DONE


def _refuse_others(into: Path, texts: Mapping[str, str]) -> None:
    """What somebody wrote or edited is never overwritten unasked. Raises UsageError."""
    there = {path.relative_to(into).as_posix() for pattern in ("*.yaml", "*.yml") for path in into.rglob(pattern)}
    other = sorted(path for path in there if path not in texts or (into / path).read_text("utf-8") != texts[path])
    if other:
        raise UsageError(
            f"{into} holds state already that differs from what is live: {', '.join(other[:5])}",
            hint=f"import into another folder and compare: reconciler import --into {into}.live; or add --overwrite, "
            "which replaces files of the same name",
        )
