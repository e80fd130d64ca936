"""The letter itself: its headers, its words, and what may never get into it."""

from __future__ import annotations

import email
import email.policy
import re
from dataclasses import replace
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from reconciler.errors import PermanentFailure, UsageError
from reconciler.settings import Letters
from reconciler.systems.letters.letter import Stationery
from reconciler.systems.letters.letter_templates import Content
from tests.systems.letters.support import ANNA, LETTERS, settings

CONTENT = Content(ANNA, ANNA, "tiger-9-im-tank", "Zoë", "Zoë Beispiel", "https://mail.example/", "AG Technik")


def stationery(folder: Path, **letters: object) -> Stationery:
    section = Letters.model_validate({**LETTERS, **letters})
    return Stationery(settings(folder), section)


def letter(folder: Path, content: Content = CONTENT, template: str = "account", **letters: object) -> EmailMessage:
    """The letter as its reader gets it: written out and parsed again."""
    message = stationery(folder, **letters).message(template, "anna@gmx.example", content)
    read = email.message_from_bytes(message.as_bytes(), policy=email.policy.SMTP)
    assert isinstance(read, EmailMessage)
    return read


def own_template(folder: Path, text: str, name: str = "account.de.txt.j2") -> dict[str, Any]:
    (folder / "own").mkdir(exist_ok=True)
    (folder / "own" / name).write_text(text, encoding="utf-8")
    return {"templates": "own"}


def test_the_letter_goes_to_one_address_and_from_the_site(tmp_path: Path) -> None:
    message = letter(tmp_path)
    assert message["To"] == "anna@gmx.example"
    assert message["From"] == "AG Technik <technik@mail.example>"
    assert {"cc", "bcc", "reply-to"}.isdisjoint(name.lower() for name in message)


def test_the_headers_are_those_of_an_automatic_mail(tmp_path: Path) -> None:
    """RFC 3834: an out-of-office notice must not answer, and quote, a password."""
    message = letter(tmp_path)
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Message-ID"].endswith("@mail.example>")
    assert message["Date"].datetime.utcoffset() is not None
    assert message["Content-Transfer-Encoding"] == "quoted-printable"
    assert message.get_content_charset() == "utf-8"
    assert message.get_content_type() == "text/plain"


def test_two_letters_have_two_ids(tmp_path: Path) -> None:
    paper = stationery(tmp_path)
    ids = {paper.message("account", "anna@gmx.example", CONTENT)["Message-ID"] for _ in range(3)}
    assert len(ids) == 3


def test_the_written_letter_is_ascii_with_short_lines(tmp_path: Path) -> None:
    """RFC 5321, 4.5.3.1.6; and every server takes seven bits."""
    raw = stationery(tmp_path).message("account", "anna@gmx.example", CONTENT).as_bytes()
    assert raw.isascii()
    assert max(len(line) for line in raw.split(b"\r\n")) <= 78
    assert b"\n" not in raw.replace(b"\r\n", b"")


@pytest.mark.parametrize("language", ["de", "en"])
def test_everything_that_they_need_is_in_it(tmp_path: Path, language: str) -> None:
    message = letter(tmp_path, language=language)
    text = message.get_content()
    for needed in (ANNA, "tiger-9-im-tank", "https://mail.example/", "Zoë", "AG Technik"):
        assert needed in text
    assert ANNA in message["Subject"]
    assert "tiger-9-im-tank" not in message["Subject"]
    assert {"de": "eigenes Passwort", "en": "password of your own"}[language] in text


@pytest.mark.parametrize("language", ["de", "en"])
def test_what_is_not_known_leaves_no_hole(tmp_path: Path, language: str) -> None:
    text = letter(tmp_path, Content(ANNA, ANNA, "tiger-9-im-tank", sender_name="AG"), language=language).get_content()
    assert "http" not in text
    assert "None" not in text
    assert text.splitlines()[0] in ("Hallo,", "Hello,")
    assert "\r\n\r\n\r\n" not in text
    assert "{" not in text


RENAMED = replace(
    CONTENT,
    addresses=(ANNA, "anna.muster@pirat.alt", "10042@pirat.alt"),
    old_address="anna.muster@pirat.alt",
    old_mail="attached",
    groupware=True,
)


def _one_line(message: EmailMessage) -> str:
    return " ".join(message.get_content().split())


@pytest.mark.parametrize("template", ["renamed", "moved"])
@pytest.mark.parametrize("language", ["de", "en"])
def test_a_rename_tells_which_addresses_reach_them_and_what_they_must_do(
    tmp_path: Path, language: str, template: str
) -> None:
    """issue 3, part 4: what changed, which addresses reach them, that clients must be set up anew."""
    message = letter(tmp_path, RENAMED, template, language=language)
    text = _one_line(message)
    assert ANNA in message["Subject"]
    for needed in (*RENAMED.addresses, RENAMED.web_url, "Zoë", "AG Technik"):
        assert needed in text
    clients, kept = {
        "de": ("richte es dort neu ein", "Kontakte, Termine, Aufgaben und Dateien sind alle noch da"),
        "en": ("set it up anew", "contacts, appointments, tasks and files are all still there"),
    }[language]
    assert clients in text
    assert kept in text


