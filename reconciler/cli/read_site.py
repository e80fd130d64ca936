"""What is in git: the site file, and the declared state. `validate` reads no more; others begin with it."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from reconciler.cli.reading_line import ReadingLine
from reconciler.cli.state_cache import state_cache
from reconciler.declared.load import Declaration, load_state
from reconciler.declared.site_file.load import load_site
from reconciler.errors import UsageError
from reconciler.settings import Settings
from reconciler.translation import speak


def refuse_missing(state: Path | None) -> None:
    if state is not None and not state.is_dir():
        hint = "correct --state: it names the folder with the declared state"
        raise UsageError(f"there is no folder {state}", hint=hint)


def read_site(path: Path | None, state: Path | None = None, *, lazily: bool = False) -> tuple[Settings, Declaration]:
    """The site file, and the state that it points to or that `--state` names. Raises UsageError and InvalidInput.
    `lazily`: see `load_state`."""
    site = load_site(path, reads_state=state is None)
    refuse_missing(state)
    speak(site.report.language)
    today = datetime.now(ZoneInfo(site.timezone)).date()
    with state_cache() as cache, ReadingLine().shown():
        return site, load_state(state or site.path(site.state), site, today=today, cache=cache, lazily=lazily)
