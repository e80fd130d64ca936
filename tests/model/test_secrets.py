"""One password an account and run; it never shows itself."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from time import sleep

import pytest

from reconciler.model import secrets
from reconciler.model.secrets import Passwords, make_password


def test_every_system_gets_the_same_password_and_every_account_another() -> None:
    passwords = Passwords()
    anna = passwords.of("anna@mail.example").get_secret_value()
    assert passwords.of("anna@mail.example").get_secret_value() == anna
    assert passwords.of("bernd@mail.example").get_secret_value() != anna
    assert Passwords().of("anna@mail.example").get_secret_value() != anna


def test_it_does_not_show_itself() -> None:
    passwords = Passwords()
    made = passwords.of("anna@mail.example")
    assert made.get_secret_value() not in f"{made} {made!r} {passwords!r} {vars(passwords)}"


def test_postfixadmin_would_take_it_and_nobody_misreads_it() -> None:
    for _ in range(200):
        text = make_password()
        assert sum(c.isdigit() for c in text) >= 2
        assert sum(c.isalpha() for c in text) >= 3
        assert not set(text) & set("IlOo01")
        assert text.isascii()


def test_threads_that_ask_at_once_get_the_same_password(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the database and OX would get two, and the letter tell one of them."""
    passwords = Passwords()

    def slowly() -> str:
        sleep(0.02)  # long enough for the others to ask
        return make_password()

    monkeypatch.setattr(secrets, "make_password", slowly)
    with ThreadPoolExecutor(4) as pool:
        asked = list(pool.map(lambda _: passwords.of("anna@mail.example").get_secret_value(), range(4)))
    assert len(set(asked)) == 1
