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
from reconciler.declared.read.source import SITE_FILE
from reconciler.errors import UsageError
from reconciler.importing.import_report import import_report
from reconciler.importing.prove import SCHEMA, save
from reconciler.importing.run import import_state

REPORT = "import-report.md"


async def run(site: Path | None, into: Path, domains: Sequence[str], *, overwrite: bool) -> Status:
    """Writes the files and the report into the folder, and says what comes next."""
    with tempfile.TemporaryDirectory(prefix="reconciler-empty-") as empty:
        async with open_site(site, Path(empty)) as opened:
            with opened.line.shown():
                result = await import_state(opened, domains)
    files, made = result.proven.files, result.imported
    try:
        if not overwrite:
            _refuse_others(into, {path: written.text for path, written in files.items()})
        save(files, into)
        schema = into / SCHEMA
        schema.parent.mkdir(exist_ok=True)
        schema.write_text(rendered(state_schema()), encoding="utf-8")
        (into / REPORT).write_text(import_report(made, result.proven.plan), encoding="utf-8")
    except OSError as error:
        hint = "name a folder that can be written: reconciler import --into FOLDER"
        raise UsageError(f"{error.filename or into} cannot be written: {error.strerror}", hint=hint) from None
    repairs = len(result.proven.plan.transitions)
    tables = (
        (made.mailboxes, "mailbox", "mailboxes"),
        (made.aliases, "alias", "aliases"),
        (made.renames, "rename", "renames"),
        (made.sender_blocks, "sender block", "sender blocks"),
        (made.domains, "domain", "domains"),
    )
    write(
        f"{_counted(len(files), 'file', 'files')} in {into}: "
        f"{', '.join(_counted(len(table), one, many) for table, one, many in tables)}\n"
        f"left to you, with reasons: {len(made.left)} (see {into / REPORT})\n"
        f"{'the plan holds ' + _counted(repairs, 'repair', 'repairs') if repairs else 'the plan is empty'}"
    )
    say(f"next: read {into / REPORT}, then: reconciler plan --state {into}")
    return Status.DONE


def _refuse_others(into: Path, texts: Mapping[str, str]) -> None:
    """What somebody wrote or edited is never overwritten unasked. Raises UsageError, and OSError."""
    found = [path for pattern in ("*.yaml", "*.yml") for path in into.rglob(pattern)]
    there = {path.relative_to(into).as_posix(): path for path in found if path.name != SITE_FILE and path.is_file()}
    other = [name for name, path in there.items() if path.read_bytes() != texts.get(name, "").encode()]
    if other:
        shown = ", ".join(sorted(other)[:5]) + (f" and {len(other) - 5} more" if len(other) > 5 else "")
        raise UsageError(
            f"{into} holds state already that is not what an import writes: {shown}",
            hint=f"import into another folder and compare: reconciler import --into {into}.live; or add --overwrite, "
            "which replaces files of the same name",
        )


def _counted(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"
