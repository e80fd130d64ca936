"""`register.columns.language`: each letter in the member's language, through the command."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from email.message import EmailMessage

import pytest

from reconciler.sandbox.openxchange import control
from tests.cli.conftest import Command
from tests.cli.site import ANNA, ANNA_DECLARED, BERND_DECLARED, DOMAIN, StandInSite, today

ANNA_REGISTERED, BERND_REGISTERED = "anna@gmx.example", "bernd@gmx.example"
COLUMNS = "member,status,email,given_name,surname"


def members(anna: str, bernd: str = "") -> list[tuple[str, ...]]:
    """The rows of the register, with the languages of these two."""
    return [
        ("10042", "active", ANNA_REGISTERED, "Anna", "Beispiel", anna),
        ("10077", "active", BERND_REGISTERED, "Bernd", "Muster", bernd),
    ]


def csv(site: StandInSite, anna: str, bernd: str = "") -> None:
    lines = (",".join(row) for row in [(*COLUMNS.split(","), "sprache"), *members(anna, bernd)])
    (site.folder / "members.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    site.write(register={"csv": "members.csv", "columns": {"language": "sprache"}})


def database(site: StandInSite, anna: str, bernd: str = "") -> None:
    (site.folder / "members.sqlite").unlink(missing_ok=True)
    with closing(sqlite3.connect(site.folder / "members.sqlite")) as connection, connection:
        connection.execute(f"CREATE TABLE members ({COLUMNS}, lang)")
        connection.executemany("INSERT INTO members VALUES (?, ?, ?, ?, ?, ?)", members(anna, bernd))
    query = f"SELECT {COLUMNS}, lang FROM members"
    register = {"database_url": "sqlite:///members.sqlite", "query": query, "columns": {"language": "lang"}}
    site.write(register=register)


def is_english(letter: EmailMessage) -> bool:
    """Of all of it, subject and text."""
    english, german = ("Hello Anna" in letter.get_content(), "Hallo Anna" in letter.get_content())
    assert english != german
    assert ("mail address" in str(letter["Subject"]) or "password" in str(letter["Subject"])) is english
    return english


def summary(command: Command, subject: str = ANNA) -> str:
    lines = command("plan", "--format", "json").json["transitions"]
    return str(next(line["summary"] for line in lines if line["subject"] == subject))


def apply(site: StandInSite, command: Command) -> EmailMessage:
    applied = command("apply", "--yes")
    assert applied.status == 0, applied.words
    return site.letters()[ANNA_REGISTERED]


@pytest.mark.parametrize("register", [csv, database])
@pytest.mark.parametrize(
    ("language", "english"), [("en", True), ("EN", True), ("en_GB", True), ("de", False), ("", False), ("fr", False)]
)
def test_a_letter_is_in_the_language_that_the_register_has(
    site: StandInSite, command: Command, register: object, language: str, english: bool
) -> None:
    assert callable(register)
    register(site, language)
    site.declare(ANNA_DECLARED, BERND_DECLARED)
    assert ("letter in English" in summary(command)) is english
    assert ("letter in English" in command("plan").words) is english
    assert is_english(apply(site, command)) is english
    assert "Hallo Bernd" in site.letters()[BERND_REGISTERED].get_content()


def test_every_letter_follows_it(site: StandInSite, command: Command) -> None:
    """A new password, and a new address with a new one."""
    csv(site, "en")
    site.declare(ANNA_DECLARED)
    assert is_english(apply(site, command))
    site.declare(ANNA_DECLARED.replace("}", f", password_reset: {today()}}}"))
    assert "letter in English to their register address" in summary(command)
    assert "password" in str(apply(site, command)["Subject"])
    new = ANNA_DECLARED.replace("anna.beispiel", "anna.neu")
    rename = {"from": "anna.beispiel", "to": "anna.neu", "date": str(today())}
    site.declare(new, more={"renames": [rename]})
    site.write(policy={"limits": {"changes": {"at_least": 20, "number": 20}}})
    control.set_switches(site.ox, USERNAME_CHANGEABLE=True)
    assert "letter in English to their register address" in summary(command, f"anna.neu@{DOMAIN}")
    letter = apply(site, command)
    assert is_english(letter)
    assert "your mail address has been changed" in letter.get_content()


def test_and_the_one_without_a_password(site: StandInSite, command: Command) -> None:
    csv(site, "en")
    site.write(openxchange=None)
    site.declare(ANNA_DECLARED)
    apply(site, command)
    rename = {"from": "anna.beispiel", "to": "anna.neu", "date": str(today()), "old_mailbox": "move"}
    site.declare(ANNA_DECLARED.replace("anna.beispiel", "anna.neu"), more={"renames": [rename]})
    letter = apply(site, command)
    assert is_english(letter)
    assert "the one you have; it stays" in letter.get_content()


def test_where_the_sites_letters_are_english_german_is_said(site: StandInSite, command: Command) -> None:
    csv(site, "de", "en")
    site.write(letters={**site.sections["letters"], "language": "en"})
    site.declare(ANNA_DECLARED, BERND_DECLARED)
    assert "letter in German" in summary(command)
    assert summary(command, f"bernd.muster@{DOMAIN}").endswith("letter")
    assert not is_english(apply(site, command))


def warnings(command: Command) -> list[str]:
    found = command("plan", "--format", "json").json["findings"]
    return [f["message"] for f in found if (f["rule"], f["severity"]) == ("register-language", "warning")]


def test_an_unknown_language_is_a_warning_and_tells_no_address(site: StandInSite, command: Command) -> None:
    site.declare(ANNA_DECLARED, BERND_DECLARED)
    csv(site, "fr", "fr")
    (said,) = warnings(command)
    assert said == (
        "the register members.csv has 'fr' as the language of member 10042, 10077: "
        "their letters are in German, the site's"
    )
    csv(site, "en", "")
    assert warnings(command) == []
    csv(site, ANNA_REGISTERED)
    (said,) = warnings(command)
    assert "has something that is no language as the language of member 10042" in said
    assert ANNA_REGISTERED not in command("plan", "--verbose").words


def test_without_its_column_the_register_is_unknown(site: StandInSite, command: Command) -> None:
    site.write(register={"csv": "members.csv", "columns": {"language": "sprache"}})
    site.declare(ANNA_DECLARED)
    answer = command("plan")
    assert answer.status == 9
    assert "has no column 'sprache' (for language)" in answer.words


def test_a_reviewed_plan_is_carried_out_in_the_language_of_the_day(site: StandInSite, command: Command) -> None:
    """Like the address: it is the member's own, and no plan is bound to it."""
    csv(site, "")
    site.declare(ANNA_DECLARED)
    assert command("plan", "--out", "plan.json").status == 4
    csv(site, "en")
    assert command("apply", "plan.json", "--yes").status == 0
    assert is_english(site.letters()[ANNA_REGISTERED])


