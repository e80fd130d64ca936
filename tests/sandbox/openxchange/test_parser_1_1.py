"""Command-line rules of `facts/open-xchange.md` 1.1, asked of the programs."""

from __future__ import annotations

import pytest

from tests.sandbox.openxchange.conftest import ANNA, BERND, Ox


def test_1_1_value_after_a_blank_or_an_equals_sign(ox: Ox) -> None:
    assert ox.bare("existsuser", "--contextid", "1", "--adminuser=oxadmin", "--username=oxadmin").status == 0


def test_1_1_everything_after_the_first_equals_sign_is_the_value(anna: Ox) -> None:
    anna.ok("changeuser", "-u", "anna", "--displayname=a=b=c")
    assert anna.user("anna").fields["Display_name"] == "a=b=c"


def test_1_1_a_value_glued_to_its_letter_is_no_value(ox: Ox) -> None:
    result = ox.bare("existsuser", "-c1", "-A", "oxadmin", "-u", "oxadmin")
    assert result.status == 111
    assert "Missing argument for option" in result.err


def test_1_1_flags_may_be_glued(ox: Ox) -> None:
    assert ox.bare("listuser", "-ih").out.startswith("Usage: listuser\n")


def test_1_1_a_value_may_begin_with_a_dash(ox: Ox) -> None:
    ox.ok("createuser", *ANNA, "-p", "-secret")
    assert ox.run("changeuser", "-u", "anna", "-d", "--help").status == 0
    assert ox.user("anna").fields["Display_name"] == "--help"


def test_1_1_the_first_of_two_values_wins(ox: Ox) -> None:
    assert ox.ok("existsuser", "-u", "oxadmin", "-u", "nobody", "--username=nobody") == "User oxadmin exists\n"


@pytest.mark.parametrize("stray", [("word",), ("--", "-u", "x"), ("-",), ("--no-such-option",), ("-Z",), ("--csvx=1",)])
def test_1_1_stray_words_and_unknown_options_are_111(ox: Ox, stray: tuple[str, ...]) -> None:
    result = ox.run("listuser", *stray)
    assert result.status == 111
    assert "Unrecognized options on the command line: " in result.err
    assert result.out.startswith("Usage: listuser\n")


def test_1_1_the_last_option_lacks_its_value(ox: Ox) -> None:
    result = ox.run("listuser", "-s")
    assert (result.status, "Missing argument for option" in result.err) == (111, True)


def test_1_1_an_empty_value_clears_an_optional_attribute_on_change(anna: Ox) -> None:
    anna.ok("changeuser", "-u", "anna", "--imaplogin", "anna@pirat.alt", "--city_home", "Köln")
    anna.ok("changeuser", "-u", "anna", "--imaplogin", "", "--city_home=")
    assert not {"ImapLogin", "City_home"} & anna.user("anna").fields.keys()


def test_1_1_an_empty_department_is_not_null(anna: Ox) -> None:
    anna.ok("changeuser", "-u", "anna", "--department", "")
    assert anna.user("anna").fields["Department"] == ""


@pytest.mark.parametrize(("option", "column"), [("-d", "Display_name"), ("-g", "Given_name"), ("-s", "Sur_name")])
def test_1_1_an_empty_name_means_null(anna: Ox, option: str, column: str) -> None:
    anna.ok("changeuser", "-u", "anna", option, "")
    assert column not in anna.user("anna").fields


def test_1_1_email1_and_default_sender_can_be_cleared(anna: Ox) -> None:
    anna.ok("changeuser", "-u", "anna", "--email1", "", "--defaultsenderaddress", "")
    assert not {"Email1", "DefaultSenderAddress"} & anna.user("anna").fields.keys()


def test_1_1_dynamic_options_become_user_attributes(anna: Ox) -> None:
    anna.ok("changeuser", "-u", "anna", "--config/com.openexchange.foo=a=b", "--config/bar=1", "--ns/k=v")
    assert anna.rows()["anna"]["UserAttributes"] == "config=[com.openexchange.foo=a=b, bar=1],ns=[k=v]"
    anna.ok("changeuser", "-u", "anna", "--remove-config/bar", "--remove-ns/k")
    assert anna.user("anna").attributes == {"config/com.openexchange.foo": "a=b"}


def test_1_1_a_value_that_looks_like_a_dynamic_option_is_eaten(ox: Ox) -> None:
    """The password that follows -p is gone before -p is read, which then takes the next word."""
    result = ox.run("createuser", *ANNA, "-p", "--se/cret=x")
    assert (result.status, "Missing argument for option" in result.err) == (111, True)


def test_1_1_a_slash_after_the_equals_sign_is_safe(ox: Ox) -> None:
    ox.ok("createuser", *BERND, "--password=--se/cret=x")
    assert ox.user("bernd").attributes == {}


def test_1_1_only_create_and_change_know_dynamic_options(ox: Ox) -> None:
    assert ox.run("listuser", "--config/x=1").status == 111


@pytest.mark.parametrize(
    ("word", "on"),
    [(word, "true") for word in ("true", "1", "yes", "y", "on", "ON", "Yes")]
    + [(word, "false") for word in ("off", "false", "0", "enabled", "")],
)
def test_1_1_module_access_words(anna: Ox, word: str, on: str) -> None:
    anna.ok("changeuser", "-u", "anna", "--access-usm", "off" if on == "true" else "on")
    anna.ok("changeuser", "-u", "anna", "--access-usm", word)
    assert anna.rows()["anna"]["access-usm"] == on


def test_1_2_the_same_letter_means_different_things(anna: Ox) -> None:
    assert anna.ok("listuser", "-i", "-s", "ANNA").count("\n") == 2
    assert anna.ok("changeuser", "-i", "3", "-s", "Muster") == "user 3 in context 1 changed\n"
    assert anna.user("anna").fields["Sur_name"] == "Muster"
