"""Names in their one form (`model.names`)."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.model.name_folding import folded


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("Anna Beispiel", "Anna Beispiel"),
        ("  Anna \t e\u0301 ", "Anna é"),
        ("Anna\u00a0Beispiel", "Anna Beispiel"),
        ("Anna  Beispiel", "Anna Beispiel"),
        ("Anna\nBeispiel", "Anna Beispiel"),
        (" ", ""),
        ("", ""),
    ],
)
def test_names_are_folded(name: str, form: str) -> None:
    assert folded(name) == form


@given(st.text())
def test_the_short_way_for_names_that_are_fine_says_the_same(name: str) -> None:
    assert folded(name) == " ".join(unicodedata.normalize("NFC", name).split())
