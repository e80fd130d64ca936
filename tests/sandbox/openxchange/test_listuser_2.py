"""listuser: patterns, table and CSV of `facts/open-xchange.md` 2."""

from __future__ import annotations

import csv
import io

import pytest

from reconciler.sandbox.openxchange.bulk import import_users
from tests.sandbox.openxchange.conftest import ANNA, BERND, PASSWORD, Ox


def header(text: str) -> list[str]:
    return text.split("\n", 1)[0].split(",")


def names(text: str) -> set[str]:
    return {row["Name"] for row in csv.DictReader(io.StringIO(text, newline=""))}


def test_2_1_the_context_admin_is_user_2_and_is_listed(ox: Ox) -> None:
    assert ox.rows()["oxadmin"]["Id"] == "2"


def test_2_1_the_pattern_is_matched_against_login_or_display_name(anna: Ox) -> None:
    anna.create("-u", "b", "-d", "anna zwei", "-g", "B", "-s", "B", "-e", "b@pirat.alt")
    assert names(anna.ok("listuser", "--csv", "-s", "anna*")) == {"anna", "b"}
    assert names(anna.ok("listuser", "--csv", "-s", "*Beispiel")) == {"anna"}


@pytest.mark.parametrize("pattern", ["john_doe", "john%", "john*", "j%d_e"])
def test_2_1_underscore_and_percent_are_wildcards(ox: Ox, pattern: str) -> None:
    rows = [{"Name": login, "PrimaryEmail": f"{login}@pirat.alt"} for login in ("john_doe", "johnXdoe")]
    import_users(ox.folder, rows)
    assert names(ox.ok("listuser", "--csv", "-s", pattern)) == {"john_doe", "johnXdoe"}


def test_2_1_case_matters_unless_told_otherwise(anna: Ox) -> None:
    assert names(anna.ok("listuser", "--csv", "-s", "ANNA")) == set()
    assert names(anna.ok("listuser", "--csv", "--ignorecase", "-s", "ANNA")) == {"anna"}


@pytest.mark.parametrize("pattern", ["(", "[a", "a.b", "\\", ""])
def test_2_1_a_pattern_is_no_regular_expression(anna: Ox, pattern: str) -> None:
    assert names(anna.ok("listuser", "--csv", "-s", pattern)) == set()


def test_2_1_no_match_is_the_header_and_exit_0(ox: Ox) -> None:
    text = ox.ok("listuser", "--csv", "-s", "nobody")
    assert text.count("\n") == 1
    assert not any(name.startswith("access-") for name in header(text))
    assert ox.ok("listuser", "-s", "nobody") == "Id Name Displayname Email qmax qused\n"


def test_2_1_rows_come_in_no_order(ox: Ox) -> None:
    import_users(ox.folder, ({"Name": f"u{n}", "PrimaryEmail": f"u{n}@pirat.alt"} for n in range(40)))
    orders = {tuple(ox.rows()) for _ in range(3)}
    assert len(orders) > 1


def test_2_1_guests_are_listed_only_when_asked_for_and_are_mostly_empty(anna: Ox) -> None:
    import_users(anna.folder, [{"PrimaryEmail": "gast@extern.example", "guest_created_by": "3"}])
    assert set(anna.rows()) == {"oxadmin", "anna"}
    guests = anna.rows("--includeguests", "--excludeusers")
    assert [(row["Id"], row["PrimaryEmail"]) for row in guests.values()] == [("4", "")]
    assert len(anna.rows("--includeguests")) == 3
    assert anna.rows("--excludeusers") == {}


def test_2_2_the_table_of_the_facts(ox: Ox) -> None:
    ox.switch(seed=0)
    ox.create("-u", "anna", "-d", "Anna Berg", "-g", "Anna", "-s", "Berg", "-e", "anna@example.org")
    lines = ox.ok("listuser").split("\n")
    assert lines[0] == "Id Name    Displayname   Email               qmax qused"
    assert sorted(lines[1:3]) == [
        " 2 oxadmin Context Admin oxadmin@example.org -1        ",
        " 3 anna    Anna Berg     anna@example.org    -1        ",
    ]


def test_2_2_widths_count_utf_16_units_and_missing_values_are_blank(ox: Ox) -> None:
    import_users(ox.folder, [{"Name": "x", "Display_name": "𝄞" * 7, "PrimaryEmail": None, "MaxQuota": "5"}])
    line = next(line for line in ox.ok("listuser").split("\n") if "𝄞" in line)
    assert line == f" 3 x       {'𝄞' * 7} {' ' * len('oxadmin@example.org')} 5         "


def test_2_2_ids_are_right_aligned_and_nothing_is_cut(ox: Ox) -> None:
    import_users(ox.folder, [{"Id": "1234", "Name": "n" * 60, "PrimaryEmail": "n@pirat.alt"}])
    text = ox.ok("listuser")
    assert text.startswith("  Id Name")
    assert "n" * 60 in text


def test_2_3_about_150_columns_in_another_order_each_time(ox: Ox) -> None:
    orders = [header(ox.ok("listuser", "--csv")) for _ in range(3)]
    assert len({tuple(order) for order in orders}) == 3
    assert len({frozenset(order) for order in orders}) == 1
    assert 140 <= len(orders[0]) == len(set(orders[0])) <= 180
    needed = "Id Name Display_name Given_name Sur_name PrimaryEmail Email1 Email2 Email3 Aliases DefaultSenderAddress "
    needed += "ImapLogin ImapServer SmtpServer Language Timezone Mailenabled PasswordMech Password Password_expired "
    needed += "MaxQuota UsedQuota FilestoreId FilestoreOwner Filestore_name UserAttributes GuiPreferences "
    needed += "PrimaryAccountName Department Company Note Userfield01 Userfield20 Mail_folder_drafts_name "
    needed += "GUI_Spam_filter_capabilities_enabled"
    assert set(needed.split()) <= set(orders[0])