@pytest.mark.parametrize(
    ("old_mail", "said"),
    [
        ("attached", "In der Weboberfläche steht es als eigenes Konto neben dem neuen."),
        ("separate", "mit der alten Adresse als Benutzername und demselben Passwort."),
        ("moved", "Deine bisherigen Mails sind mit umgezogen."),
    ],
)
def test_a_rename_tells_where_the_old_mail_is(tmp_path: Path, old_mail: str, said: str) -> None:
    assert said in _one_line(letter(tmp_path, replace(RENAMED, old_mail=old_mail), "renamed"))


@pytest.mark.parametrize("language", ["de", "en"])
def test_an_account_without_groupware_is_not_told_of_contacts(tmp_path: Path, language: str) -> None:
    content = replace(RENAMED, groupware=False, old_mail="separate", web_url="")
    for template in ("renamed", "moved"):
        text = _one_line(letter(tmp_path, content, template, language=language))
        assert not re.search("Kontakte|contacts|Weboberfläche|web interface|http", text)


@pytest.mark.parametrize("language", ["de", "en"])
@pytest.mark.parametrize("template", ["account", "renamed", "password"])
def test_the_one_valid_password_is_in_it_once(tmp_path: Path, language: str, template: str) -> None:
    assert letter(tmp_path, RENAMED, template, language=language).get_content().count("tiger-9-im-tank") == 1


@pytest.mark.parametrize("language", ["de", "en"])
def test_a_move_holds_no_password_even_when_there_is_one(tmp_path: Path, language: str) -> None:
    """docs/rename.md: with `old_mailbox: move` the password stays; nobody here knows it."""
    text = letter(tmp_path, RENAMED, "moved", language=language).get_content()
    assert "tiger" not in text
    assert {"de": "bleibt, wie es war", "en": "it stays"}[language] in text


def test_a_template_of_a_move_cannot_ask_for_a_password(tmp_path: Path) -> None:
    own = own_template(tmp_path, "Subject: x\n\n{{ password }}\n", "moved.de.txt.j2")
    with pytest.raises(UsageError, match=r"moved\.de\.txt\.j2 is wrong: .*'password' is undefined"):
        stationery(tmp_path, **own)


@pytest.mark.parametrize("language", ["de", "en"])
@pytest.mark.parametrize("template", ["account", "renamed", "password", "moved"])
def test_two_logins_are_both_said_and_one_is_said_once(tmp_path: Path, language: str, template: str) -> None:
    word = {"de": "Anmeldename im Browser: anna.b", "en": "Login in the browser: anna.b"}[language]
    both = letter(tmp_path, replace(RENAMED, web_login="anna.b"), template, language=language).get_content()
    assert word in both
    assert word.removesuffix("anna.b") not in letter(tmp_path, RENAMED, template, language=language).get_content()


@pytest.mark.parametrize("language", ["de", "en"])
@pytest.mark.parametrize("template", ["account", "renamed", "password", "moved"])
@pytest.mark.parametrize("content", [Content(ANNA, ANNA, "tiger-9", sender_name="AG"), RENAMED], ids=["bare", "full"])
def test_no_letter_has_holes_or_long_lines(tmp_path: Path, content: Content, template: str, language: str) -> None:
    message = letter(tmp_path, content, template, language=language)
    text = message.get_content().replace("\r", "")
    assert "\n\n\n" not in text
    assert not re.search(r"None|\{|\}|%| $", text, re.MULTILINE)
    assert max(map(len, text.splitlines())) <= 90
    assert message["Auto-Submitted"] == "auto-generated"


@pytest.mark.parametrize("field", ["web_login", "old_address", "addresses"])
def test_no_value_of_a_rename_can_break_out_of_its_line(tmp_path: Path, field: str) -> None:
    evil: Any = "x\nBcc: eve@mail.test"
    values: dict[str, Any] = {field: (ANNA, evil) if field == "addresses" else evil}
    content = replace(RENAMED, **values)
    with pytest.raises(PermanentFailure, match=f"{field} holds a line break"):
        stationery(tmp_path).message("renamed", "anna@gmx.example", content)


