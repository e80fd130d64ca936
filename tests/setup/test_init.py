"""`reconciler init` through the command: a site on stand-ins, its answers as options and at a terminal."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.running import Answer
from tests.cli.site import ANNA, DOMAIN, OX_ENV, OX_PASSWORD, StandInSite
from tests.cli.terminal import INTERRUPT, Terminal, answered


class Live(StandInSite):
    """What is live somewhere; its own site file is not used here."""

    def options(self, **other: str) -> list[str]:
        """The three systems, as options of init."""
        values = {
            "postfixadmin.url": f"sqlite:///{self.folder}/postfixadmin.sqlite",
            "openxchange.sbin": f"{self.folder}/ox/sbin",
            "openxchange.admin_password_env": OX_ENV,
            "postfix.sender_access": f"texthash:{self.map}",
            "postfix.privilege": "direct",
            "postfix.config_directory": f"{self.folder}/postfix",
            **other,
        }
        return [word for key, value in values.items() for word in ("--set", f"{key}={value}")]


@pytest.fixture
def live(tmp_path: Path) -> Live:
    return Live(tmp_path)


def _made(answer: Answer) -> None:
    assert answer.status == 0, answer


def _files(folder: Path) -> dict[str, str]:
    return {f.relative_to(folder).as_posix(): f.read_text("utf-8") for f in sorted(folder.rglob("*")) if f.is_file()}


def test_a_site_that_is_made_is_imported_and_planned(live: Live) -> None:
    live.add_mailbox(ANNA, name="Anna Beispiel", quota=512 * 1024000)
    live.add_ox_user("anna.beispiel", ANNA, "Anna Beispiel")
    before = live.live()
    answer = live.run("init", "nrw", *live.options(**{"ledger.url": "sqlite:///ledger.sqlite"}))
    _made(answer)
    assert live.live() == before, "it only reads"
    assert "1 mailbox" in answer.err
    assert "1 OX user" in answer.err
    site = "--site", "nrw/reconciler.yaml"
    _made(live.run("validate", "--site", "nrw/reconciler.yaml"))
    _made(live.run("ledger", "init", *site))
    _made(live.run("import", "--into", "nrw/state", *site))
    planned = live.run("plan", *site)
    assert planned.status == 4, planned
    assert "block muster@muster.example" in planned.words, "the hand-made line, which becomes ours"
    text = (live.folder / "nrw/state" / DOMAIN / "mailboxes.yaml").read_text("utf-8")
    assert "anna.beispiel:" in text


def test_the_words_of_the_site_file_are_those_of_its_page(live: Live) -> None:
    _made(live.run("init", "nrw", *live.options()))
    text = " ".join(
        line.strip().removeprefix("# ") for line in _files(live.folder / "nrw")["reconciler.yaml"].splitlines()
    )
    page = (Path(__file__).parents[2] / "docs" / "site-file.md").read_text("utf-8")
    for section in ("The whole file", "postfixadmin", "openxchange", "postfix"):
        rows = page.partition(f"\n## {section}\n")[2].partition("\n## ")[0].splitlines()
        for key, _, meaning in (row.strip("| ").split(" | ") for row in rows if row.startswith("| `")):
            assert meaning.split(" One of ")[0].rstrip(".") in text, key
            assert f"{key.strip('`')}:" in text


def test_no_password_is_in_what_is_written_or_said(live: Live) -> None:
    answer = live.run("init", "nrw", *live.options())
    _made(answer)
    assert OX_PASSWORD not in answer.out + answer.err
    assert not [name for name, text in _files(live.folder / "nrw").items() if OX_PASSWORD in text]


def test_without_a_terminal_everything_that_is_wrong_is_said_and_nothing_is_written(live: Live) -> None:
    wrong = {"postfixadmin.url": "mysql+pymysql://u:secret-9@h/d", "postfix.privilege": "su", "openxchange.contxt": "1"}
    answer = live.run("init", "nrw", *live.options(**wrong))
    assert answer.status == 2, answer
    assert "3 of the answers are wrong" in answer.err
    for key in ("a password inside the URL", "postfix.privilege: ", "did you mean `context`?"):
        assert key in answer.err
    assert "secret-9" not in answer.out + answer.err
    assert not (live.folder / "nrw").exists()


def test_each_system_that_does_not_answer_is_said(live: Live) -> None:
    live.fault("down", tool="listuser")
    wrong = live.options(**{"postfixadmin.url": f"sqlite:///{live.folder}/none.sqlite"})
    answer = live.run("init", "nrw", *wrong)
    assert answer.status == 9, answer
    assert "2 of the answers are not right" in answer.err
    assert "postfixadmin: " in answer.err
    assert "openxchange: " in answer.err
    assert not (live.folder / "nrw").exists()
    live.sound()
    answer = live.run("init", "nrw", *live.options(), **{OX_ENV: "not-the-password"})
    assert answer.status == 9, answer
    assert f"the variable {OX_ENV}" in answer.words
    assert not (live.folder / "nrw").exists()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((), "none of the three systems is named"),
        (("--set", "foo=bar"), "nobody is there to be asked foo: "),
        (("--set", "postfix"), "write --set KEY=VALUE"),
        (("--set", "openxchange.admin_password=x1"), "a password is not an option"),
        (("--without", "exim"), "it is one of postfixadmin, openxchange, postfix"),
        (("--set", "postfix.host=m", "--without", "postfix"), "goes with no --without postfix"),
        (("--set", "postfix=x"), "postfix: "),
        (("--look-in", "/srv"), "add --probe HOST"),
        (("--set", "postfix.host=m", "--set", "ssh=x"), "ssh: "),
    ],
)
def test_wrong_options(live: Live, options: tuple[str, ...], said: str) -> None:
    answer = live.run("init", "nrw", *options)
    assert answer.status == 2, answer
    assert said in answer.words
    assert not (live.folder / "nrw").exists()


def test_nothing_that_is_there_is_overwritten(live: Live) -> None:
    folder = live.folder / "nrw"
    folder.mkdir()
    (folder / "README.md").write_text("mine\n")
    answer = live.run("init", "nrw", *live.options())
    assert answer.status == 2, answer
    assert "has README.md already" in answer.err
    assert _files(folder) == {"README.md": "mine\n"}


def test_beside_what_is_there(live: Live) -> None:
    folder = live.folder / "nrw"
    folder.mkdir()
    (folder / "LICENSE").write_text("mine\n")
    _made(live.run("init", "nrw", *live.options()))
    assert _files(folder)["LICENSE"] == "mine\n"


def test_a_folder_that_cannot_be_written_is_left_as_it_was(live: Live) -> None:
    folder = live.folder / "nrw"
    folder.mkdir()
    (folder / ".github").write_text("a file where a folder is needed\n")
    answer = live.run("init", "nrw", *live.options())
    assert answer.status == 2, answer
    assert "cannot be written" in answer.err
    assert [path.name for path in folder.iterdir()] == [".github"]


@pytest.fixture
def typist(live: Live) -> Iterator[Terminal]:
    """init on a terminal, told nothing but where Postfix has its settings."""
    opened = Terminal(live.folder, "init", "nrw", "--set", f"postfix.config_directory={live.folder}/postfix")
    yield opened
    opened.close()


SITE, URL, SBIN, CONTEXT = "site: The", "postfixadmin.url: The", "openxchange.sbin: The", "openxchange.context: The"
OX, OX_HOST, ADMIN, ADMIN_ENV = "Open-Xchange?", "openxchange.host: The", "openxchange.admin: The", "password_env: The"
MAP, MAP_HOST, SENDERS, PRIVILEGE = "sender map?", "postfix.host: The", "sender_access: The", "privilege: How"
DATABASE, AGAIN = "PostfixAdmin's database?", "not yet: "


def test_what_fails_is_asked_again(live: Live, typist: Terminal) -> None:
    missing = f"sqlite:///{live.folder}/none.sqlite"
    answered(typist, (SITE, "not a name"), (SITE, "nrw"), (DATABASE, ""), (URL, missing))
    typist.read_until(AGAIN)
    assert not (live.folder / "nrw").exists()
    answered(typist, (URL, f"sqlite:///{live.folder}/postfixadmin.sqlite"), (OX, "maybe"), (OX, "y"))
    answered(typist, (OX_HOST, ""), (SBIN, f"{live.folder}/ox/sbin"), (CONTEXT, ""), (ADMIN, ""), (ADMIN_ENV, ""))
    answered(typist, ("RECONCILER_OX_PASSWORD is not set", "wrong-password-1"))
    typist.read_until(AGAIN)
    answered(typist, (OX_HOST, ""), (SBIN, ""), (CONTEXT, ""), (ADMIN, ""), (ADMIN_ENV, ""))
    answered(typist, ("RECONCILER_OX_PASSWORD is not set", OX_PASSWORD), (MAP, "y"), (MAP_HOST, ""))
    answered(typist, (SENDERS, f"texthash:{live.map}"), (PRIVILEGE, "direct"))
    assert typist.status() == 0, typist.seen
    made = _files(live.folder / "nrw")
    assert "admin_password_env: RECONCILER_OX_PASSWORD\n" in made["reconciler.yaml"]
    assert "site: nrw\n" in made["reconciler.yaml"]
    assert OX_PASSWORD not in "".join(made.values())
    answer = live.run("validate", "--site", "nrw/reconciler.yaml")
    assert answer.status == 0, answer


def test_a_typed_password_is_not_shown(live: Live) -> None:
    options = live.options(**{"openxchange.admin_password_env": "TYPED_PASSWORD"})
    terminal = Terminal(live.folder, "init", "nrw", *options)
    for question in (SITE, DATABASE, URL, OX, OX_HOST, SBIN, CONTEXT, ADMIN, ADMIN_ENV):
        answered(terminal, (question, ""))
    answered(terminal, ("TYPED_PASSWORD is not set", OX_PASSWORD))
    terminal.read_until(MAP)
    assert OX_PASSWORD not in terminal.seen
    terminal.close()


def test_a_password_in_a_url_is_refused_and_not_shown_again(typist: Terminal) -> None:
    answered(typist, (SITE, ""), (DATABASE, ""), (URL, "mysql+pymysql://u:secret-9@127.0.0.1/d"))
    typist.read_until("not yet: postfixadmin.url: ")
    typist.seen = typist.seen.partition("not yet: ")[2]
    answered(typist, (URL, "x"))
    assert "secret-9" not in typist.seen
    typist.read_until("not a database URL")


def test_ctrl_c_ends_a_test_and_what_was_answered_is_kept(typist: Terminal) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"mysql+pymysql://u@127.0.0.1:{silent.getsockname()[1]}/d?connect_timeout=1"
        answered(typist, (SITE, ""), (DATABASE, ""), (URL, url), (ADMIN_ENV, "A_NAME"), ("A_NAME is not set", "x"))
        connection, _ = silent.accept()  # which is never answered
        typist.type(f"\n{INTERRUPT}")
        typist.read_until("stopped by Ctrl-C")
        typist.read_until("[")
        typist.type("\x04")
        connection.close()
        assert typist.status() == 2, typist.seen


def test_who_leaves_leaves_nothing(live: Live, typist: Terminal) -> None:
    typist.read_until("site: ")
    typist.type("nrw\n")
    typist.read_until("PostfixAdmin's database?")
    typist.type("\x04")
    assert typist.status() == 2
    assert "nothing was written" in typist.seen
    assert not (live.folder / "nrw").exists()
