"""Commands that edit the state: through the command, on files in git. No live system is there."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest

from reconciler.cli.edit import Done, edit_state
from reconciler.errors import UsageError
from tests.cli.conftest import Command
from tests.cli.running import Answer
from tests.cli.site import ANNA, ANNA_DECLARED, BERND, BERND_DECLARED, DOMAIN, Site, StandInSite, today
from tests.services.git import git

ALIASES = ("vorstand: [anna.beispiel, bernd.muster]", "presse: anna.beispiel  # since 2019")
SYSTEMS = {"postfixadmin": {"url": "mysql+pymysql://u@db.example/p"}, "openxchange": {}}

SOON = str(today() + timedelta(9))
TODAY, WEEK = "<today>", "<in a week>"
"""In the words of a test that may run on another day than the one on which it was collected."""


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    """A site whose systems nobody reaches; its state is committed."""
    for name in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{name}_NAME", "Anna Beispiel")
        monkeypatch.setenv(f"GIT_{name}_EMAIL", "anna@mail.example")
    monkeypatch.chdir(tmp_path)
    site = Site(tmp_path, **SYSTEMS)
    site.declare(ANNA_DECLARED, BERND_DECLARED, aliases=ALIASES, blocks=["sender: spam@example.net, reason: wave"])
    domains = "domains: {pirat.alt: }\nalias_domains: {pirat.example: pirat.alt}\n"
    (tmp_path / "state" / "domains.yaml").write_text(domains)
    git(tmp_path, "init", "-q", "-b", "main")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "Begin")
    return site


def done(answer: Answer) -> Answer:
    assert answer.status == 0, answer
    return answer


def state(site: Site) -> str:
    return (site.folder / "state" / "state.yaml").read_text("utf-8")


CLARA = ["--given-name", "Clara", "--surname", "Neu", "--member", "10103"]
COMMANDS = [
    (["add", "mailbox", "clara.neu", *CLARA, "--reason", "RT-1"],
     f"Add mailbox clara.neu@{DOMAIN}", "RT-1", ["clara.neu: {given_name: Clara, surname: Neu, member: 10103}"]),
    (["add", "mailbox", "technik", "--no-groupware", "--name", "AG Technik", "--quota", "512 MB", "--reason", "role"],
     f"Add mailbox technik@{DOMAIN}", "role", ["technik: {name: AG Technik, quota: 512 MB, groupware: false}"]),
    (["add", "alias", "kreis", "anna.beispiel", "k@extern.example", "--reason", "RT 2"], f"Add alias kreis@{DOMAIN}",
     "RT 2", ["kreis: [anna.beispiel, k@extern.example]"]),
    (["add", "alias", "presse", "bernd.muster", "--reason", "RT 3"],
     f"Let presse@{DOMAIN} lead to {BERND}, too", "RT 3", ["presse: [anna.beispiel, bernd.muster]  # since 2019"]),
    (["add", "block", "Example.ORG", "--reason", "sells addresses", "--expires", "2099-02-22"], "Block example.org",
     "sells addresses", [f"{{domain: example.org, reason: sells addresses, added: {TODAY}, expires: 2099-02-22}}"]),
    (["unblock", "spam@example.net", "--reason", "over"], "Lift the block of spam@example.net", "over", []),
    (["reset-password", "anna.beispiel", "--reason", "RT 4"], f"Reset the password of {ANNA} on {TODAY}", "RT 4",
     [f"quota: 10240 MB, password_reset: {TODAY}}}"]),
    (["confirm", "removals", "nrw", "--reason", "clean-up"], f"Confirm removals for nrw until {WEEK}",
     "clean-up", ["gate: removals", "subject: nrw", f"until: {WEEK}", "reason: clean-up"]),
    (["remove", "presse", "--reason", "RT 5"], f"Remove alias presse@{DOMAIN}", "RT 5", []),
    (["remove", "bernd.muster", "--reason", "left", "--date", SOON], f"Remove {BERND} on {SOON}", "left",
     ["vorstand: [anna.beispiel]", "mailbox: bernd.muster", f"date: {SOON}", "reason: left"]),
    (["rename", "anna.beispiel", "anna.neu", "--surname", "Neu", "--ticket", "RT 6"],
     f"Rename {ANNA} to anna.neu@{DOMAIN}", "RT 6", ["anna.neu: {given_name: Anna, surname: Neu, member: 10042",
              "vorstand: [anna.neu, bernd.muster]", "presse: anna.neu  # since 2019", "from: anna.beispiel",
              f"date: {TODAY}", "former_surname: Beispiel"]),
]  # fmt: skip


@pytest.mark.parametrize(("arguments", "what", "why", "written"), COMMANDS)
def test_each_command_shows_what_it_changes_and_commits_that_and_nothing_else(
    files: Site, command: Command, arguments: list[str], what: str, why: str, written: list[str]
) -> None:
    (files.folder / "members.csv").write_text("member\n")
    git(files.folder, "add", "members.csv")
    dates = {TODAY: str(today()), WEEK: str(today() + timedelta(7))}
    what, *written = (re.sub("<.*?>", lambda found: dates[found[0]], text) for text in (what, *written))
    answer = done(command(*arguments, "--commit"))
    assert git(files.folder, "log", "-1", "--format=%s|%b").strip() == f"{what}|{why}"
    changed = git(files.folder, "show", "--format=", "--name-only").split()
    assert changed
    assert all(name.startswith("state/") for name in changed)
    assert git(files.folder, "status", "--porcelain") == "M  members.csv"
    shown = [line[1:] for line in answer.out.splitlines() if line.startswith("+") and not line.startswith("+++")]
    in_git = git(files.folder, "show", "--format=", "--unified=0")
    assert {line[1:] for line in in_git.splitlines() if line[:1] == "+" and line[:3] != "+++"} == set(shown)
    assert [text for text in written if text not in answer.out] == []
    assert f"{what}: committed as " in answer.err
    assert "next: reconciler plan" in answer.words
    valid = done(command("validate"))
    assert "warning" not in valid.words


def test_without_commit_the_next_commands_are_said(files: Site, command: Command) -> None:
    answer = done(command("add", "alias", "kreis", "anna.beispiel"))
    said = f"next: reconciler plan then: git add state/state.yaml && git commit -m 'Add alias kreis@{DOMAIN}'"
    assert said in answer.words
    assert git(files.folder, "log", "--format=%s") == "Begin"
    assert "kreis: [anna.beispiel]" in state(files)


REFUSED = [
    (2, ["add", "mailbox", "anna.beispiel", "--given-name", "A", "--surname", "B"], f"{ANNA} is declared already"),
    (
        3,
        ["add", "mailbox", "x.y", "--given-name", "A", "--surname", "B", "--member", "10042"],
        "10042 has two accounts",
    ),
    (3, ["add", "mailbox", "x.y", "--no-groupware", "--quota", "10 GB"], "quota"),
    (3, ["add", "block", "spam@example.net", "--reason", "again"], "spam@example.net is blocked twice"),
    (3, ["add", "block", DOMAIN, "--reason", "oops"], "our own domain"),
    (2, ["rename", "anna.beispiel", "bernd.muster"], f"{BERND} is declared already"),
    (3, ["confirm", "no-such-gate", "nrw", "--reason", "x"], "there is no gate `no-such-gate`"),
    (3, ["confirm", "removals", "nrw", "--reason", "x", "--until", "2099-01-01"], "more than 31 days ahead"),
    (3, ["remove", "bernd.muster", "--reason", "x", "--date", "tomorrow"], "expected a date, got `tomorrow`"),
    (2, ["add", "mailbox", "x.y"], "needs --given-name and --surname"),
    (2, ["add", "mailbox", "x y"], "is not an address"),
    (2, ["add", "block", "@example.org", "--reason", "x"], "write example.org: it has all its subdomains"),
    (2, ["unblock", "spam@example.ne"], "did you mean spam@example.net?"),
    (2, ["rename", "ana.beispiel", "anna.neu"], f"did you mean {ANNA}?"),
    (2, ["remove", "anna.beispiel", "--reason", "x"], f"first: reconciler remove presse@{DOMAIN}"),
    (2, ["remove", "bernd.muster"], "needs a reason"),
    (2, ["remove", "presse", "--date", "2099-01-01"], "is an alias: it goes with the next apply"),
    (2, ["reset-password", "anna.beispiel", "--commit"], "the commit needs a reason"),
]


@pytest.mark.parametrize(("status", "arguments", "words"), REFUSED)
def test_nothing_is_written_when_it_would_be_invalid(
    files: Site, command: Command, status: int, arguments: list[str], words: str
) -> None:
    answer = command(*arguments)
    assert answer.status == status, answer
    assert words in answer.words
    assert ("nothing was written: " in answer.err) == (status == 3)
    assert git(files.folder, "status", "--porcelain") == ""


def test_the_names_of_a_member_are_those_of_the_register(files: Site, command: Command) -> None:
    files.declare(ANNA_DECLARED)
    answer = done(command("add", "mailbox", "bernd.muster", "--member", "10077"))
    assert "  bernd.muster: {given_name: Bernd, surname: Muster, member: 10077}" in state(files)
    assert "note: member 10077 is Bernd Muster in the register" in answer.words
    gone = done(command("add", "mailbox", "clara.probe", "--member", "10103"))
    assert "member 10103 is not active there: the plan will refuse a new account" in gone.words
    unknown = command("add", "mailbox", "dora.neu", "--member", "99999")
    assert unknown.status == 2
    assert "the register has no names for member 99999" in unknown.words


def test_what_an_edit_newly_warns_of_is_said(files: Site, command: Command) -> None:
    files.declare(ANNA_DECLARED, "technik: {groupware: false}", aliases=["x: nobody"])
    answer = done(command("reset-password", "technik"))
    assert "has no `member`, so no letter can tell the new password" in answer.words
    assert "which is not declared" not in answer.words, "that was there before"


NAMES = "given_name: Clara, surname: Probe"


@pytest.mark.parametrize(
    ("entry", "options", "written", "remark"),
    [
        (f"{NAMES}, name: Clara Probe", (), "name: Clara Neu", False),
        (f"{NAMES}, name: Clara Probe (Vorstand)", (), "name: Clara Probe (Vorstand)", True),
        (f"{NAMES}, name: Clara Probe (Vorstand)", ("--name", "C. Neu"), "name: C. Neu", False),
        (f"{NAMES}, name: Clara Proberaum", (), "name: Clara Proberaum", False),
        (NAMES, (), "", False),
    ],
)
def test_a_rename_leaves_no_former_surname_in_the_name_unsaid(
    files: Site, command: Command, entry: str, options: tuple[str, ...], written: str, remark: bool
) -> None:
    files.declare(f"clara.probe: {{{entry}}}")
    answer = done(command("rename", "clara.probe", "clara.neu", "--surname", "Neu", *options))
    (line,) = (line for line in state(files).splitlines() if "clara.neu: " in line)
    assert written in line
    assert (", name: " in line) == bool(written)
    stays = "note: the name stays 'Clara Probe (Vorstand)', with the former Probe: `rename` gives a new one with --name"
    assert (stays in answer.words) == remark
    assert ("note: the name" in answer.words) == remark


def test_what_is_said_of_a_change_that_cannot_be_is_a_sentence(files: Site, command: Command) -> None:
    loop = command("add", "alias", "presse", "presse")
    said = f"nothing was written: the state would be invalid (lines as they would be) after this: Let presse@{DOMAIN}"
    assert said in loop.words, loop
    again = done(command("add", "alias", "presse", "anna.beispiel"))
    assert f"nothing to do: presse@{DOMAIN} leads to {ANNA} already" in again.words


def test_a_removal_is_taken_back_as_the_message_says(files: Site, command: Command) -> None:
    done(command("remove", "bernd.muster", "--reason", "left", "--date", SOON))
    texts = {path.name: path.read_text().splitlines() for path in (files.folder / "state").iterdir()}
    gone = "mailbox: bernd.muster"
    place = next(f"{name}:{n}:" for name, text in texts.items() for n, line in enumerate(text, 1) if gone in line)
    answer = command("add", "mailbox", "bernd.muster", "--no-groupware")
    assert answer.status == 3
    assert place in answer.words
    assert "to take the removal back, `git revert` it or delete its entry, here" in answer.words


def test_what_is_written_is_in_the_layout(files: Site, command: Command) -> None:
    done(command("fmt"))
    done(command("add", "block", "example.org", "--reason", " it:  'odd' # \n reason "))
    for arguments, *_ in COMMANDS:
        if arguments[0] != "remove" and "Example.ORG" not in arguments:  # that one is blocked already
            done(command(*arguments))
            assert done(command("fmt", "--check")), arguments


def test_it_says_when_there_is_nothing_to_do(files: Site, command: Command) -> None:
    done(command("reset-password", "anna.beispiel"))
    before = state(files)
    assert "nothing to do" in done(command("reset-password", ANNA)).words
    assert "nothing to do" in done(command("add", "alias", "vorstand", "anna.beispiel")).words
    assert state(files) == before


def test_a_future_rename_leaves_the_aliases(files: Site, command: Command) -> None:
    answer = done(command("rename", "anna.beispiel", "anna.neu", "--date", "2099-01-01"))
    assert "vorstand: [anna.beispiel, bernd.muster]" in state(files)
    assert f"write anna.neu@{DOMAIN} instead then" in answer.words


def test_a_rename_into_another_domain_moves_the_entry_into_its_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: Command
) -> None:
    """The address was made in the wrong domain: the usual case."""
    monkeypatch.chdir(tmp_path)
    Site(tmp_path, **SYSTEMS)
    entry = "    groupware: false  # no OX\n\n    # since 2019\n    quota: 1 MB\n"
    for domain, text in (("foo.example", f"  hans:\n{entry}  ida: {{groupware: false}}\n"), ("bar.example", "")):
        (tmp_path / "state" / domain).mkdir()
        head = f"domain: {domain}\nmailboxes:\n"
        (tmp_path / "state" / domain / "mailboxes.yaml").write_text(head + text)
    done(command("rename", "hans", "hans@bar.example"))
    foo, bar = ((tmp_path / "state" / d / "mailboxes.yaml").read_text() for d in ("foo.example", "bar.example"))
    assert foo == "domain: foo.example\nmailboxes:\n  ida: {groupware: false}\n"
    assert bar == f"domain: bar.example\nmailboxes:\n  hans:\n{entry}"
    done(command("rename", "ida", "ida@third.example"))
    third = (tmp_path / "state" / "third.example" / "mailboxes.yaml").read_text()
    assert third == "domain: third.example\n\nmailboxes:\n  ida: {groupware: false}\n"
    assert "from: ida@foo.example" in (tmp_path / "state" / "third.example" / "renames.yaml").read_text()
    done(command("rename", "hans", "hans@third.example", "--date", str(today() + timedelta(1))))
    third = (tmp_path / "state" / "third.example" / "mailboxes.yaml").read_text()
    assert third == f"domain: third.example\n\nmailboxes:\n  hans:\n{entry}  ida: {{groupware: false}}\n"


def test_a_rename_is_taken_back(files: Site, command: Command) -> None:
    done(command("rename", "anna.beispiel", "anna.neu"))
    answer = done(command("rename", "anna.neu", "anna.beispiel", "--date", str(today() + timedelta(1))))
    assert done(command("validate")).status == 0
    assert "  anna.beispiel: {" in state(files)
    assert "to: anna.beispiel" in answer.out


def test_a_comment_above_what_goes_is_named(files: Site, command: Command) -> None:
    files.declare("# our treasurer\n  bernd.muster: {given_name: Bernd, surname: Muster}", ANNA_DECLARED)
    answer = done(command("remove", "bernd.muster", "--reason", "left"))
    assert "the comment above it stays (state.yaml:3)" in answer.words
    assert "# our treasurer" in state(files)


def test_a_confirmation_is_replaced(files: Site, command: Command) -> None:
    done(command("confirm", "removals", "nrw", "--reason", "first"))
    done(command("confirm", "removals", "nrw", "--reason", "second", "--until", str(today())))
    text = (files.folder / "state" / "confirm.yaml").read_text("utf-8")
    assert text == f"confirm:\n  - gate: removals\n    subject: nrw\n    until: {today()}\n    reason: second\n"


def test_what_is_not_committed_is_not_committed_along(files: Site, command: Command) -> None:
    edited = state(files) + "# mine\n"
    (files.folder / "state" / "state.yaml").write_text(edited)
    answer = command("unblock", "spam@example.net", "--reason", "over", "--commit")
    assert answer.status == 2
    assert "not committed yet: state/state.yaml" in answer.words
    assert state(files) == edited


def test_outside_of_git_nothing_is_committed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: Command) -> None:
    monkeypatch.chdir(tmp_path)
    site = Site(tmp_path, **SYSTEMS)
    site.declare(ANNA_DECLARED)
    answer = command("add", "alias", "kreis", "anna.beispiel", "--reason", "x", "--commit")
    assert answer.status == 2
    assert "is in no git repository" in answer.words
    assert "kreis" not in state(site)
    assert done(command("add", "alias", "kreis", "anna.beispiel"))


def test_a_hook_that_refuses_the_commit_is_heard(
    files: Site, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And gets no password of the site."""
    monkeypatch.setenv("RECONCILER_DB_PASSWORD", "s3cret")
    hook = files.folder / ".git" / "hooks" / "pre-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text('#!/bin/sh\necho "no ${RECONCILER_DB_PASSWORD:-password}"; exit 1\n')
    hook.chmod(0o755)
    answer = command("unblock", "spam@example.net", "--reason", "over", "--commit")
    assert answer.status == 2
    assert "the files are written, and git did not commit them: no password" in answer.words
    assert "spam@" not in state(files)


