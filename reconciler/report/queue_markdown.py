"""The mail queue as Markdown, for an issue or a chat. `cli` calls these."""

from __future__ import annotations

from reconciler.model.queued_mail import QueuedMessage, QueueListing, QueueOutcome, QueueRun
from reconciler.report import queue_view
from reconciler.report.sanitize import markdown
from reconciler.report.truncation import BoundedText
from reconciler.translation import tr, tr_number


def queue_markdown(listing: QueueListing, *, verbose: bool = False) -> str:
    """One row a message, oldest first; `verbose`: with each recipient and its own reason."""

    def row(message: QueuedMessage) -> str:
        whom = queue_view.recipients_of(message)
        why = queue_view.reason_of(message)
        cells = [message.queue.value, message.id, queue_view.age(listing.read - message.arrived)]
        cells += [queue_view.size(message.size), queue_view.sender_of(message)]
        if verbose:
            each = [f"{markdown(r.address)}: {markdown(r.delay_reason)}" for r in message.recipients]
            return f"| {' | '.join(map(markdown, cells))} | {'<br>'.join(each) or markdown(whom)} | |"
        return f"| {' | '.join(map(markdown, cells))} | {markdown(whom)} | {markdown(why)} |"

    foot = [markdown(text) for text in (queue_view.most_of(listing), listing.warning) if text]
    page = BoundedText(head=[f"**{markdown(queue_view.tally(listing))}**"], foot=foot)
    heads = [tr("queue"), "id", tr("age"), tr("size"), tr("sender"), tr("recipients"), tr("why")]
    page.add_block((f"| {' | '.join(heads)} |", "|---|---|---|---|---|---|---|"), listing.messages, row, cut=_more)
    return page.render()


def queue_run_markdown(run: QueueRun) -> str:
    """How many messages came to which end; those are named that came to another one than was asked for."""
    foot = [markdown(text) for text in (queue_view.newer(run), queue_view.after(run)) if text]
    page = BoundedText(head=[f"**{markdown(queue_view.ended(run))}**"], foot=foot)
    what = tr("what became of it")
    page.add_block((f"| | id | {what} |", "|---|---|---|"), queue_view.to_tell(run), _row, cut=_more)
    return page.render()


def _more(number: int) -> str:
    return "\n" + tr_number("… and {number} more message.", "… and {number} more messages.", number)


def _row(outcome: QueueOutcome) -> str:
    mark = queue_view.RESULTS[outcome.result][0]
    return f"| {mark} | {markdown(outcome.message.id)} | {markdown(queue_view.about(outcome))} |"
