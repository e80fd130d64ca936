"""Writing the map: what is kept, and what happens when it is raced, refused or only half understood."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from reconciler.errors import Unreadable
from reconciler.planning.changes import Result
from reconciler.remote.host import Completed
from reconciler.systems.postfix.tools import Tools
from tests.services.mail import Postfix
from tests.systems.contract import readable_steps_of
from tests.systems.plans import NO_PLAN, changes_of
from tests.systems.postfix.site import WatchedHost, blocks, converge, is_build, leftovers, section, system_on

NewPostfix = Callable[[str], Postfix]
BY_HAND = b"# mine\r\nfriend@example.com\tOK\n\n  # indented\nold.test REJECT go away  \n.never.test REJECT"


async def test_hand_made_lines_survive_byte_for_byte_and_our_section_leaves_nothing(any_postfix: Postfix) -> None:
    any_postfix.map.write_bytes(BY_HAND)
    await converge(section(any_postfix), blocks("example.org"))
    assert any_postfix.map.read_bytes().endswith(b"# END reconciler nrw\n" + BY_HAND)
    await converge(section(any_postfix), blocks())
    assert any_postfix.map.read_bytes() == BY_HAND
    assert leftovers(any_postfix) == []


async def test_owner_and_mode_are_kept(any_postfix: Postfix) -> None:
    any_postfix.map.write_bytes(BY_HAND)
    any_postfix.map.chmod(0o640)
    os.chown(any_postfix.map, 0, 7)
    await converge(section(any_postfix), blocks("example.org"))
    built = Path(Tools(section(any_postfix)).built)
    for file in (any_postfix.map, built):
        assert (file.stat().st_mode & 0o777, file.stat().st_gid) == (0o640, 7), file


async def test_the_first_map_of_a_host_is_made(any_postfix: Postfix) -> None:
    for file in any_postfix.map.parent.iterdir():
        file.unlink()
    await converge(section(any_postfix), blocks("example.org"))
    assert any_postfix.map.read_text().startswith("# BEGIN reconciler nrw: declared in git, do not edit\n")
    assert await changes_of(system_on(section(any_postfix)), blocks("example.org")) == []


async def test_the_old_map_is_kept_as_a_copy(postfix: Postfix) -> None:
    """facts/postfix.md 3.4: renamed or linked, it would hide the change."""
    await converge(section(postfix), blocks("example.org"))
    old = Path(f"{postfix.map}.db").read_bytes()
    await converge(section(postfix), blocks("example.com"))
    backup = Path(f"{postfix.map}.db.bak")
    assert backup.read_bytes() == old
    assert backup.stat().st_nlink == 1


async def test_a_link_in_the_place_of_the_copy_is_replaced_and_not_followed(postfix: Postfix, tmp_path: Path) -> None:
    """We may be root there, and whoever may write into the folder could name any file."""
    await converge(section(postfix), blocks("example.org"))
    backup, theirs = Path(f"{postfix.map}.db.bak"), tmp_path / "theirs"
    theirs.write_text("somebody else's")
    backup.unlink(missing_ok=True)
    backup.symlink_to(theirs)
    old = Path(f"{postfix.map}.db").read_bytes()
    await converge(section(postfix), blocks("example.com"))
    assert theirs.read_text() == "somebody else's"
    assert not backup.is_symlink()
    assert backup.read_bytes() == old


async def test_a_forgotten_postmap_is_drift_that_converges(postfix: Postfix) -> None:
    """Somebody took our section out of the text and did not build: the block is still in force."""
    await converge(section(postfix), blocks("example.org"))
    postfix.map.write_text("mine.test OK\n")
    (change,) = await changes_of(system_on(section(postfix)), blocks())
    await converge(section(postfix), blocks())
    assert change.key == "example.org"
    assert not postfix.refuses("a@example.org")
    assert postfix.dump() == {"mine.test": "OK"}


async def test_a_line_above_our_section_that_wins_is_drift(postfix: Postfix) -> None:
    """docs/postfix.md: ours stands on top, so that it wins; a section further down is moved up."""
    await converge(section(postfix), blocks("example.org"))
    postfix.write_by_hand("example.org OK\n" + postfix.map.read_text())
    assert not postfix.refuses("a@example.org")
    outcomes = await converge(section(postfix), blocks("example.org"))
    assert [o.result for o in outcomes] == [Result.DONE], "the duplicate is known and no failure"
    assert postfix.map.read_text().endswith("# END reconciler nrw\nexample.org OK\n")
    assert postfix.refuses("a@example.org")


@pytest.mark.parametrize(
    ("by_hand", "said"),
    [
        ("mine.test OK\nforgotten.test\n", "line 2, was made by hand and has no action"),
        ("mine.test OK\nmine.test REJECT\n", "line 2, was made by hand and repeats the key mine.test"),
        ("mine.test: OK\n", "line 1, was made by hand and has a key that ends in a colon"),
        ("  mine.test OK\n", "begins with a blank, so it would continue our last entry"),
    ],
)
async def test_a_line_that_postmap_would_complain_about_stops_the_write(
    any_postfix: Postfix, by_hand: str, said: str
) -> None:
    any_postfix.map.write_text(by_hand)
    (outcome,) = await converge(section(any_postfix), blocks("example.org"))
    assert outcome.result is Result.FAILED
    assert not outcome.temporary
    assert said in outcome.message
    assert outcome.hint
    assert any_postfix.map.read_text() == by_hand
    assert leftovers(any_postfix) == []


async def test_a_block_takes_the_place_of_the_line_that_says_the_same(any_postfix: Postfix) -> None:
    """With its comment; what does something else stays, and so does every other line."""
    stays = "# theirs\nmine.test OK\n"
    goes = "# a wave\nExample.ORG reject no thanks\n"
    any_postfix.write_by_hand(stays + goes + "spam@example.net DUNNO\n")
    (outcome,) = await converge(section(any_postfix), blocks("example.org"))
    assert outcome.result is Result.DONE
    assert any_postfix.map.read_text().endswith(f"# END reconciler nrw\n{stays}spam@example.net DUNNO\n")
    assert any_postfix.refuses("a@sub.example.org")


async def test_a_line_right_below_our_section_is_taken_over_too(any_postfix: Postfix) -> None:
    await converge(section(any_postfix), blocks("example.com"))
    any_postfix.write_by_hand(any_postfix.map.read_text() + "example.org REJECT\nmine.test OK\n")
    (outcome,) = await converge(section(any_postfix), blocks("example.com", "example.org"))
    assert outcome.result is Result.DONE
    assert any_postfix.map.read_text().endswith("example.org REJECT\n# END reconciler nrw\nmine.test OK\n")


async def test_any_unexpected_word_of_postmap_stops_the_write(postfix: Postfix) -> None:
    """facts/postfix.md 3.1: it says so and ends with 0. Here: a remark on its own settings."""

    class Talking(WatchedHost):
        async def run(self, argv: Sequence[str], **options: object) -> Completed:
            done = await super().run(argv, **options)  # type: ignore[arg-type]  # handed through
            return done._replace(stderr=b"postmap: warning: something new\n") if is_build(argv) else done

    (outcome,) = await converge(section(postfix), blocks("example.org"), Talking())
    assert outcome.result is Result.FAILED
    assert "something new" in outcome.message
    assert postfix.map.read_text() == ""
    assert postfix.dump() == {}
    assert leftovers(postfix) == []


async def test_a_map_that_does_not_read_back_is_not_published(postfix: Postfix) -> None:
    """Somebody else's postmap, a full disk that nobody reported: the proof is the read-back."""

    async def spoil(argv: Sequence[str]) -> None:
        if is_build(argv):
            postfix.postmap("-d", "example.org", argv[-1]).check_returncode()

    (outcome,) = await converge(section(postfix), blocks("example.org"), WatchedHost(after=spoil))
    assert "does not read back" in outcome.message
    assert postfix.dump() == {}
    assert leftovers(postfix) == []