def test_a_file_that_is_read_only_stays(files: Site, command: Command) -> None:
    """Of several files none is written."""
    file = files.folder / "state" / "removals.yaml"
    file.write_text("removals:\n")
    file.chmod(0o444)
    answer = command("remove", "bernd.muster", "--reason", "left")
    assert answer.status == 2
    assert "state/removals.yaml is read-only; nothing was written" in answer.words
    assert "bernd.muster: {" in state(files)


def test_a_link_stays_one_and_permissions_stay(files: Site, command: Command) -> None:
    real, link = files.folder / "state" / ".real", files.folder / "state" / "state.yaml"
    link.rename(real)
    real.chmod(0o640)
    link.symlink_to(".real")
    done(command("unblock", "spam@example.net"))
    assert link.is_symlink()
    assert "spam@" not in real.read_text()
    assert real.stat().st_mode & 0o777 == 0o640


def test_a_file_that_changes_meanwhile_is_left(files: Site) -> None:
    file = files.folder / "state" / "state.yaml"

    def change(edit, _):  # type: ignore[no-untyped-def]  # in the place of a typed one
        edit.take_out([edit.state.sender_blocks["spam@example.net"].origin])
        file.write_text(state(files) + "# mine\n")
        return Done("x", frozenset({"spam@example.net"}))

    with pytest.raises(UsageError, match=r"state\.yaml was changed meanwhile; nothing was written"):
        edit_state(files.file, None, change, reason=None, commit=False)
    assert state(files).endswith("# mine\n")


