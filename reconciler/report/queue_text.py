"""The mail queue for the terminal: a table, and what became of each message. `cli` calls these."""

from __future__ import annotations

from rich.cells import cell_len

from reconciler.model.queued_mail import QueuedMessage, QueueListing, QueueName, QueueRun
from reconciler.report import queue_view
from reconciler.report.sanitize import visible
from reconciler.report.terminal_page import Page, Piece, column_of
from reconciler.translation import tr

_STYLES = {QueueName.HOLD: "yellow", QueueName.ACTIVE: "green"}


def queue_text(listing: QueueListing, *, width: int, color: bool, verbose: bool = False) -> str:
    """A line a message, oldest first, with why it waits below it. `verbose`: each recipient with its own reason."""
    page = Page(width, color=color)
    if listing.messages:
        _table(page, listing, verbose)
        page.blank()
    page.row((queue_view.tally(listing), "bold"))
    if most := queue_view.most_of(listing):
        page.row((most, ""))
    if listing.warning:
        page.row((listing.warning, "bold yellow"))
    return page.render()


def queue_run_text(run: QueueRun, *, width: int, color: bool) -> str:
    """How many messages came to which end; those are named that came to another one than was asked for."""
    page = Page(width, color=color)
    told = queue_view.to_tell(run)
    column = column_of([outcome.message.id for outcome in told], width)
    for outcome in told:
        mark, style, _ = queue_view.RESULTS[outcome.result]
        page.entry((mark, style), outcome.message.id, [(queue_view.about(outcome), "")], column)
    page.row((queue_view.ended(run), "bold"))
    if newer := queue_view.newer(run):
        page.row((newer, "bold yellow"))
    if after := queue_view.after(run):
        page.whole(after)
    return page.render()


def _table(page: Page, listing: QueueListing, verbose: bool) -> None:
    rows = [(tr("queue"), "id", tr("age"), tr("size"))]
    rows += [
        (message.queue.value, message.id, queue_view.age(listing.read - message.arrived), queue_view.size(message.size))
        for message in listing.messages
    ]
    widths = [max(cell_len(row[column]) for row in rows) for column in range(4)]
    page.row((_cells(rows[0], widths) + tr("sender → recipients"), "dim"))
    for row, message in zip(rows[1:], listing.messages, strict=True):
        lead = f"{row[0]:<{widths[0]}}  "
        rest = _cells(row, widths).removeprefix(lead)
        # the queue alone is coloured; what does not fit goes on under the sender
        page.row((lead, _STYLES.get(message.queue, "")), (rest, ""), *_whose(message, verbose), indent=4, first="")
        _reasons(page, message, verbose)


def _cells(row: tuple[str, str, str, str], widths: list[int]) -> str:
    queue, queue_id, age, size = row
    return f"{queue:<{widths[0]}}  {queue_id:<{widths[1]}}  {age:>{widths[2]}}  {size:>{widths[3]}}  "


def _whose(message: QueuedMessage, verbose: bool) -> tuple[Piece, ...]:
    sender = (queue_view.sender_of(message), "bold")
    return (sender,) if verbose else (sender, (f" → {queue_view.recipients_of(message)}", ""))


def _reasons(page: Page, message: QueuedMessage, verbose: bool) -> None:
    if not verbose:
        if reason := queue_view.reason_of(message):
            page.row((reason, "dim"), indent=4)
        return
    for recipient in message.recipients or ():
        page.row((f"→ {visible(recipient.address)}", ""), indent=4)
        if recipient.delay_reason:
            page.row((recipient.delay_reason, "dim"), indent=8)
    if not message.recipients:
        page.row((f"→ {queue_view.recipients_of(message)}", ""), indent=4)
