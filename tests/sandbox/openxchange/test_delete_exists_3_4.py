"""deleteuser and existsuser: `facts/open-xchange.md` 3.4."""

from __future__ import annotations

import pytest

from reconciler.sandbox.openxchange.control import users
from tests.sandbox.openxchange.conftest import BERND, Ox, message


def logins(ox: Ox) -> list[str]:
    return [user.ident for user in users(ox.folder)]


@pytest.mark.parametrize("key", [("-i", "3"), ("-u", "anna"), ("--userid=3",), ("-i", "3", "-u", "whatever")])
def test_3_4_delete_by_id_or_login(anna: Ox, key: tuple[str, ...]) -> None:
    anna.ok("deleteuser", *key)
    assert logins(anna) == ["oxadmin"]


def test_3_4_a_deleted_user_leaves_no_aliases_behind(anna: Ox) -> None:
    anna.ok("deleteuser", "-i", "3")
    anna.create(*BERND)
    assert anna.user("bernd").aliases == {"bernd@pirat.alt"}


def test_3_4_deleting_twice_is_108(anna: Ox) -> None:
    anna.ok("deleteuser", "-u", "anna")
    assert anna.run("deleteuser", "-u", "anna").status == 108


def test_3_4_the_context_admin_cannot_be_deleted(ox: Ox) -> None:
    assert ox.refused("deleteuser", "-i", "2") == "Admin delete not supported"
    assert logins(ox) == ["oxadmin"]


def test_3_4_a_reassign_target_must_own_a_file_store(anna: Ox) -> None:
    anna.create(*BERND)
    text = anna.refused("deleteuser", "-u", "anna", "-r", "4")
    assert text == "The reassign user with id 4 is not an owner of a filestore"
    anna.create("-u", "c", "-d", "C", "-g", "C", "-s", "C", "-e", "c@pirat.alt", "-q", "5")
    anna.ok("deleteuser", "-u", "anna", "--reassign", "5")


def test_3_4_a_reassign_target_must_exist_and_be_somebody_else(anna: Ox) -> None:
    assert anna.run("deleteuser", "-i", "3", "-r", "99").status == 108
    anna.refused("deleteuser", "-i", "3", "-r", "3")
    assert anna.run("deleteuser", "-i", "3", "-r", "x").status == 1
    assert logins(anna) == ["oxadmin", "anna"]


def test_3_4_no_reassign_wins(anna: Ox) -> None:
    anna.ok("deleteuser", "-i", "3", "-r", "99", "--no-reassign")


def test_3_4_the_owner_of_a_file_store_that_others_use(anna: Ox) -> None:
    anna.create("-u", "c", "-d", "C", "-g", "C", "-s", "C", "-e", "c@pirat.alt", "-q", "5")
    anna.create(*BERND, "-f", "1", "-o", "4")
    anna.refused("deleteuser", "-i", "4")
    anna.ok("deleteuser", "-i", "5")
    anna.ok("deleteuser", "-i", "4")


def test_3_4_exists_says_so_on_stdout(anna: Ox) -> None:
    assert anna.ok("existsuser", "-u", "anna") == "User anna exists\n"
    assert anna.ok("existsuser", "-i", "3") == "User 3 exists\n"


@pytest.mark.parametrize(("key", "ident"), [(("-u", "Anna"), "Anna"), (("-i", "99"), "99")])
def test_3_4_no_is_exit_1_and_no_error(anna: Ox, key: tuple[str, ...], ident: str) -> None:
    """The comparison is case-sensitive; exit 1 is what a broken server gives too."""
    assert anna.run("existsuser", *key) == (1, f"User {ident} does not exist\n", "")


def test_3_4_exists_without_a_key_is_103(ox: Ox) -> None:
    result = ox.run("existsuser")
    assert (result.status, result.out) == (103, "")
    assert message(result)


def test_3_4_exists_with_a_wrong_context_is_101(ox: Ox) -> None:
    assert ox.bare("existsuser", "-c", "9", "-A", "oxadmin", "-u", "oxadmin").status == 101
