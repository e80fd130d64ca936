"""Tools of OX go on when the run that started them is killed: real processes, and the next run waits for them."""

from __future__ import annotations

import time

from reconciler.sandbox.openxchange import control
from tests.cli.conftest import Command
from tests.cli.running import eventually, killed
from tests.cli.site import StandInSite, today
from tests.cli.test_fence import begin, declared, every_letter_opens_both_doors


def test_a_tool_that_a_killed_run_left_at_work_comes_not_after_the_next_run(
    site: StandInSite, command: Command
) -> None:
    """kill -9 ends the run and not the tool, which would give OX a password that nobody was told."""
    declared(site)
    assert command("apply", "--yes").status == 0
    declared(site, password_reset=str(today()))
    site.fault("slow", tool="changeuser", seconds=2)
    control.forget_calls(site.ox)
    process = begin(site.folder)
    eventually(lambda: "changeuser" in control.calls(site.ox), process)
    killed(process)
    over = time.monotonic() + 2.5
    site.sound()
    answer = command("apply", "--yes")
    assert answer.status == 0, answer.words
    time.sleep(max(0, over - time.monotonic()))
    every_letter_opens_both_doors(site)
