"""Nothing is deleted but what was shown, whatever happens in between: on a real Postfix, whose ids are used again."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from reconciler.errors import PermanentFailure, Unreadable
from reconciler.mail_queue.change import carry_out, check_rights, concerned
from reconciler.mail_queue.queue import MailQueue
from reconciler.mail_queue.select import asked_address
from reconciler.model.queued_mail import QueuedMessage, QueueName, QueueResult, QueueRun, QueueVerb
from reconciler.remote.host import Completed
from reconciler.settings import Postfix as Section
from tests.services.mail_queue import QueuePostfix
from tests.systems.postfix.site import WatchedHost

SPAM, OTHER = "muster@muster.example", "anna.beispiel@mail.example"
KEY = asked_address(SPAM)
HOLD, RELEASE, DELETE = QueueVerb.HOLD, QueueVerb.RELEASE, QueueVerb.DELETE
Event = Callable[[], object]


class BusyHost(WatchedHost):
    """This machine, on which something happens right before the first call with an option."""

    def __init__(self, **events: Event) -> None:
        super().__init__(before=self._act)
        self._events = {f"-{option}": event for option, event in events.items()}

    async def _act(self, argv: Sequence[str]) -> None:
        for option in list(self._events):
            if option in argv:
                self._events.pop(option)()


def queue_of(postfix: QueuePostfix, host: WatchedHost | None = None, **section: object) -> MailQueue:
    whole = {"sender_access": "hash:/nowhere", "privilege": "direct", "config_directory": str(postfix.config)}
    return MailQueue(host or WatchedHost(), Section.model_validate({**whole, **section}))


async def shown_by(postfix: QueuePostfix, verb: QueueVerb = DELETE) -> tuple[QueuedMessage, ...]:
    return concerned(verb, (await queue_of(postfix).read()).values(), KEY)


async def done(postfix: QueuePostfix, host: WatchedHost, verb: QueueVerb = DELETE) -> QueueRun:
    """The verb, on what is shown before anything else happens."""
    shown = await shown_by(postfix, verb)
    return await carry_out(queue_of(postfix, host), verb, KEY, shown, SPAM)


def results(run: QueueRun) -> dict[str, QueueResult]:
    return {outcome.message.id: outcome.result for outcome in run.outcomes}


def exchange(postfix: QueuePostfix, one: str, other: str) -> Event:
    """Deletes a message and gives its id to another one, as Postfix does with short ids, if seldom."""

    def act() -> None:
        postfix.call("postsuper", "-d", one)
        deferred = postfix.folder / "queue" / "deferred"
        (deferred / other).rename(deferred / one)

    return act


async def test_a_message_of_somebody_else_that_has_the_id_by_now_is_left(mail_queue: QueuePostfix) -> None:
    spam, other = mail_queue.send_deferred(SPAM), mail_queue.send_deferred(OTHER)
    shown = await shown_by(mail_queue)
    exchange(mail_queue, spam, other)()
    host = WatchedHost()
    run = await carry_out(queue_of(mail_queue, host), DELETE, KEY, shown, SPAM)
    assert results(run) == {spam: QueueResult.GONE}
    assert mail_queue.ids(OTHER, "deferred") == {spam}
    assert not any(argv[0].endswith("postsuper") for argv in host.ran)


async def test_one_that_gets_the_id_at_the_last_moment_is_released_at_once(mail_queue: QueuePostfix) -> None:
    spam, other = mail_queue.send_deferred(SPAM), mail_queue.send_deferred(OTHER)
    run = await done(mail_queue, BusyHost(h=exchange(mail_queue, spam, other)))
    assert results(run) == {spam: QueueResult.GONE}
    assert mail_queue.ids(OTHER) == {spam}
    assert mail_queue.ids(OTHER, "hold") == set()


async def test_one_that_every_look_has_missed_is_released_in_the_end(mail_queue: QueuePostfix) -> None:
    """A listing may miss what moves while it is made (facts/postfix.md 6.1)."""
    spam, other = mail_queue.send_deferred(SPAM), mail_queue.send_deferred(OTHER)

    class Missing(BusyHost):
        async def run(self, argv: Sequence[str], **options: object) -> Completed:
            done = await super().run(argv, **options)  # type: ignore[arg-type]  # handed through
            looks = sum("-j" in ran for ran in self.ran)
            return done._replace(stdout=b"") if "-j" in argv and 1 < looks <= 4 else done

    run = await done(mail_queue, Missing(h=exchange(mail_queue, spam, other)))
    assert results(run) == {spam: QueueResult.GONE}
    assert mail_queue.ids(OTHER) == {spam}
    assert mail_queue.ids(OTHER, "hold") == set()


async def test_a_newer_message_of_the_sender_that_has_the_id_by_now_is_left(mail_queue: QueuePostfix) -> None:
    spam, newer = mail_queue.send_deferred(SPAM), mail_queue.send_deferred(SPAM, text="another one, longer than before")
    shown = [message for message in await shown_by(mail_queue) if message.id == spam]
    host = BusyHost(h=exchange(mail_queue, spam, newer))
    run = await carry_out(queue_of(mail_queue, host), DELETE, KEY, shown, SPAM)
    assert results(run) == {spam: QueueResult.GONE}
    assert [message.id for message in run.newer] == [spam]
    assert mail_queue.ids(SPAM) == {spam}
    assert mail_queue.ids(SPAM, "hold") == set()


async def test_mail_of_others_that_cannot_be_released_is_named(mail_queue: QueuePostfix) -> None:
    spam, other = mail_queue.send_deferred(SPAM), mail_queue.send_deferred(OTHER)
    host = Refusing("-H", h=exchange(mail_queue, spam, other))
    with pytest.raises(PermanentFailure, match=rf"mail of others .* not released: {spam}.*postsuper -H ID"):
        await done(mail_queue, host)
    assert mail_queue.ids(OTHER, "hold") == {spam}


async def test_newer_mail_is_named(mail_queue: QueuePostfix) -> None:
    mail_queue.send_deferred(SPAM)
    came = list[str]()
    run = await done(mail_queue, BusyHost(h=lambda: came.append(mail_queue.send_deferred(SPAM))))
    assert [message.id for message in run.newer] == came
    assert mail_queue.ids(SPAM, "deferred") == set(came)


async def test_what_was_delivered_between_the_list_and_the_answer_is_reported(mail_queue: QueuePostfix) -> None:
    slow = mail_queue.send(SPAM, "somebody@slow.test")
    mail_queue.wait(mail_queue.slow.waiting.is_set)
    shown = await shown_by(mail_queue)
    mail_queue.slow.answer.set()
    mail_queue.wait(lambda: not mail_queue.listed())
    run = await carry_out(queue_of(mail_queue), DELETE, KEY, shown, SPAM)
    assert results(run) == {slow: QueueResult.GONE}


@pytest.mark.parametrize("verb", [HOLD, DELETE])
async def test_what_was_delivered_while_it_was_put_on_hold_is_reported(
    mail_queue: QueuePostfix, verb: QueueVerb
) -> None:
    """postsuper says `placed on hold`, and the delivery goes on: an empty rest stays (facts/postfix.md 6.4)."""
    slow = mail_queue.send(SPAM, "somebody@slow.test")
    mail_queue.wait(mail_queue.slow.waiting.is_set)

    async def deliver(argv: Sequence[str]) -> None:
        if "-h" in argv:
            mail_queue.slow.answer.set()
            mail_queue.wait(lambda: not mail_queue.listed()[slow]["recipients"])

    run = await done(mail_queue, WatchedHost(after=deliver), verb)
    assert results(run) == {slow: QueueResult.DELIVERED}
    assert mail_queue.slow.taken == ["somebody@slow.test"]
    assert mail_queue.ids(SPAM, "hold") == ({slow} if verb is HOLD else set())


async def test_one_of_several_recipients_that_was_reached_meanwhile_is_named(mail_queue: QueuePostfix) -> None:
    both = mail_queue.send(SPAM, "a@slow.test", "b@away.test")
    mail_queue.wait(mail_queue.slow.waiting.is_set)
    shown = await shown_by(mail_queue)
    mail_queue.slow.answer.set()
    mail_queue.wait(lambda: len(mail_queue.listed()[both]["recipients"]) == 1)
    run = await carry_out(queue_of(mail_queue), DELETE, KEY, shown, SPAM)
    assert results(run) == {both: QueueResult.DELETED}
    assert "delivery ended meanwhile for a@slow.test" in run.outcomes[0].note


async def test_requeued_mail_has_another_id_and_is_left_as_newer(mail_queue: QueuePostfix) -> None:
    spam = mail_queue.send_deferred(SPAM)
    shown = await shown_by(mail_queue)
    mail_queue.call("postsuper", "-r", spam)
    mail_queue.wait(lambda: mail_queue.ids(SPAM, "maildrop") == {spam} or spam not in mail_queue.listed())
    run = await carry_out(queue_of(mail_queue), DELETE, KEY, shown, SPAM)
    assert results(run) in ({spam: QueueResult.GONE}, {spam: QueueResult.LEFT})
    assert len(mail_queue.ids(SPAM)) == 1


@pytest.mark.parametrize("verb", [QueueVerb.HOLD, DELETE])
async def test_what_stays_in_the_maildrop_says_that_postfix_may_be_down(
    mail_queue: QueuePostfix, monkeypatch: pytest.MonkeyPatch, verb: QueueVerb
) -> None:
    queue, waits = queue_of(mail_queue), QueuedMessage(QueueName.MAILDROP, "4F40C212910", 1, 300, SPAM, ())

    async def read() -> dict[str, QueuedMessage]:
        return {waits.id: waits}

    monkeypatch.setattr(queue, "read", read)
    run = await carry_out(queue, verb, KEY, [waits], SPAM)
    assert results(run) == {waits.id: QueueResult.LEFT}
    assert "if it is down, start Postfix there; run this again" in run.outcomes[0].note


async def test_a_message_that_somebody_releases_meanwhile_is_not_deleted(mail_queue: QueuePostfix) -> None:
    """Only what is on hold is deleted: `postsuper -d - hold`."""
    spam = mail_queue.send_deferred(SPAM)
    run = await done(mail_queue, BusyHost(d=lambda: mail_queue.call("postsuper", "-H", "ALL")))
    assert results(run) == {spam: QueueResult.LEFT}
    assert "run this again" in run.outcomes[0].note
    assert mail_queue.ids(SPAM) == {spam}


async def test_no_id_is_an_argument_and_all_is_never_said(mail_queue: QueuePostfix) -> None:
    spam, host = mail_queue.send_deferred(SPAM), WatchedHost()
    await done(mail_queue, host)
    for argv in host.ran:
        assert spam not in argv
        assert "ALL" not in argv
    assert host.ran[-2][-3:] == ("-d", "-", "hold")


class Refusing(BusyHost):
    """A host on which postsuper fails with an option."""

    def __init__(self, option: str, **events: Event) -> None:
        super().__init__(**events)
        self._option = option

    async def run(self, argv: Sequence[str], **options: object) -> Completed:
        if self._option in argv:
            return Completed(1, b"", b"sudo: a password is required\n")
        return await super().run(argv, **options)  # type: ignore[arg-type]  # handed through


async def test_an_error_after_holding_says_what_stays_on_hold(mail_queue: QueuePostfix) -> None:
    spam = mail_queue.send_deferred(SPAM)
    with pytest.raises(PermanentFailure, match=r"a password is required.*stays there, neither") as left:
        await done(mail_queue, Refusing("-d"))
    assert f"reconciler queue release --sender {SPAM}" in left.value.hint
    assert mail_queue.ids(SPAM, "hold") == {spam}


async def test_a_look_that_fails_after_holding_deletes_nothing(mail_queue: QueuePostfix) -> None:
    spam, held = mail_queue.send_deferred(SPAM), list[bool]()

    class Blind(WatchedHost):
        async def run(self, argv: Sequence[str], **options: object) -> Completed:
            held.append("-h" in argv)
            if "-j" in argv and any(held):
                return Completed(69, b"", b"postqueue: fatal: Queue report unavailable - mail system is down\n")
            return await super().run(argv, **options)  # type: ignore[arg-type]  # handed through

    with pytest.raises(PermanentFailure, match=r"mail system is down; mail of .* may be on hold"):
        await done(mail_queue, Blind())
    assert mail_queue.ids(SPAM, "hold") == {spam}


async def test_what_is_refused_is_told_before_anything_is_changed(mail_queue: QueuePostfix) -> None:
    spam = mail_queue.send_deferred(SPAM)
    for verb, option in ((HOLD, "-h"), (HOLD, "-H"), (RELEASE, "-H"), (DELETE, "-h"), (DELETE, "-H"), (DELETE, "-d")):
        with pytest.raises(Unreadable, match="a password is required") as caught:
            await check_rights(queue_of(mail_queue, Refusing(option), privilege="sudo"), verb)
        assert f"/usr/sbin/postsuper -c {mail_queue.config} {option} -" in caught.value.hint
    with pytest.raises(Unreadable) as caught:
        await check_rights(queue_of(mail_queue, Refusing("-h")), HOLD)
    assert "log in as root there" in caught.value.hint
    assert mail_queue.ids(SPAM, "deferred") == {spam}


@pytest.mark.parametrize(("option", "domain"), [("-f", None), ("-i", "away.test")])
async def test_a_flush_that_postfix_was_not_told_is_no_success(
    mail_queue: QueuePostfix, option: str, domain: str | None
) -> None:
    mail_queue.send_deferred(SPAM)
    with pytest.raises(PermanentFailure, match="was not told to try again"):
        await queue_of(mail_queue, Refusing(option)).flush(domain)


async def test_asking_for_the_rights_changes_nothing(mail_queue: QueuePostfix) -> None:
    free, held = mail_queue.send_deferred(SPAM), mail_queue.send_deferred(SPAM)
    mail_queue.call("postsuper", "-h", held)
    for verb in (HOLD, RELEASE, DELETE):
        await check_rights(queue_of(mail_queue), verb)
    assert (mail_queue.ids(SPAM, "deferred"), mail_queue.ids(SPAM, "hold")) == ({free}, {held})
