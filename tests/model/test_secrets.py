"""One password an account and run; it never shows itself."""

from __future__ import annotations

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
