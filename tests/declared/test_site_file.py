"""The site file: found where the documentation says, and every problem at once with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.declared.site_file.load import load_site
from reconciler.errors import InvalidInput, UsageError
from reconciler.planning.finding import Finding

GOOD = "site: example\nstate: .\n"


def problems(folder: Path, content: str | bytes) -> list[str]:
    path = folder / "reconciler.yaml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(InvalidInput) as caught:
        load_site(path)
    found = [f for f in caught.value.findings if isinstance(f, Finding) and f.place]
    return [f"{f.place.line}:{f.place.column}: {f.message} -> {f.hint}" for f in found if f.place]


def test_is_searched_here_then_in_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("RECONCILER_SITE", raising=False)
    with pytest.raises(UsageError, match=r"neither reconciler\.yaml nor state/reconciler\.yaml") as caught:
        load_site(None)
    assert "--site" in caught.value.hint
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "reconciler.yaml").write_text(GOOD)
    assert load_site(None).folder == Path("state")
    (tmp_path / "reconciler.yaml").write_text(GOOD.replace("example", "here"))
    assert (load_site(None).site, load_site(None).folder) == ("here", Path())


def test_the_variable_and_the_argument_name_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.yaml").write_text("site: a\n")
    (tmp_path / "b.yaml").write_text("site: b\n")
    monkeypatch.setenv("RECONCILER_SITE", str(tmp_path / "a.yaml"))
    assert load_site(None).site == "a"
    assert load_site(tmp_path / "b.yaml").site == "b"
    monkeypatch.setenv("RECONCILER_SITE", str(tmp_path / "gone.yaml"))
    with pytest.raises(UsageError, match="no site file") as caught:
        load_site(None)
    assert "RECONCILER_SITE" in caught.value.hint


def test_sections_left_out_are_switched_off(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text("site: example\nregister:\n  csv: members.csv\nletters:\n  from: a@mail.example\n")
    settings = load_site(tmp_path / "s.yaml")
    assert (settings.openxchange, settings.postfixadmin, settings.postfix) == (None, None, None)
    assert settings.register_ is not None
    assert settings.letters is not None
    assert settings.letters.sender == "a@mail.example"
    assert settings.path("members.csv") == tmp_path / "members.csv"


def test_every_problem_at_once_with_its_place(tmp_path: Path) -> None:
    found = problems(
        tmp_path,
        """site: my site
timezon: Europe/Berlin
folder: /tmp
openxchange:
  context: zero
  parallel: 99
  unique_display_names: yes
  imap: {host: mail.example, port: 70000}
register: {csv: a.csv, database_url: "sqlite:///x.db", query: q}
policy:
  local_part: "["
  default_quota: 0 MB
  limits: {removals: {number: -1, foo: 2}}
""",
    )
    assert [message.partition(" -> ")[0] for message in found] == [
        "1:7: `site` is `my site`, which does not fit",
        "2:1: `timezon` is not known here",
        "3:1: `folder` is not known here",
        "5:12: expected a whole number for `context`, got `zero`",
        "6:13: `parallel` is the number 99",
        "7:25: `unique_display_names` must be true or false, got `yes`",
        "8:36: `port` is the number 70000",
        "9:1: `register`: the register needs exactly one of `csv` and `database_url`",
        "11:15: `local_part`: not a regular expression: unterminated character set at position 0",
        "12:18: `default_quota`: a quota of 0 MB would mean no limit in PostfixAdmin",
        "13:31: `number` is the number -1",
        "13:35: `foo` is not known here",
    ]
    assert "did you mean `timezone`?" in found[1]
    assert "known are share, at_least, number" in found[-1]


def test_a_password_in_the_url_is_refused_and_never_shown(tmp_path: Path) -> None:
    found = problems(tmp_path, "site: a\npostfixadmin:\n  url: mysql+pymysql://r:geheim@db.example/p\n  read_url: no\n")
    assert (
        "3:8: `url`: a password inside the URL -> name the variable that holds it in password_env instead" in found[0]
    )
    assert "geheim" not in " ".join(found)


@pytest.mark.parametrize("url", ["mysql://r:geheim@db.example/p", "://geheim", "sqlite:///:geheim@x", "[geheim"])
def test_no_form_of_a_wrong_url_is_repeated(tmp_path: Path, url: str) -> None:
    content = f"site: a\npostfixadmin: {{url: '{url}'}}\nopenxchange: {{database_url: '{url}', web: '{url}'}}\n"
    assert "geheim" not in " ".join(problems(tmp_path, content))


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("", "1:1: this is not a site file: no key `site` can be read in it -> begin with `site: NAME`"),
        ("- a\n", "1:1: this is not a site file: no key `site` can be read in it -> begin with `site: NAME`"),
        ("site: a\nsite: b\n", "2:1: the key `site` is repeated"),
        ("site: a\n  b: c\n", "2:4: a second `: ` in one line"),
        (b"\xff", "1:1: byte 0xff is not UTF-8"),
        ("site: !x a\n", "1:7: the tag '!x' is not allowed"),
        ("site: 2026\n", "1:7: expected a text for `site`, got the number 2026 -> put it in quotes: '2026'"),
        ("site: a\nledger:\n", "2:1: expected a mapping `key: value` for `ledger`, got nothing"),
    ],
)
def test_one_problem(tmp_path: Path, content: str | bytes, expected: str) -> None:
    assert expected in problems(tmp_path, content)[0]
