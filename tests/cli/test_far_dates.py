"""Days and numbers of days that no calendar holds, through the commands: an error that says so, or the last day."""

from __future__ import annotations

from typing import Any

import pytest

from tests.cli.conftest import Command
from tests.cli.site import BERND, BERND_DECLARED, StandInSite
from tests.policy.test_account_lives import TECHNIK

LONGEST = 36500
FAR = "9999-12-31"


@pytest.mark.parametrize(
    ("key", "unit"),
    [("history_days", 1), ("retention_days", 1), ("one_shot_days", 1), ("window_hours", 24)],
)
def test_a_number_of_days_that_reaches_before_the_calendar(
    site: StandInSite, command: Command, key: str, unit: int
) -> None:
    site.declare(BERND_DECLARED, TECHNIK)
    assert command("apply", "--yes").status == 0
    reset = BERND_DECLARED.replace("}", ", password_reset: 2020-01-01}")
    for number, status in ((LONGEST * unit, 0), (LONGEST * unit + 1, 3), (10**9, 3)):
        site.write(**written(key, number))
        for removal in ([], [{"mailbox": BERND, "date": "2020-01-01", "reason": "left"}]):
            site.declare(*([] if removal else [reset]), TECHNIK, more={"removals": removal})
            answers = [command("plan"), command("drift")]
            pruning = command(
                "ledger", "prune", *([] if key == "history_days" else ["--before", "1970-01-01"]), "--yes"
            )
            if status:
                assert {answer.status for answer in (*answers, pruning)} == {3}, answers
                assert all(f"`{key}`" in answer.words for answer in (*answers, pruning))
            else:
                assert all(answer.status in (0, 4, 5) for answer in answers), answers
                assert pruning.status in (0, 2), pruning


def written(key: str, number: int) -> dict[str, Any]:
    if key == "history_days":
        return {"ledger": {key: number}}
    return {"policy": {"limits": {key: number}} if key == "window_hours" else {key: number}}


@pytest.mark.parametrize("day", ["0001-01-01", FAR])
def test_a_removal_on_the_first_or_the_last_day(site: StandInSite, command: Command, day: str) -> None:
    site.declare(BERND_DECLARED, TECHNIK)
    assert command("apply", "--yes").status == 0
    assert command("remove", "bernd.muster", "--date", day, "--reason", "left").status == 0
    planned = command("plan")
    if day == FAR:
        assert planned.status == 0, planned.words
        assert f"is purged on {FAR}" in planned.words
        assert f"the removal on {FAR} is" in planned.words
    else:
        assert planned.status == 5, planned.words
        assert "early-purge" in planned.words
    for words in (("show", "bernd.muster"), ("validate",)):
        assert command(*words).status == 0
    site.declare(TECHNIK, aliases=["bernd.muster: [technik]"])
    answer = command("validate")
    assert answer.status == (3 if day == FAR else 0), answer.words
