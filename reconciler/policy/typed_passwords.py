"""What is wrong with a password that somebody types. Pure; no sentence here repeats any of it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from pydantic import SecretStr

from reconciler.model.addresses import Address
from reconciler.model.declared import Mailbox
from reconciler.model.name_folding import folded
from reconciler.settings import LONGEST_PASSWORD, PasswordRules

_FEWEST = 5
"""Different characters."""
_SHORTEST_WORD = 4
"""Letters of a word that is looked for: shorter ones are parts of many others."""


def problems(password: SecretStr, rules: PasswordRules, box: Mailbox, addresses: Iterable[Address]) -> Iterator[str]:
    """What is wrong, one sentence each; nothing when it can be set. `addresses` are all that the account has or had."""
    text = password.get_secret_value()
    if not text:
        yield "it is empty"
        return
    # OX' tools and IMAP and SMTP clients do not agree on how other characters are written (facts/open-xchange.md 10)
    if not text.isascii() or not text.isprintable():
        yield "it has other characters than letters, digits and signs of ASCII (no umlauts, no tab)"
    if text != text.strip():
        yield "it begins or ends with a space, which forms and mail programs cut off"
    if len(text) < rules.min_length:
        yield f"it is shorter than {rules.min_length} characters"
    if len(text.encode("utf-8", "replace")) > LONGEST_PASSWORD:
        yield f"it is longer than {LONGEST_PASSWORD} characters"
    if len(set(text)) < _FEWEST:
        yield f"it has fewer than {_FEWEST} different characters"
    plain = text.casefold()
    if any(word in plain for word in _words(box, addresses)):
        yield "it holds a part of the address, of the name, or the member number"
    if any(word.casefold() in plain for word in rules.forbidden if word):
        yield "it holds a word that `passwords.forbidden` in the site file lists"


def _words(box: Mailbox, addresses: Iterable[Address]) -> set[str]:
    texts = [*addresses, box.name, box.given_name, box.surname, box.member, box.username]
    words = {word for text in texts if text for word in re.split(r"[\W_]+", folded(text).casefold())}
    whole = {address.partition("@")[0] for address in addresses}
    return {word for word in words | whole if len(word) >= _SHORTEST_WORD}