@pytest.mark.parametrize(("language", "words"), [("en", "Hello Anna"), ("de", "Hallo Anna")])
def test_a_preview_in_a_language(site: StandInSite, command: Command, language: str, words: str) -> None:
    site.declare(ANNA_DECLARED)
    shown = command("letters", "preview", "anna.beispiel", "--kind", "renamed", "--language", language)
    assert shown.status == 0
    assert words in shown.out
    assert command("letters", "preview", "anna.beispiel", "--language", "fr").status == 2


def test_own_templates_are_tried_in_every_language(site: StandInSite, command: Command) -> None:
    """And whoever wrote one in German alone is told what members get in English."""
    site.declare(ANNA_DECLARED)
    (site.folder / "mine").mkdir()
    good = "Subject: Ahoi {{ name }}\n\n{{ password }}\n"
    (site.folder / "mine" / "account.de.txt.j2").write_text(good)
    site.write(letters={**site.sections["letters"], "templates": "mine"})
    assert "account.en.txt.j2" not in command("validate").words
    csv(site, "en")
    checked = command("validate")
    assert checked.status == 0
    assert "there is no account.en.txt.j2: ours is sent in its place" in checked.words
    assert "password.en.txt.j2" not in checked.words
    (site.folder / "mine" / "account.en.txt.j2").write_text("Subject: Ahoi {{ nmae }}\n\n")
    broken = command("validate")
    assert broken.status == 3
    assert re.search(r"account\.en\.txt\.j2:1", broken.words)
    (site.folder / "mine" / "account.en.txt.j2").write_text(good.replace("Ahoi", "Aye"))
    assert str(apply(site, command)["Subject"]) == "Aye Anna Beispiel"