async def test_an_edit_during_the_build_is_not_overwritten(any_postfix: Postfix) -> None:
    tools = Tools(section(any_postfix))

    async def edit(argv: Sequence[str]) -> None:
        if tuple(argv) == tools.write:
            any_postfix.map.write_text("mine.test OK\n")

    (outcome,) = await converge(section(any_postfix), blocks("example.org"), WatchedHost(after=edit))
    assert (outcome.result, outcome.temporary) == (Result.FAILED, True)
    assert "somebody changed" in outcome.message
    assert any_postfix.map.read_text() == "mine.test OK\n"


async def test_a_step_that_lost_its_race_fails_alone(any_postfix: Postfix) -> None:
    given = section(any_postfix)
    await converge(given, blocks("one.test", "two.test"))
    system = system_on(given)
    steps = await readable_steps_of(system, blocks("three.test"))
    text = any_postfix.map.read_text()
    any_postfix.write_by_hand(text.replace("one.test REJECT", "one.test HOLD"))
    outcomes = dict(zip((s.change.key for s in steps), await system.perform(NO_PLAN, steps), strict=True))
    assert {key: o.result for key, o in outcomes.items()} == {
        "one.test": Result.FAILED,
        "two.test": Result.DONE,
        "three.test": Result.DONE,
    }
    assert "`REJECT` when this was planned and is `HOLD` now" in outcomes["one.test"].message
    assert "one.test HOLD\n" in any_postfix.map.read_text()
    assert any_postfix.refuses("a@three.test")
    assert not any_postfix.refuses("a@two.test")