def test_an_edit_that_would_change_others_is_refused(files: Site, command: Command) -> None:
    """What an anchor gives to two entries is not edited for one."""
    file = files.folder / "state" / "state.yaml"
    file.write_text(f"domain: {DOMAIN}\nmailboxes:\n  a: &x\n    groupware: false\n    quota: &q 1 MB\n  b: *x\n")
    before = state(files)
    for address in ("a", "b"):
        answer = command("reset-password", address)
        assert answer.status == 2
        assert "is written with `&` and `*`" in answer.words
    assert command("remove", "a", "--reason", "x").status == 3
    assert state(files) == before


def test_from_an_empty_site_to_a_rename_and_a_removal(site: StandInSite, command: Command) -> None:
    """The plan is what was meant by each command."""
    site.declare(ANNA_DECLARED)
    done(command("add", "mailbox", "bernd.muster", "--given-name", "Bernd", "--surname", "Muster", "--member", "10077"))
    done(command("add", "alias", "kreis", "anna.beispiel", "bernd.muster"))
    done(command("add", "block", "example.org", "--reason", "spam"))
    assert done(command("apply", "--yes"))
    done(command("rename", "bernd.muster", "bernd.neu", "--surname", "Neu"))
    done(command("remove", "anna.beispiel", "--reason", "left"))
    done(command("unblock", "example.org"))
    plan = command("plan", "--format", "json").json
    assert {each["subject"] for each in plan["transitions"]} == {
        f"bernd.neu@{DOMAIN}",
        f"kreis@{DOMAIN}",
        "example.org",
        ANNA,
    }
    assert f"bernd.muster@ → bernd.neu@{DOMAIN} rename: new mailbox" in command("plan").words


@pytest.mark.parametrize(
    ("typed", "better"),
    [
        ("jörg.Müller@pirat.alt", "joerg.mueller@pirat.alt"),
        ("groß", "gross"),
        ("zoé.łuk@pirät.example", "zoe.luk@pirät.example"),
    ],
)
def test_who_types_an_umlaut_is_told_how_it_is_spelled(
    site: StandInSite, command: Command, typed: str, better: str
) -> None:
    site.declare(ANNA_DECLARED)
    answer = command("add", "mailbox", typed, "--no-groupware")
    assert answer.status == 2, answer
    assert f"→ write {better}" in answer.words
