"""What differs between releases: `facts/open-xchange.md` 8, 2.2, 2.3."""

from __future__ import annotations

import pytest

from tests.sandbox.openxchange.conftest import ANNA, BERND, PASSWORD, Ox

SECRET = {"NEW_USER_PASSWORD": PASSWORD}


def test_8_the_old_table_has_no_quota_columns(ox: Ox) -> None:
    ox.switch(version="OLD")
    text = ox.ok("listuser")
    assert text == "Id Name    Displayname   Email              \n 2 oxadmin Context Admin oxadmin@example.org\n"


@pytest.mark.parametrize("version", ["MID", "NEW"])
def test_8_the_newer_table_has_them(ox: Ox, version: str) -> None:
    ox.switch(version=version)
    assert ox.ok("listuser").split("\n")[0].endswith(" qmax qused")


def test_2_3_old_releases_had_five_more_access_columns(ox: Ox) -> None:
    ox.switch(version="OLD")
    rights = [name for name in ox.rows()["oxadmin"] if name.startswith("access-")]
    assert len(rights) == 31
    assert {"access-forum", "access-pinboard-write", "access-projects"} < set(rights)
    assert "PrimaryAccountName" not in ox.rows()["oxadmin"]


@pytest.mark.parametrize(
    ("tool", "option"),
    [
        ("listuser", ("--includeguests",)),
        ("listuser", ("--excludeusers",)),
        ("deleteuser", ("-i", "3", "--no-reassign")),
        ("deleteuser", ("-i", "3", "-r", "3")),
        ("changeuser", ("-i", "3", "-q", "5")),
        ("changeuser", ("-i", "3", "--personal", "x")),
        ("changeuser", ("-i", "3", "--capabilities-to-drop", "x")),
        ("createuser", (*BERND, "-p", "x", "--primary-account-name", "x")),
    ],
)
def test_8_options_that_old_releases_do_not_know(anna: Ox, tool: str, option: tuple[str, ...]) -> None:
    anna.switch(version="OLD")
    assert anna.run(tool, *option).status == 111
    anna.switch(version="MID")
    assert anna.run(tool, *option).status != 111


def test_8_paging_and_drive_options_are_new(anna: Ox) -> None:
    assert anna.run("listuser", "--length", "1").status == 111
    assert anna.run("changeuser", "-i", "3", "--convert-drive-user-folders").status == 111
    anna.switch(version="NEW", seed=3)
    pages = [set(anna.rows("--length", "1", "--offset", str(offset))) for offset in range(3)]
    assert pages[0] | pages[1] == {"oxadmin", "anna"}
    assert pages[2] == set()
    anna.ok("changeuser", "-i", "3", "--convert-drive-user-folders")


@pytest.mark.parametrize(("version", "ending"), [("OLD", "context 1"), ("MID", "(Already assigned to user 3).")])
def test_8_the_text_of_a_duplicate_primary_mail(anna: Ox, version: str, ending: str) -> None:
    anna.switch(version=version)
    text = anna.refused("createuser", *BERND[:-1], "anna@pirat.alt", env=SECRET)
    assert text.startswith('Primary mail address "anna@pirat.alt" already exists in context 1')
    assert text.endswith(ending)


def test_8_the_display_name_switch_came_with_7_8(anna: Ox) -> None:
    anna.switch(version="OLD", enforceUniqueDisplayName=False)
    arguments = ("-u", "b", *ANNA[2:-1], "b@pirat.alt")
    assert anna.refused("createuser", *arguments, env=SECRET) == "The displayname is already used"
    anna.switch(version="MID")
    anna.create(*arguments)


@pytest.mark.parametrize("version", ["OLD", "MID", "NEW"])
def test_the_whole_life_of_a_user_in_every_release(ox: Ox, version: str) -> None:
    ox.switch(version=version)
    ox.create(*ANNA)
    ox.ok("changeuser", "-i", "3", "-d", "Anna B.")
    assert ox.rows()["anna"]["Display_name"] == "Anna B."
    ox.ok("deleteuser", "-i", "3")
    assert ox.run("existsuser", "-i", "3").status == 1
