"""What we make of a Postfix that is not as we expect: unknown, with what to do; never empty."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from reconciler.errors import Unreadable
from reconciler.model.records import BlockRow, Found, SettingRow, UnmanagedLineRow
from reconciler.planning.changes import Result
from reconciler.planning.snapshot import rows_of
from reconciler.remote.host import Completed
from reconciler.settings import Postfix as Section
from reconciler.systems.postfix.map_entries import ActionEffect, KeyRules, effect
from reconciler.systems.postfix.read_map import Reader
from reconciler.systems.postfix.tools import Tools
from tests.services.mail import Postfix
from tests.services.main_cf import write_main_cf
from tests.systems.contract import readable_steps_of
from tests.systems.plans import NO_PLAN, changes_of, records_of
from tests.systems.postfix.site import WatchedHost, blocks, converge, section, system_on


class Answers(WatchedHost):
    """Some programs answer what the test says, the others really run."""

    def __init__(self, **answers: Completed) -> None:
        super().__init__()
        self.answers = answers

    async def run(self, argv: Sequence[str], **options: object) -> Completed:
        answer = self.answers.get(Path(argv[0]).name)
        return answer or await super().run(argv, **options)  # type: ignore[arg-type]  # handed through


def copied_config(instance: Postfix, folder: Path) -> Path:
    """For a test that breaks it: the running Postfix keeps its own."""
    return Path(shutil.copytree(instance.config, folder / "etc"))


async def observed(given: Section, host: WatchedHost | None = None) -> Found:
    return await records_of(system_on(given, host))


async def test_a_map_that_is_not_there_yet_is_empty(postfix: Postfix) -> None:
    for file in postfix.map.parent.iterdir():
        file.unlink()
    assert await observed(section(postfix)) == {
        "block": {},
        "unmanaged_line": {},
        "setting": {"recipient_delimiter": SettingRow("recipient_delimiter", "+")},
    }


async def test_a_folder_that_is_not_there_is_unknown(postfix: Postfix) -> None:
    with pytest.raises(Unreadable, match="No such file"):
        await observed(section(postfix, sender_access=f"hash:{postfix.folder}/typo/sender_access"))


async def test_broken_markers_are_unknown(postfix: Postfix) -> None:
    await converge(section(postfix), blocks("example.org"))
    system = system_on(section(postfix))
    steps = await readable_steps_of(system, blocks("example.com"))
    postfix.map.write_text(postfix.map.read_text().replace("# END", "# The END"))
    with pytest.raises(Unreadable, match="BEGIN in line 1 and its END in line none"):
        await observed(section(postfix))
    broken = postfix.map.read_bytes()
    assert {o.result for o in await system.perform(NO_PLAN, steps)} == {Result.FAILED}
    assert postfix.map.read_bytes() == broken


async def test_hand_edits_inside_our_section_are_found(postfix: Postfix) -> None:
    await converge(section(postfix), blocks("example.org", "spam@example.net"))
    text = postfix.map.read_text()
    text = text.replace("example.org REJECT", "EXAMPLE.org reject\nexample.org REJECT\nnonsense\n.dot.test REJECT")
    postfix.write_by_hand(text)
    found = await observed(section(postfix))
    assert {key: row.action for key, row in rows_of(found, BlockRow).items()} == {
        "example.org": "reject",
        "example.org (repeated)": "REJECT",
        "nonsense (no entry)": "(line 5 has no action)",
        "dot.test": "dot.test missing, .dot.test REJECT",
        "spam@example.net": "REJECT",
    }


async def test_hand_made_lines_are_found_with_their_place(postfix: Postfix) -> None:
    await converge(section(postfix), blocks("example.org"))
    postfix.write_by_hand(f"above.test OK\n{postfix.map.read_text()}below.test DUNNO\n")
    postfix.map.write_text(postfix.map.read_text() + "fresh.test OK\n")
    assert list(rows_of(await observed(section(postfix)), UnmanagedLineRow).values()) == [
        ("1", "above.test", "OK", ""),
        ("6", "below.test", "DUNNO", ""),
        ("7", "fresh.test", "OK (not in force)", ""),
    ]


async def test_a_type_that_this_postfix_lacks_is_unknown(postfix: Postfix) -> None:
    host = WatchedHost()
    reader = Reader(Without(host, "lmdb"), Tools(section(postfix, sender_access=f"lmdb:{postfix.map}x")), "nrw")
    with pytest.raises(Unreadable, match=r"no lmdb maps, only hash, btree") as caught:
        await reader.rules()
    assert "postfix-lmdb" in caught.value.hint


class Without(WatchedHost):
    """A Postfix without one map type."""

    def __init__(self, inner: WatchedHost, map_type: str) -> None:
        super().__init__(inner)
        self.map_type = map_type.encode()

    async def run(self, argv: Sequence[str], **options: object) -> Completed:
        done = await super().run(argv, **options)  # type: ignore[arg-type]  # handed through
        return done._replace(stdout=done.stdout.replace(self.map_type + b"\n", b"")) if argv[-1] == "-m" else done


async def test_a_type_that_nobody_can_manage_is_unknown(postfix: Postfix) -> None:
    with pytest.raises(Unreadable, match="regexp is not a map type"):
        await observed(section(postfix, sender_access=f"regexp:{postfix.map}"))


async def test_another_type_than_main_cf_says_is_unknown(postfix: Postfix) -> None:
    """facts/postfix.md section 4: `postmap hash:` over a btree converts it silently, and smtpd cannot read it."""
    with pytest.raises(Unreadable, match="reads this map as hash:") as caught:
        await observed(section(postfix, sender_access=f"btree:{postfix.map}"))
    assert f"sender_access: hash:{postfix.map}" in caught.value.hint


async def test_a_broken_main_cf_is_unknown(postfix: Postfix, tmp_path: Path) -> None:
    config = copied_config(postfix, tmp_path)
    write_main_cf(config / "main.cf", "this is no setting\n")
    with pytest.raises(Unreadable, match="missing '='"):
        await observed(section(postfix, config_directory=str(config)))


async def test_without_postfix_a_built_map_is_unknown_and_a_text_is_not(tmp_path: Path) -> None:
    """The demo runs on a machine without Postfix; a site must not."""
    missing = Answers(postconf=Completed(127, b"", b"postconf: not found\n"))
    (tmp_path / "map").touch()
    with pytest.raises(Unreadable, match="postconf ended with status 127"):
        await observed(Section(sender_access=f"hash:{tmp_path}/map", privilege="direct"), missing)
    given = Section(sender_access=f"texthash:{tmp_path}/map", privilege="direct")
    (outcome,) = await converge(given, blocks("example.org"), missing)
    assert outcome.result is Result.DONE
    assert await changes_of(system_on(given, missing), blocks("example.org")) == []
    assert not any("postfix" in argv[0] for argv in missing.ran), "there is nothing to reload"


async def test_a_text_that_no_restriction_names_is_written_and_nothing_is_reloaded(postfix: Postfix) -> None:
    """Else the demo would reload whatever Postfix runs on the machine."""
    host = WatchedHost()
    given = section(postfix, sender_access=f"texthash:{postfix.map}-other")
    (outcome,) = await converge(given, blocks("example.org"), host)
    assert outcome.result is Result.DONE
    assert not any(argv[-1] == "reload" for argv in host.ran)


SETTINGS = """
smtpd_recipient_restrictions = no_spam, permit
smtpd_restriction_classes = no_spam, vip
no_spam = check_sender_access proxy:{map}
parent_domain_matches_subdomains = debug_peer_list
recipient_delimiter = +-
smtputf8_enable = no
"""


async def test_the_settings_that_decide_what_matches_are_read(postfix: Postfix, tmp_path: Path) -> None:
    """The map named through proxymap in a restriction class, and nothing else as usual."""
    config = copied_config(postfix, tmp_path)
    main_cf = config / "main.cf"
    write_main_cf(main_cf, main_cf.read_text() + SETTINGS.format(map=postfix.sender_access))
    given = section(postfix, config_directory=str(config))
    rules = await Reader(WatchedHost(), Tools(given), "nrw").rules()
    assert rules.keys == KeyRules(parent_matches=False, delimiter="+-", utf8=False)
    assert rules.used
    assert rules.classes == {"no_spam", "vip"}
    assert effect("vip", rules.classes) is ActionEffect.DEPENDS
    assert effect("vip") is ActionEffect.BROKEN


async def test_a_use_in_master_cf_counts(postfix: Postfix, tmp_path: Path) -> None:
    other = f"hash:{postfix.map}-submission"
    config = copied_config(postfix, tmp_path)
    given = section(postfix, sender_access=other, config_directory=str(config))
    assert not (await Reader(WatchedHost(), Tools(given), "nrw").rules()).used
    override = f" smtpd\n  -o {{ smtpd_sender_restrictions = check_sender_access {other} }}\n"
    master_cf = config / "master.cf"
    master_cf.write_text(master_cf.read_text().replace(" smtpd\n", override, 1))
    assert (await Reader(WatchedHost(), Tools(given), "nrw").rules()).used


async def test_reading_needs_as_many_commands_at_every_size(postfix: Postfix) -> None:
    few, many = WatchedHost(), WatchedHost()
    await observed(section(postfix), few)
    await converge(section(postfix), blocks(*(f"s{number}.example.org" for number in range(2000))))
    await observed(section(postfix), many)
    assert len(few.ran) == len(many.ran) <= 6


@pytest.mark.parametrize("suffix", ["", ".db"])
async def test_a_link_in_the_place_of_the_map_is_refused_with_both_paths(
    postfix: Postfix, tmp_path: Path, suffix: str
) -> None:
    """Nothing is written, and the link stays."""
    link, real = Path(f"{postfix.map}{suffix}"), tmp_path / "elsewhere"
    shutil.move(link, real)
    link.symlink_to(real)
    with pytest.raises(Unreadable, match=f"{link} is a link to {real}"):
        await observed(section(postfix))
    assert link.is_symlink()
    assert link.readlink() == real


async def test_a_map_in_a_folder_that_is_a_link_is_written_there(postfix: Postfix, tmp_path: Path) -> None:
    (tmp_path / "maps").symlink_to(postfix.map.parent)
    given = section(postfix, sender_access=f"hash:{tmp_path}/maps/sender_access")
    assert {o.result for o in await converge(given, blocks("example.org"))} == {Result.DONE}
    assert postfix.refuses("a@example.org")
    assert (tmp_path / "maps").is_symlink()
