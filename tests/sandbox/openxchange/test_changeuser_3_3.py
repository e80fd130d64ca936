"""changeuser: `facts/open-xchange.md` 3.3, its rules in 4, and 11."""

from __future__ import annotations

import pytest

from reconciler.sandbox.openxchange.bulk import import_users
from reconciler.sandbox.openxchange.control import check_password
from tests.sandbox.openxchange.conftest import BERND, PASSWORD, Ox, message

OLD, NEW, SECOND = "anna@pirat.alt", "neu@pirat.alt", "a.beispiel@pirat.alt"
ALIASES_RULE = "primaryMail, Email1 and defaultSenderAddress must be present in set of aliases."


def addresses(ox: Ox) -> tuple[str, ...]:
    fields = ox.user("anna").fields
    return tuple(fields[name] for name in ("PrimaryEmail", "Email1", "DefaultSenderAddress"))


def test_3_3_only_what_is_passed_is_touched(anna: Ox) -> None:
    before = anna.user("anna")
    anna.ok("changeuser", "-i", "3", "-d", "Anna B.")
    after = anna.user("anna")
    assert after == before._replace(fields={**before.fields, "Display_name": "Anna B."})


def test_3_3_changing_the_address_takes_three_options_at_once(anna: Ox) -> None:
    anna.ok("changeuser", "-i", "3", "-e", NEW, "--defaultsenderaddress", NEW, "-a", f"{NEW},{OLD},{SECOND}")
    assert addresses(anna) == (NEW, NEW, NEW)
    assert anna.user("anna").aliases == {NEW, OLD, SECOND}


def test_3_3_dash_e_alone_works_only_if_the_new_address_is_an_alias(anna: Ox) -> None:
    assert anna.refused("changeuser", "-i", "3", "-e", NEW) == ALIASES_RULE
    anna.ok("changeuser", "-i", "3", "-e", SECOND)
    assert addresses(anna) == (SECOND, SECOND, OLD)


def test_3_3_dash_e_with_aliases_fails_while_the_old_address_is_default_sender(anna: Ox) -> None:
    assert anna.refused("changeuser", "-i", "3", "-e", NEW, "-a", NEW) == ALIASES_RULE
    anna.ok("changeuser", "-i", "3", "-e", NEW, "-a", f"{NEW},{OLD}")
    assert addresses(anna) == (NEW, NEW, OLD)


def test_3_3_dash_a_replaces_the_whole_set(anna: Ox) -> None:
    anna.ok("changeuser", "-i", "3", "-a", f"{OLD}, x@pirat.alt")
    assert anna.user("anna").aliases == {OLD, "x@pirat.alt"}


@pytest.mark.parametrize("aliases", ["", SECOND, "ANNA@pirat.alt"])
def test_3_3_the_stored_addresses_must_be_in_it_to_the_letter(anna: Ox, aliases: str) -> None:
    assert anna.refused("changeuser", "-i", "3", "-a", aliases) == ALIASES_RULE
    assert anna.user("anna").aliases == {OLD, SECOND}


def test_3_3_another_casing_is_the_same_primary_but_not_the_same_alias(anna: Ox) -> None:
    anna.switch(PRIMARY_MAIL_UNCHANGEABLE=True)
    assert anna.refused("changeuser", "-i", "3", "-e", "Anna@pirat.alt") == ALIASES_RULE
    anna.ok("changeuser", "-i", "3", "-e", "Anna@pirat.alt", "-a", f"Anna@pirat.alt,{OLD}")


def test_3_3_a_u_label_and_its_a_label_are_the_same_alias(anna: Ox) -> None:
    u, a = "anna@käse.example", "anna@xn--kse-qla.example"
    anna.ok("changeuser", "-i", "3", "-e", u, "--defaultsenderaddress", a, "-a", a)
    assert addresses(anna) == (u, u, a)


def test_3_3_login_and_imap_login_stay(anna: Ox) -> None:
    anna.ok("changeuser", "-i", "3", "--imaplogin", OLD)
    anna.ok("changeuser", "-i", "3", "-e", NEW, "-a", f"{NEW},{OLD}")
    fields = anna.user("anna").fields
    assert (fields["Name"], fields["ImapLogin"]) == ("anna", OLD)