def test_2_3_a_seed_keeps_every_order(ox: Ox) -> None:
    ox.switch(seed=7)
    ox.create(*ANNA, "-a", "a@pirat.alt, b@pirat.alt, c@pirat.alt")
    assert ox.ok("listuser", "--csv") == ox.ok("listuser", "--csv")


def test_2_3_access_columns_come_last_in_their_fixed_order(anna: Ox) -> None:
    columns = header(anna.ok("listuser", "--csv"))
    rights = [name for name in columns if name.startswith("access-")]
    assert columns[-len(rights) :] == rights
    assert (rights[0], rights[6], rights[-1]) == (
        "access-calendar",
        "access-read-create-shared-Folders",
        "access-public-folder-editable",
    )
    assert len(rights) == 26
    assert {anna.rows()["anna"][name] for name in rights} == {"true", "false"}


def test_2_3_quoting_byte_for_byte(anna: Ox) -> None:
    """The header is never quoted, every value is, a null string is nothing, a null number the quoted word null."""
    name = 'Anna "Ann" Berg, geb.\nMuster'
    anna.ok("changeuser", "-u", "anna", "-d", name, "--note", "", "-x", "")
    anna.switch(seed=1)
    text = anna.ok("listuser", "--csv", "-s", "anna")
    assert '"' not in text.split("\n", 1)[0]
    assert '"Anna ""Ann"" Berg, geb.\nMuster"' in text
    assert anna.rows()["anna"]["Display_name"] == name
    cells = dict(zip(header(text), _raw_cells(text.split("\n", 1)[1]), strict=True))
    assert cells["Note"] == ""
    assert cells["Department"] == '""'
    assert cells["UserAttributes"] == '""'
    assert cells["GuiPreferences"] == ""
    assert cells["UsedQuota"] == '"null"'
    assert cells["FolderTree"] == '"null"'
    assert cells["Birthday"] == ""
    assert cells["Id"] == '"3"'
    assert cells["Mailenabled"] == '"true"'


def _raw_cells(line: str) -> list[str]:
    """The cells of one CSV record with their quotes: a null and an empty text differ (2.3)."""
    cells, current, inside = [], "", False
    for character in line.rstrip("\n"):
        inside ^= character == '"'
        if character == "," and not inside:
            cells.append(current)
            current = ""
        else:
            current += character
    return [*cells, current]


def test_2_3_aliases_include_the_primary_and_come_in_any_order(ox: Ox) -> None:
    extra = [f"a{n}@pirat.alt" for n in range(6)]
    ox.create(*ANNA, "-a", ",".join(extra))
    seen = {ox.rows()["anna"]["Aliases"] for _ in range(4)}
    assert len(seen) > 1
    assert {frozenset(text.split(", ")) for text in seen} == {frozenset({"anna@pirat.alt", *extra})}


def test_2_3_no_alias_at_all_is_null(ox: Ox) -> None:
    import_users(ox.folder, [{"Name": "x", "PrimaryEmail": "x@pirat.alt", "Aliases": None}])
    text = ox.ok("listuser", "--csv", "-s", "x")
    cells = dict(zip(header(text), _raw_cells(text.split("\n", 1)[1]), strict=True))
    assert cells["Aliases"] == ""


def test_2_3_the_password_column_holds_a_hash(anna: Ox) -> None:
    stored = anna.rows()["anna"]["Password"]
    assert stored
    assert PASSWORD not in stored
    assert stored != anna.rows()["oxadmin"]["Password"]


def test_2_3_gui_preferences(anna: Ox) -> None:
    anna.ok("changeuser", "-u", "anna", "--addguipreferences", "theme=dark")
    anna.ok("changeuser", "-u", "anna", "--addguipreferences", "lang=de=x")
    assert anna.rows()["anna"]["GuiPreferences"] == "theme=dark, lang=de=x"
    anna.ok("changeuser", "-u", "anna", "--removeguipreferences", "theme")
    assert anna.rows()["anna"]["GuiPreferences"] == "lang=de=x"
    assert anna.run("changeuser", "-u", "anna", "--addguipreferences", "theme").status == 109


def test_2_3_users_with_different_columns_filled_stand_under_the_right_header(ox: Ox) -> None:
    ox.create(*ANNA, "--city_home", "Bonn")
    ox.create(*BERND, "--imaplogin", "bernd@pirat.alt", "--birthday", "1980-02-29")
    rows = ox.rows()
    assert [rows["anna"][name] for name in ("City_home", "ImapLogin", "Birthday")] == ["Bonn", "", ""]
    assert [rows["bernd"][name] for name in ("City_home", "ImapLogin", "Birthday")] == [
        "",
        "bernd@pirat.alt",
        "1980-02-29",
    ]


def test_2_1_a_listing_longer_than_one_write(ox: Ox) -> None:
    import_users(ox.folder, ({"Name": f"u{n}", "PrimaryEmail": f"u{n}@pirat.alt"} for n in range(2500)))
    rows = ox.rows()
    assert len(rows) == 2501
    assert all(row["Name"] == "oxadmin" or row["PrimaryEmail"] == f"{row['Name']}@pirat.alt" for row in rows.values())
