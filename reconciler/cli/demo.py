"""`reconciler demo`: the whole pipeline on a stand-in site, which stays there to play with."""

from __future__ import annotations

import asyncio
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from reconciler.cli.drift import DriftOptions, drift
from reconciler.cli.exit_status import Status
from reconciler.cli.formats import Format, writers
from reconciler.cli.read_site import read_site
from reconciler.cli.site_session import open_site
from reconciler.cli.streams import say, write
from reconciler.cli.terminal import console
from reconciler.errors import UsageError
from reconciler.model.declared import DesiredState
from reconciler.sandbox.demo_folder import clear, remember
from reconciler.sandbox.demo_site import build, example_state, fill_database
from reconciler.sandbox.drift_by_hand import change_by_hand, declare_rename, kill_when_renamed
from reconciler.workflow import apply


async def demo(folder: Path, state: Path | None) -> Status:
    """Builds the site, from `state` or the example, and shows everything on it."""
    state = state or example_state()
    if not state.is_dir():
        raise UsageError(f"there is no state in {state}", hint="without --state the demo takes its own example")
    if state.resolve().is_relative_to(folder.resolve()):
        raise UsageError(f"{state} is in {folder}, which is made anew", hint="name another folder for the demo")
    kept = clear(folder)
    if kept is not None:
        say(f"somebody wrote in {folder}/ since the demo made it: it is kept as {kept}/, to copy from")
    site = build(folder, state)
    settings, declaration = read_site(site)
    fill_database(folder, frozenset(declaration.state.domains))
    _chapter(f"A site in {folder}/", f"{len(declaration.state.mailboxes)} declared mailboxes, nothing applied yet.")
    _chapter("What would be done", "reconciler plan")
    await _show_plan(site)
    _chapter("Doing it", "reconciler ledger init; reconciler apply --yes")
    await _apply(site)
    _chapter("Once more: there is nothing left to do", "reconciler plan")
    await _show_plan(site)
    await _rename(folder, site, declaration.state)
    _chapter("Somebody changes things by hand")
    for sentence in change_by_hand(folder, declaration.state):
        write(f"  · {sentence}")
    _chapter("What cron would report", "reconciler drift")
    await drift(site, None, Format.TEXT, DriftOptions())
    remember(folder)
    _chapter("Now you")
    write(_invitation(folder.absolute(), settings.path("outbox").absolute()))
    return Status.DONE


async def _rename(folder: Path, site: Path, state: DesiredState) -> None:
    """Declared, planned, killed half-way, finished."""
    old, new = declare_rename(folder, state)
    _chapter(f"{old} has a new surname", "reconciler plan")
    await _show_plan(site)
    _chapter("The power fails in the middle", "reconciler apply --yes")
    kill_when_renamed(folder, _command(site, "apply", "--yes"), new)
    write(
        "  The mailbox has its new address and both addresses lead to it; OX does not know yet, and no letter is out."
    )
    _chapter("The next run takes the lock of the dead one over and finishes its work", "reconciler resume")
    subprocess.run(_command(site, "resume", "--yes"), stderr=subprocess.STDOUT, check=True)
    _chapter("Nothing is left to do", "reconciler plan")
    await _show_plan(site)


def _command(site: Path, *words: str) -> list[str]:
    return [sys.executable, "-m", "reconciler", *words, "--site", str(site)]


def _chapter(title: str, command: str = "") -> None:
    with console.capture() as captured:
        console.print()
        console.print(f"── {title} ", style="bold", markup=False)
        if command:
            console.print(f"   {command}", style="dim", markup=False)
        console.print()
    write(captured.get())


async def _show_plan(site: Path) -> None:
    async with open_site(site) as opened:
        write(writers(Format.TEXT).plan((await opened.draft()).plan, title="mail plan"))


async def _apply(site: Path) -> None:
    async with open_site(site) as opened:
        await opened.needed_ledger().init()
        async with opened.session() as session:
            drafted, systems, stop = await opened.draft(writing=True), opened.systems, asyncio.Event()
            run = await apply(drafted, systems, session, clock=opened.clock, progress=lambda *_: None, stop=stop)
    write(writers(Format.TEXT).run(run))


def _invitation(folder: Path, outbox: Path) -> str:
    here, letters = shlex.quote(str(folder)), shlex.quote(str(outbox))
    commands = {
        **_on_the_path(),
        f"export RECONCILER_SITE={here}/reconciler.yaml": "",
        "reconciler plan": "what would be done",
        "reconciler apply": "correct the drift",
        "reconciler show 10042": "everything about a member number",
        f"ls {letters}": "the letters to members",
        f"cat {here}/sender_access": "the sender map with our section",
        f"{here}/openxchange/sbin/listuser --help": "the OX stand-in",
    }
    width = max(len(command) for command, what in commands.items() if what) + 3
    lines = [f"    {command:{width}}{what}".rstrip() for command, what in commands.items()]
    return f"  The site stays in {folder}/. Edit {here}/state/*.yaml, then:\n\n" + "\n".join(lines)


def _on_the_path() -> dict[str, str]:
    """The command that adds `reconciler` to the PATH; none where it is there already."""
    programs = Path(sys.executable).parent
    if shutil.which("reconciler") or not (programs / "reconciler").exists():
        return {}
    return {f'export PATH={shlex.quote(str(programs))}:"$PATH"': ""}
