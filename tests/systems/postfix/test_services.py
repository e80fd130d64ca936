"""The private Postfix and Dovecot themselves: facts of `facts/postfix.md` that everything else rests on."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.services.mail import Postfix, empty_map, password_file, running_dovecot


def test_a_domain_key_blocks_the_domain_and_its_subdomains(postfix: Postfix) -> None:
    """facts/postfix.md 1.1, and 1.4 for case."""
    postfix.write_by_hand("plain.test REJECT\nbad@other.test REJECT\n")
    assert postfix.refuses("bad@plain.test")
    assert postfix.refuses("BAD@a.b.Plain.TEST")
    assert postfix.refuses("bad+x@other.test")
    assert not postfix.refuses("good@other.test")
    assert not postfix.refuses("bad@notplain.test")


def test_the_recipe_of_the_wiki_never_matches(postfix: Postfix) -> None:
    """facts/postfix.md 1.1: `postmap -q` finds the key, smtpd never asks for it."""
    postfix.write_by_hand("@plain.test REJECT\n")
    assert postfix.postmap("-q", "@plain.test", postfix.sender_access).stdout == "REJECT\n"
    assert not postfix.refuses("bad@plain.test")


def test_an_unknown_action_answers_451(postfix: Postfix) -> None:
    """facts/postfix.md section 2."""
    postfix.write_by_hand("a@plain.test RJECT\nb@plain.test 550\n")
    assert postfix.answer("a@plain.test")[0] == 451
    assert postfix.answer("b@plain.test")[0] == 250


def test_a_key_twice_in_a_texthash_stops_all_mail(new_postfix: Callable[[str], Postfix]) -> None:
    """facts/postfix.md section 4: why such a text is never written."""
    postfix = new_postfix("texthash")
    postfix.write_by_hand("a@plain.test OK\nb@plain.test OK\nb@plain.test OK\n")
    assert postfix.answer("a@plain.test")[0] == 451
    empty_map(postfix)
    assert postfix.answer("a@plain.test")[0] == 250


@pytest.mark.parametrize(("password", "expected"), [("right-one-7", True), ("wrong-one-7", False)])
def test_dovecot_knows_right_from_wrong(password: str, expected: bool) -> None:
    with running_dovecot(password_file({"anna.beispiel@mail.example": "{PLAIN}right-one-7"})) as dovecot:
        assert dovecot.lets_in("anna.beispiel@mail.example", password) is expected
