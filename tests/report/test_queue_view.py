"""What the reports about the queue say alike."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reconciler.model.queued_mail import QueuedMessage, QueueName, QueueVerb
from reconciler.report import queue_view
from tests.report import queue_samples
from tests.report.queue_samples import HELD, MANY, QUEUE_RUN, SPAM


def test_a_long_list_says_whose_most_of_it_is() -> None:
    assert queue_view.most_of(MANY) == "most are of muster@muster.example (16), <> (3)"
    assert queue_view.most_of(queue_samples.LISTING) == ""


def test_ages_and_sizes_are_whole_and_rounded_down() -> None:
    assert [queue_view.age(seconds) for seconds in (-5, 0, 59, 60, 3599, 7200, 86399, 86400)] == [
        "0 s", "0 s", "59 s", "1 min", "59 min", "2 h", "23 h", "1 d",
    ]  # fmt: skip
    assert [queue_view.size(number) for number in (0, 999, 1000, 999_999, 1_000_000)] == [
        "0 B", "999 B", "1 kB", "999 kB", "1 MB",
    ]  # fmt: skip


def test_a_command_can_be_copied_whatever_the_sender_is() -> None:
    run = replace(QUEUE_RUN, about="o'brien@muster.example", verb=QueueVerb.HOLD)
    assert queue_view.after(run).endswith("""--sender 'o'"'"'brien@muster.example'""")
    assert queue_view.after(replace(run, about="<>")).endswith("--sender '<>'")


@pytest.mark.parametrize("verb", [verb for verb in QueueVerb if verb is not QueueVerb.FLUSH])
def test_the_question_says_how_much_of_whom(verb: QueueVerb) -> None:
    shown: tuple[QueuedMessage, ...] = (SPAM, HELD)
    assert "2 messages of muster@muster.example" in queue_view.question(verb, shown, "muster@muster.example")


def test_what_is_offered_on_the_command_line_are_the_queues() -> None:
    from reconciler.cli.queue_commands import Waiting

    assert [each.value for each in Waiting] == [each.value for each in QueueName]
