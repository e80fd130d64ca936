"""What writes the reports about the mail queue in each format; as `formats`, which other commands import, too."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, NamedTuple, Protocol

from reconciler.cli.formats import Format

if TYPE_CHECKING:  # only the chosen format's writers are imported
    from reconciler.model.queued_mail import QueueListing, QueueRun

    class ListingWriter(Protocol):
        """Writes what is in the queue; `verbose` shows every recipient."""

        def __call__(self, listing: QueueListing, /, *, verbose: bool = False) -> str: ...


class QueueWriters(NamedTuple):
    """What one format writes the reports with."""

    listing: ListingWriter
    run: Callable[[QueueRun], str]


def queue_writers(output: Format) -> QueueWriters:
    """What writes them in this format."""
    match output:
        case Format.TEXT:
            from reconciler.cli.terminal import colored, console
            from reconciler.report.queue_text import queue_run_text, queue_text

            width, color = console.width, colored()
            return QueueWriters(
                partial(queue_text, width=width, color=color), partial(queue_run_text, width=width, color=color)
            )
        case Format.JSON:
            from reconciler.report.json_queue import queue_json, queue_run_json

            return QueueWriters(lambda listing, /, *, verbose=False: queue_json(listing), queue_run_json)  # noqa: ARG005  # it has everything
        case Format.MARKDOWN:
            from reconciler.report.queue_markdown import queue_markdown, queue_run_markdown

            return QueueWriters(queue_markdown, queue_run_markdown)