@pytest.mark.parametrize("character", ["\n", "\r", "\0", "\x0b", "\x85", "\u2028", "\x1b"])
@pytest.mark.parametrize("field", ["given_name", "name", "web_url", "address", "login", "sender_name"])
def test_a_value_cannot_break_out_of_its_line(tmp_path: Path, field: str, character: str) -> None:
    evil = f"Anna{character}Bcc: eve@mail.test"
    values: dict[str, Any] = {"address": ANNA, "login": ANNA, "password": "tiger-9-im-tank", field: evil}
    content = Content(**values)
    with pytest.raises(PermanentFailure, match=f"{field} holds a line break") as caught:
        stationery(tmp_path).message("account", "anna@gmx.example", content)
    assert "tiger" not in caught.value.message + caught.value.hint
    assert "set a new password" in caught.value.hint


def test_signs_of_html_and_of_templates_are_only_text(tmp_path: Path) -> None:
    content = Content(ANNA, ANNA, "tiger-9-im-tank", "<b>{{ 7*7 }}</b> & 'Zoë'")
    assert "Hallo <b>{{ 7*7 }}</b> & 'Zoë'," in letter(tmp_path, content).get_content()


def test_the_password_is_in_no_representation(tmp_path: Path) -> None:
    message = stationery(tmp_path).message("account", "anna@gmx.example", CONTENT)
    assert "tiger" not in repr(CONTENT) + repr(message)


def test_a_sites_own_template_goes_before_ours(tmp_path: Path) -> None:
    own = own_template(tmp_path, "Subject: Ahoi {{ given_name }} – äöü\n\n{{ login }} {{ password }}\n")
    message = letter(tmp_path, **own)
    assert message["Subject"] == "Ahoi Zoë – äöü"
    assert message.get_content().splitlines() == [f"{ANNA} tiger-9-im-tank"]


def test_a_language_that_the_site_did_not_write_is_ours(tmp_path: Path) -> None:
    own = own_template(tmp_path, "Subject: Ahoi\n\nx\n")
    assert letter(tmp_path, language="en", **own)["Subject"].startswith("Your new mail address")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "first line must be `Subject: …`"),
        ("Hallo\n", "first line must be `Subject: …`"),
        ("Subject: \n\nHallo\n", "first line must be `Subject: …`"),
        ("\nSubject: x\n", "first line must be `Subject: …`"),
        ("Subject: x\n\n{{ pasword }}\n", "'pasword' is undefined"),
        ("Subject: x\n\n{% if web_url %}{{ webb }}{% endif %}\n", "'webb' is undefined"),
        ("Subject: x\n\n{% if not web_url %}{{ webb }}{% endif %}\n", "'webb' is undefined"),
        ("Subject: x\n\n{% if %}\n", "line 3: "),
        ("Subject: x\n\n{{ 1 / 0 }}\n", "ZeroDivisionError"),
        ("Subject: x\n\n{{ address.nothing }}\n", "has no attribute 'nothing'"),
        ("Subject: x\n\n{% include 'more.j2' %}\n", "no letter template"),
        ("Subject: x\n\n{{ ''.__class__.__mro__ }}\n", "unsafe"),
    ],
)
def test_a_broken_template_is_found_before_anything_is_done(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        stationery(tmp_path, **own_template(tmp_path, text))
    assert "account.de.txt.j2" in caught.value.message or "more.j2" in caught.value.message
    assert said in caught.value.message
    assert caught.value.hint


def test_a_template_in_another_encoding_is_found(tmp_path: Path) -> None:
    own = own_template(tmp_path, "")
    (tmp_path / "own" / "account.de.txt.j2").write_bytes("Subject: Grüße\n\nx".encode("latin-1"))
    with pytest.raises(UsageError, match="not UTF-8"):
        stationery(tmp_path, **own)


def test_a_missing_folder_of_templates_is_found(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="templates: nowhere is not a folder") as caught:
        stationery(tmp_path, templates="nowhere")
    assert "account.de.txt.j2" in caught.value.hint


@pytest.mark.parametrize("sender", ["nobody", "", "a@b.example\nBcc: eve@mail.test", "AG <technik>", "ä@mail.example"])
def test_a_sender_that_is_none_is_found(tmp_path: Path, sender: str) -> None:
    with pytest.raises(UsageError, match="letters: from:"):
        stationery(tmp_path, **{"from": sender})


@pytest.mark.parametrize(
    ("sender", "shown", "signed"),
    [
        ("technik@mail.example", "technik@mail.example", "technik@mail.example"),
        ("Größe <technik@mail.example>", "Größe <technik@mail.example>", "Größe"),
        ('"AG, Technik" <Technik@MAIL.example>', '"AG, Technik" <technik@mail.example>', "AG, Technik"),
    ],
)
def test_any_right_sender_is_kept(tmp_path: Path, sender: str, shown: str, signed: str) -> None:
    section: dict[str, Any] = {"from": sender}
    assert letter(tmp_path, **section)["From"] == shown
    assert stationery(tmp_path, **section).sender_name == signed