async def test_two_writers_do_not_meet(any_postfix: Postfix) -> None:
    given = section(any_postfix)
    both = await asyncio.gather(converge(given, blocks("one.test")), converge(given, blocks("one.test", "two.test")))
    for outcomes in both:
        assert all(o.result is Result.DONE or o.temporary for o in outcomes), outcomes
    assert any(o.result is Result.DONE for outcomes in both for o in outcomes)
    await converge(given, blocks("one.test", "two.test"))
    assert any_postfix.refuses("a@one.test")
    assert any_postfix.refuses("a@two.test")
    assert leftovers(any_postfix) == []


async def test_a_living_lock_is_waited_for_and_a_dead_one_dropped(postfix: Postfix) -> None:
    lock = Path(Tools(section(postfix)).lock[1])
    lock.mkdir()
    (outcome,) = await converge(section(postfix), blocks("example.org"))
    assert (outcome.result, outcome.temporary) == (Result.FAILED, True)
    assert "another run is writing" in outcome.message
    assert lock.exists()
    four_minutes_ago = time.time() - 240
    os.utime(lock, (four_minutes_ago, four_minutes_ago))
    (outcome,) = await converge(section(postfix), blocks("example.org"))
    assert outcome.result is Result.DONE
    assert not lock.exists()


@pytest.mark.parametrize("moved", [False, True])
async def test_when_the_line_breaks_we_look_before_we_answer(postfix: Postfix, moved: bool) -> None:
    """Host: after Unreadable nobody knows whether the effect took place."""
    tools = Tools(section(postfix))

    async def cut(argv: Sequence[str]) -> None:
        if tuple(argv) == (tools.publish_text if moved else tools.build):
            raise Unreadable("the line broke")

    (outcome,) = await converge(section(postfix), blocks("example.org"), WatchedHost(after=cut))
    assert outcome.result is (Result.DONE if moved else Result.FAILED)
    assert outcome.temporary is not moved
    assert leftovers(postfix) == []


async def test_a_key_that_no_map_can_hold_fails_alone(postfix: Postfix) -> None:
    """`#` is allowed before an @, and begins a comment in a map."""
    outcomes = await converge(section(postfix), blocks("#odd@example.net", "example.org"))
    assert [o.result for o in outcomes] == [Result.FAILED, Result.DONE]
    assert "no map can hold" in outcomes[0].message


async def test_one_batch_is_one_rewrite(postfix: Postfix) -> None:
    """However many blocks: the number of commands stays the same."""
    few, many = WatchedHost(), WatchedHost()
    await converge(section(postfix), blocks("one.test"), few)
    await converge(section(postfix), blocks(*(f"s{number}.example.org" for number in range(2000))), many)
    assert len(few.ran) == len(many.ran)


async def test_a_whole_file_of_ours_holds_nothing_else(any_postfix: Postfix) -> None:
    """docs/postfix.md: `whole_file: true`. What stands there and is not declared is drift like any other."""
    any_postfix.write_by_hand("# mine\nmine.test REJECT\nexample.org REJECT\nnonsense\n")
    given = section(any_postfix, whole_file=True)
    changes = await changes_of(system_on(given), blocks("example.org", "new.test"))
    assert {(c.key, str(c.action)) for c in changes} == {
        ("new.test", "create"),
        ("mine.test", "delete"),
        ("nonsense (no entry)", "delete"),
    }
    await converge(given, blocks("example.org", "new.test"))
    assert "mine" not in any_postfix.map.read_text()
    assert not any_postfix.refuses("a@mine.test")
    assert await changes_of(system_on(given), blocks("example.org", "new.test")) == []


async def test_a_key_twice_in_a_text_that_postfix_reads_itself_is_never_written(new_postfix: NewPostfix) -> None:
    """facts/postfix.md section 4: the whole map would be unavailable, 451 for everybody."""
    instance: Postfix = new_postfix("texthash")
    instance.write_by_hand("example.org OK\n")
    outcomes = await converge(section(instance), blocks("example.org", "example.com"))
    assert [o.result for o in outcomes] == [Result.DONE, Result.FAILED]  # in the order of the keys
    assert "line 1 of" in outcomes[1].message
    assert "remove that line" in outcomes[1].hint
    assert not instance.refuses("a@example.org")
    assert instance.refuses("a@example.com")
