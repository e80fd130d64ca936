"""Whatever the files hold, loading gives a Declaration or our own error (issue 2, section 5)."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import example, given, settings
from hypothesis import strategies as st

from reconciler.declared.site_file.load import load_site
from reconciler.errors import InvalidInput
from tests.declared.samples import errors
from tests.declared.test_parse import _yamlish

_words = st.sampled_from(
    [
        "domain",
        "mailboxes",
        "aliases",
        "renames",
        "removals",
        "sender_blocks",
        "confirm",
        "from",
        "to",
        "date",
        "goto",
        "member",
        "groupware",
        "username",
        "quota",
        "sender",
        "subject",
        "until",
        "gate",
        "reason",
        "name",
        "surname",
        "2026-11-22",
        "0000-00-00",
        "9999-12-31",
        "mail.example",
        "a@mail.example",
        "xn--",
        "xn--a.example",
        "@",
        "*",
        "#",
        "null",
        "true",
        "0123",
        "1e999",
        "openxchange/1",
        "ı.example",
        "ß@ß.example",
        "\u200d.example",
    ]
)
_scalars = st.one_of(_words, st.text(max_size=12), st.integers(), st.none(), st.booleans(), st.floats())
_values = st.recursive(
    _scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.one_of(_words, _scalars), inner, max_size=4)
    ),
    max_leaves=12,
)


def _flow(value: object) -> str:
    """The value as YAML flow text, quoted in a way that any text survives."""
    match value:
        case dict():
            return "{" + ", ".join(f"{_flow(key)}: {_flow(content)}" for key, content in value.items()) + "}"
        case list():
            return "[" + ", ".join(map(_flow, value)) + "]"
        case str() if value.isascii() and value.isalnum():
            return value
        case str():
            escaped = "".join(f"\\U{ord(c):08x}" if not c.isprintable() or c in '\\"' else c for c in value)
            return f'"{escaped}"'
        case None:
            return "null"
        case _:
            return str(value).lower()


def _check(content: bytes) -> None:
    with TemporaryDirectory() as folder:
        errors(Path(folder), {"a.yaml": content})
        with suppress(InvalidInput):  # the only error that a readable file may give
            load_site(Path(folder) / "a.yaml")


@given(st.binary(max_size=200))
@example(b"a: \xed\xa0\x80")
@example(b'a: "\\ud800"')
@example(b'"\\u0000": "\\x1b"')
def test_random_bytes(content: bytes) -> None:
    _check(content)


@given(_yamlish)
def test_random_yaml(text: str) -> None:
    _check(text.encode())


@settings(max_examples=300)
@given(st.dictionaries(_words, _values, max_size=4))
def test_random_values_in_known_places(value: dict[str, object]) -> None:
    _check(_flow(value).encode("utf-8", "replace"))


@settings(max_examples=300)
@given(
    st.sampled_from(["mailboxes", "aliases"]), st.dictionaries(_scalars, st.dictionaries(_words, _scalars, max_size=4))
)
def test_random_entries(section: str, entries: dict[object, object]) -> None:
    _check(_flow({"domain": "mail.example", section: entries}).encode("utf-8", "replace"))


@settings(max_examples=300)
@given(
    st.sampled_from(["renames", "removals", "sender_blocks", "confirm"]),
    st.lists(st.dictionaries(_words, _scalars, max_size=5), max_size=3),
)
def test_random_lists(section: str, entries: list[object]) -> None:
    _check(_flow({"domain": "mail.example", section: entries}).encode("utf-8", "replace"))
