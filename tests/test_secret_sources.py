"""Where tokens and keys of a job come from: one way for all, each with the exit status of its own."""

from __future__ import annotations

from pathlib import Path
from traceback import format_exception

import pytest

from reconciler.errors import ReconcilerError, Unreadable, UsageError
from reconciler.secret_sources import from_environment

NAME, FILE = "RECONCILER_SAMPLE", "RECONCILER_SAMPLE_FILE"


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(NAME, raising=False)
    monkeypatch.delenv(FILE, raising=False)


def read(error: type[ReconcilerError] = UsageError) -> str | None:
    found = from_environment(NAME, "token", error)
    return None if found is None else found.get_secret_value()


def test_the_variable_counts_before_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert read() is None
    (tmp_path / "token").write_text("\n of-the-file \n")
    monkeypatch.setenv(FILE, str(tmp_path / "token"))
    assert read() == "of-the-file"
    monkeypatch.setenv(NAME, " ")  # as a forge sets what is not there
    assert read() == "of-the-file"
    monkeypatch.setenv(NAME, "of-the-variable\n")
    assert read() == "of-the-variable"


@pytest.mark.parametrize("error", [UsageError, Unreadable])
@pytest.mark.parametrize(
    ("content", "why"), [(None, "No such file"), (b" \n", "is empty"), (b"k\xff-kept-to-itself", "not text in UTF-8")]
)
def test_a_file_without_one_is_an_error_that_names_it(
    content: bytes | None, why: str, error: type[ReconcilerError], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "token"
    if content is not None:
        file.write_bytes(content)
    monkeypatch.setenv(FILE, str(file))
    with pytest.raises(error, match=why) as raised:
        read(error)
    assert str(file) in raised.value.message
    assert (FILE in raised.value.message, FILE in raised.value.hint) == (True, True)
    assert "kept-to-itself" not in raised.value.hint + "".join(format_exception(raised.value))