def test_3_3_rename_is_disabled_by_default(anna: Ox) -> None:
    assert anna.refused("changeuser", "-i", "3", "-u", "anna.neu") == "Changing username is disabled!"
    assert anna.refused("changeuser", "-i", "3", "-u", "ANNA") == "Changing username is disabled!"
    anna.ok("changeuser", "-i", "3", "-u", "anna")


def test_3_3_rename_where_it_is_allowed(anna: Ox) -> None:
    anna.switch(USERNAME_CHANGEABLE=True)
    anna.create(*BERND)
    assert anna.refused("changeuser", "-i", "3", "-u", "bernd") == "User bernd already exists in this context"
    assert anna.refused("changeuser", "-i", "3", "-u", "a b") == 'Illegal chars: " "'
    anna.ok("changeuser", "-i", "3", "-u", "anna.neu")
    assert anna.user("anna.neu").id == 3
    assert check_password(anna.folder, "anna.neu", PASSWORD)


def test_3_3_a_lone_login_is_a_key_never_a_rename(anna: Ox) -> None:
    anna.switch(USERNAME_CHANGEABLE=True)
    assert anna.run("changeuser", "-u", "anna.neu").status == 108


def test_3_3_not_atomic_access_stays_changed_when_the_main_change_fails(anna: Ox) -> None:
    assert "access-usm" in anna.user("anna").access
    anna.refused("changeuser", "-i", "3", "--access-usm", "off", "-e", NEW, "--personal", "Anna")
    assert "access-usm" not in anna.user("anna").access
    assert addresses(anna) == (OLD, OLD, OLD)
    assert anna.user("anna").personal is None


def test_3_3_not_atomic_the_main_change_stays_when_the_combination_is_unknown(anna: Ox) -> None:
    arguments = ("-d", "Anna B.", "--access-combination-name", "x", "--capabilities-to-add", "drive")
    assert "No such access" in anna.refused("changeuser", "-i", "3", *arguments)
    assert anna.user("anna").fields["Display_name"] == "Anna B."
    assert anna.user("anna").capabilities == {}


def test_3_3_the_access_combination_comes_after_single_options(anna: Ox) -> None:
    anna.ok("changeuser", "-i", "3", "--access-usm", "on", "--access-combination-name", "webmail")
    assert "access-usm" not in anna.user("anna").access


def test_3_1_capabilities_and_personal(anna: Ox) -> None:
    anna.ok("changeuser", "-i", "3", "--capabilities-to-add", "a, b", "--capabilities-to-remove", "b,c")
    anna.ok("changeuser", "-i", "3", "--personal", "Anna", "--capabilities-to-drop", "a")
    assert anna.user("anna").capabilities == {"b": False, "c": False}
    assert anna.user("anna").personal == "Anna"
    anna.ok("changeuser", "-i", "3", "--personal", "NULL")
    assert anna.user("anna").personal is None


def test_3_3_the_context_admin_is_exempt_from_the_alias_and_mail_checks(ox: Ox) -> None:
    ox.ok("changeuser", "-i", "2", "-a", "")
    ox.ok("changeuser", "-i", "2", "-e", "elsewhere@pirat.alt")
    assert ox.user("oxadmin").aliases == frozenset()


def test_3_3_guests_are_refused(anna: Ox) -> None:
    import_users(anna.folder, [{"PrimaryEmail": "gast@extern.example", "guest_created_by": "3"}])
    anna.refused("changeuser", "-i", "4", "-d", "Gast")


def test_4_primary_mail_may_be_frozen(anna: Ox) -> None:
    anna.switch(PRIMARY_MAIL_UNCHANGEABLE=True)
    assert anna.refused("changeuser", "-i", "3", "-e", SECOND) == "primary mail must not be changed"
    anna.ok("changeuser", "-i", "3", "-e", OLD)


def test_4_primary_mail_of_somebody_else(anna: Ox) -> None:
    anna.create(*BERND)
    text = anna.refused("changeuser", "-i", "3", "-e", "BERND@pirat.alt", "-a", f"BERND@pirat.alt,{OLD}")
    assert text.startswith('Primary mail address "BERND@pirat.alt" already exists in context 1')


def test_4_somebody_elses_primary_may_become_an_alias(anna: Ox) -> None:
    anna.create(*BERND)
    anna.ok("changeuser", "-i", "3", "-a", f"{OLD},bernd@pirat.alt")


