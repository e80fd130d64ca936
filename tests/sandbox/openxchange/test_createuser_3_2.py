"""createuser: `facts/open-xchange.md` 3.1, 3.2, 3.5 and its rules in 4."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from reconciler.sandbox.openxchange.bulk import import_users
from reconciler.sandbox.openxchange.control import check_password, users
from reconciler.sandbox.openxchange.install import install
from tests.sandbox.openxchange.conftest import ANNA, BERND, PASSWORD, Ox

SECRET = {"NEW_USER_PASSWORD": PASSWORD}


def person(login: str, mail: str = "", name: str = "") -> tuple[str, ...]:
    return ("-u", login, "-d", name or login, "-g", "G", "-s", "S", "-e", mail or f"{login}@pirat.alt")


def test_3_2_the_example_of_the_facts(ox: Ox) -> None:
    options = (
        "-a",
        "anna@pirat.alt,a.berg@pirat.alt",
        "--imaplogin",
        "anna@pirat.alt",
        "-l",
        "de_DE",
        "-t",
        "Europe/Berlin",
    )
    assert ox.create("--nonl", *ANNA, *options) == "user 3 in context 1 created\n"
    row = ox.rows()["anna"]
    assert set(row["Aliases"].split(", ")) == {"anna@pirat.alt", "a.berg@pirat.alt"}
    found = [row[name] for name in ("PrimaryEmail", "Email1", "DefaultSenderAddress", "ImapLogin", "Language")]
    assert found == ["anna@pirat.alt"] * 4 + ["de_DE"]


def test_3_2_defaults(ox: Ox) -> None:
    ox.create(*ANNA)
    row = ox.rows()["anna"]
    wanted = {
        "Language": "en_US",
        "Timezone": "Europe/Berlin",
        "ImapServer": "imap://localhost:143",
        "SmtpServer": "smtp://localhost:25",
        "Mailenabled": "true",
        "ImapLogin": "",
    }
    assert {name: row[name] for name in wanted} == wanted


def test_3_2_the_primary_and_the_default_sender_are_added_to_the_aliases(ox: Ox) -> None:
    ox.create(*ANNA, "-a", " b@pirat.alt ,,c@pirat.alt", "--defaultsenderaddress", "d@pirat.alt")
    assert ox.user("anna").aliases == {f"{name}@pirat.alt" for name in ("anna", "b", "c", "d")}


def test_3_2_ids_are_never_used_again(ox: Ox) -> None:
    ox.create(*ANNA)
    ox.ok("deleteuser", "-i", "3")
    assert ox.create(*ANNA) == "user 4 in context 1 created\n"


def test_3_2_rights_are_the_admins_without_public_folders_then_the_options(ox: Ox) -> None:
    ox.create(*ANNA, "--access-usm", "off", "--access-denied-portal", "on")
    admin, anna = ox.rows()["oxadmin"], ox.rows()["anna"]
    different = {name for name in anna if name.startswith("access-") and anna[name] != admin[name]}
    assert different == {"access-public-folder-editable", "access-usm", "access-denied-portal"}


def test_3_2_with_a_combination_the_single_options_are_ignored(ox: Ox) -> None:
    ox.create(*ANNA, "--access-combination-name", "webmail", "--access-usm", "on")
    rights = ox.user("anna").access
    assert "access-webmail" in rights
    assert not {"access-usm", "access-calendar"} & rights


def test_3_1_an_unknown_combination(ox: Ox) -> None:
    text = ox.refused("createuser", *ANNA, "--access-combination-name", "x", env=SECRET)
    assert text == 'No such access combination name "x"'
    assert len(users(ox.folder)) == 1


def test_3_1_timezone_is_checked_by_the_tool(ox: Ox) -> None:
    for zone in ("Europe/Nowhere", "../etc/passwd", "x" * 500):
        assert ox.refused("createuser", *ANNA, "-t", zone, env=SECRET) == "The given timezone is invalid"


def test_3_1_wrong_booleans_and_dates_are_109(ox: Ox) -> None:
    for option in (("--mailenabled", "maybe"), ("--birthday", "29.02.1980"), ("--quota", "much")):
        assert ox.run("createuser", *ANNA, *option, env=SECRET).status == 109


def test_3_1_own_file_store(ox: Ox) -> None:
    ox.create(*ANNA, "-q", "500")
    row = ox.rows()["anna"]
    assert (row["MaxQuota"], row["FilestoreId"], row["FilestoreOwner"]) == ("500", "1", "0")
    ox.create(*BERND, "-f", "4", "-o", "3")
    assert (ox.rows()["bernd"]["FilestoreId"], ox.rows()["bernd"]["FilestoreOwner"]) == ("4", "3")
    assert "is not an owner" in ox.refused("createuser", *person("c"), "-f", "4", "-o", "4", env=SECRET)


def test_3_1_primary_account_name(ox: Ox) -> None:
    ox.create(*ANNA, "--primary-account-name", "Post")
    assert ox.rows()["anna"]["PrimaryAccountName"] == "Post"


def test_3_5_csv_import_is_refused_in_clear_words(ox: Ox) -> None:
    result = ox.bare("createuser", "--csv-import", "users.csv")
    assert (result.status, "not part of this stand-in" in result.err) == (109, True)


def test_4_passwords_are_stored_as_salted_hashes(ox: Ox) -> None:
    ox.create(*ANNA)
    ox.create(*BERND)
    assert check_password(ox.folder, "anna", PASSWORD)
    assert not check_password(ox.folder, "anna", PASSWORD + " ")
    assert not check_password(ox.folder, "nobody", PASSWORD)
    assert ox.user("anna").fields["Password"] != ox.user("bernd").fields["Password"]
    for path in ox.folder.glob("store.sqlite*"):
        assert PASSWORD.encode() not in path.read_bytes()


def test_4_an_empty_password_is_refused(ox: Ox) -> None:
    assert ox.refused("createuser", *ANNA, "-p", "") == "Empty password is not allowed."


def test_4_mandatory_fields(ox: Ox) -> None:
    text = ox.refused("createuser", "-u", "", "-d", "", "-g", "A", "-s", "", "-e", "a@pirat.alt", "-p", "x")
    assert text == "Mandatory fields not set: name, display_name, sur_name"


@pytest.mark.parametrize(("login", "rest"), [("anna b", " "), ("jürgen", "ü"), ("a/b(c)", "/()")])
def test_4_illegal_characters_in_a_login(ox: Ox, login: str, rest: str) -> None:
    assert ox.refused("createuser", *person(login, "x@pirat.alt"), env=SECRET) == f'Illegal chars: "{rest}"'
    ox.switch(CHECK_USER_UID_FOR_NOT_ALLOWED_CHARS=False)
    ox.create(*person(login, "x@pirat.alt"))


def test_4_at_signs_dots_and_capitals_are_fine_in_a_login(ox: Ox) -> None:
    ox.create(*person("Anna.B@pirat.alt", "a@pirat.alt"))


def test_4_logins_are_compared_exactly(anna: Ox) -> None:
    anna.create(*person("ANNA", "other@pirat.alt"))
    assert "already exists" in anna.refused("createuser", *person("anna", "x@pirat.alt", "x"), env=SECRET)


def test_4_auto_to_lowercase_uid_also_for_the_admins_login(ox: Ox) -> None:
    assert ox.bare("listuser", "-c", "1", "-A", "OXADMIN").status == 101
    ox.switch(AUTO_TO_LOWERCASE_UID=True)
    ox.create(*person("ANNA"))
    assert ox.user("anna").fields["Name"] == "anna"
    assert ox.bare("listuser", "-c", "1", "-A", "OXADMIN").status == 0


def test_4_primary_mail_is_unique_ignoring_case(anna: Ox) -> None:
    text = anna.refused("createuser", *person("b", "ANNA@pirat.alt"), env=SECRET)
    assert text == 'Primary mail address "ANNA@pirat.alt" already exists in context 1 (Already assigned to user 3).'


def test_4_aliases_are_not_checked_for_uniqueness(anna: Ox) -> None:
    anna.create(*person("b"), "-a", "anna@pirat.alt,a.beispiel@pirat.alt")
    anna.create(*person("c", "a.beispiel@pirat.alt"))


def test_4_display_names_are_unique_and_the_admins_counts(anna: Ox) -> None:
    for name in ("Anna Beispiel", "ANNA beispiel", "Context Admin"):
        assert anna.refused("createuser", *person("b", name=name), env=SECRET) == "The displayname is already used"
    anna.switch(displayNameIgnoresCase=False)
    anna.create(*person("b", name="ANNA beispiel"))
    anna.switch(enforceUniqueDisplayName=False)
    anna.create(*person("c", name="Anna Beispiel"))


def test_4_email1_must_be_the_primary_to_the_letter(ox: Ox) -> None:
    for email1 in ("b@pirat.alt", "ANNA@pirat.alt"):
        text = ox.refused("createuser", *ANNA, "--email1", email1, env=SECRET)
        assert text == "primarymail must have the same value as email1"
    assert ox.refused("createuser", *ANNA, "--email1", "", env=SECRET) == "email1 not sent but required!"


@pytest.mark.parametrize("bad", ["anna", "@pirat.alt", "anna@", "a b@pirat.alt", "a@b@pirat.alt", "a@pirat.alt\n"])
def test_4_addresses_must_look_like_addresses(ox: Ox, bad: str) -> None:
    for arguments in (("-e", bad), ("--email2", bad), ("--defaultsenderaddress", bad)):
        arguments = (*arguments, *(("-e", "a@pirat.alt") if arguments[0] != "-e" else ()))
        text = ox.refused("createuser", *ANNA[:8], *arguments, env=SECRET)
        assert text == "Invalid email address"
    assert ox.refused("createuser", *ANNA, "-a", bad.strip() + " b", env=SECRET) == "Invalid email address"


def test_4_the_language_has_an_underscore(ox: Ox) -> None:
    assert "Language" in ox.refused("createuser", *ANNA, "-l", "de", env=SECRET)


def test_4_nothing_is_unique_across_contexts(anna: Ox) -> None:
    install(anna.folder, admin_password="second", context=2)
    result = anna.bare("createuser", "-c", "2", "-A", "oxadmin", "-P", "second", *ANNA, "-p", "x")
    assert result.out == "user 3 in context 2 created\n"
    assert len(users(anna.folder, context=2)) == 2


def test_danger_a_refused_createuser_leaves_nothing(anna: Ox) -> None:
    before = users(anna.folder)
    anna.refused("createuser", *person("b", "anna@pirat.alt"), "--config/x=1", env=SECRET)
    assert users(anna.folder) == before
    with closing(sqlite3.connect(anna.folder / "store.sqlite")) as connection:
        assert connection.execute("SELECT count(*) FROM alias").fetchone() == (3,)
    assert anna.create(*person("b")) == "user 4 in context 1 created\n"


def test_danger_a_hand_made_user_with_the_same_login(ox: Ox) -> None:
    import_users(ox.folder, [{"Name": "anna", "Display_name": "Somebody", "PrimaryEmail": "somebody@pirat.alt"}])
    assert ox.refused("createuser", *ANNA, env=SECRET) == "User anna already exists in this context"
    assert ox.user("anna").fields["PrimaryEmail"] == "somebody@pirat.alt"