def test_4_email1_must_be_the_primary_ignoring_case(anna: Ox) -> None:
    anna.ok("changeuser", "-i", "3", "-a", f"{OLD},ANNA@pirat.alt,{SECOND}")
    text = anna.refused("changeuser", "-i", "3", "--email1", SECOND)
    assert text == "email1 not equal with primarymail!"
    assert anna.refused("changeuser", "-i", "3", "-e", OLD, "--email1", SECOND) == text
    assert anna.refused("changeuser", "-i", "3", "-e", OLD, "--email1", "") == "email1 not sent but required!"
    anna.ok("changeuser", "-i", "3", "--email1", "ANNA@pirat.alt")


def test_4_display_name_of_somebody_else_but_ones_own_is_fine(anna: Ox) -> None:
    anna.create(*BERND)
    assert anna.refused("changeuser", "-i", "3", "-d", "Bernd Beispiel") == "The displayname is already used"
    anna.ok("changeuser", "-i", "3", "-d", "ANNA BEISPIEL")


@pytest.mark.parametrize(
    "options", [("-e", "x"), ("-a", f"{OLD},x"), ("--email3", "x"), ("--defaultsenderaddress", "x")]
)
def test_4_addresses_must_look_like_addresses(anna: Ox, options: tuple[str, ...]) -> None:
    assert anna.refused("changeuser", "-i", "3", *options) == "Invalid email address"


def test_4_language_and_timezone(anna: Ox) -> None:
    anna.refused("changeuser", "-i", "3", "-l", "de")
    assert anna.refused("changeuser", "-i", "3", "-t", "Mars/Phobos") == "The given timezone is invalid"
    anna.ok("changeuser", "-i", "3", "-l", "de_DE", "-t", "Europe/Vienna")


def test_4_a_new_password_mechanism_needs_the_password(anna: Ox) -> None:
    anna.refused("changeuser", "-i", "3", "--passwordmech", "{CRYPT}")
    anna.ok("changeuser", "-i", "3", "--passwordmech", "{CRYPT}", env={"NEW_USER_PASSWORD": "another"})
    assert check_password(anna.folder, "anna", "another")


def test_4_quota_without_a_store_of_ones_own_is_106(anna: Ox) -> None:
    result = anna.run("changeuser", "-i", "3", "-q", "100", "-d", "Anna B.")
    assert result.status == 106
    assert anna.user("anna").fields["Display_name"] == "Anna Beispiel"
    anna.switch(ALLOW_CHANGING_QUOTA_IF_NO_FILESTORE_SET=True)
    anna.ok("changeuser", "-i", "3", "-q", "100")


def test_11_a_broken_stored_set_blocks_every_change_until_dash_a_repairs_it(ox: Ox) -> None:
    """An old import or direct SQL: even a new display name alone fails."""
    broken = {"Name": "anna", "Display_name": "A", "PrimaryEmail": OLD, "Aliases": SECOND}
    import_users(ox.folder, [broken])
    assert ox.refused("changeuser", "-i", "3", "-d", "Anna B.") == ALIASES_RULE
    assert ox.refused("changeuser", "-i", "3", "--access-usm", "off") == ALIASES_RULE
    ox.ok("changeuser", "-i", "3", "-d", "Anna B.", "-a", f"{OLD},{SECOND}")
    ox.ok("changeuser", "-i", "3", "-d", "Anna C.")


def test_11_an_empty_password_is_refused_on_create_only(anna: Ox) -> None:
    anna.ok("changeuser", "-i", "3", "-p", "")
    assert check_password(anna.folder, "anna", "")


def test_danger_the_same_change_twice(anna: Ox) -> None:
    change = ("-i", "3", "-e", NEW, "--defaultsenderaddress", NEW, "-a", f"{NEW},{OLD}", "-d", "Anna Neu")
    anna.ok("changeuser", *change)
    before = anna.user("anna")
    anna.ok("changeuser", *change)
    assert anna.user("anna") == before


def test_danger_a_refused_change_leaves_no_trace(anna: Ox) -> None:
    before = anna.user("anna")
    arguments = ("-d", "Anna B.", "-p", "another", "--config/x=1", "-a", SECOND)
    result = anna.run("changeuser", "-i", "3", *arguments)
    assert message(result) == ALIASES_RULE
    assert anna.user("anna") == before
