"""The tab key, in real shells on a terminal: what it offers is declared, and nothing that goes wrong is seen."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cli.running import COMMAND, environment
from tests.cli.site import ANNA, ANNA_DECLARED, BERND, BERND_DECLARED, DOMAIN, StandInSite
from tests.cli.terminal import Terminal
from tests.cli.test_help import COMMANDS
from tests.cli.test_start import LIVE, imported
from tests.services.needs import require

_SHELLS = {
    "bash": ("--noprofile", "--norc", "-i"),
    "zsh": ("-f", "-i"),
    "fish": ("--no-config", "-i"),
}
_SET_UP = {
    "bash": """PS1='> '; eval "$(_RECONCILER_COMPLETE=source_bash reconciler)" """,
    "zsh": """PS1='> '; autoload -Uz compinit; compinit -D -u; eval "$(_RECONCILER_COMPLETE=source_zsh reconciler)" """,
    "fish": "function fish_prompt; echo '> '; end; _RECONCILER_COMPLETE=source_fish reconciler | source",
}
"""As docs/commands.md says it."""

_CALLED = """\
#!/bin/sh
[ -n "${{_RECONCILER_COMPLETE:-}}" ] && exec {python} -c '{code}' "$@"
for word; do printf '<%s>' "$word"; done
echo " called"
"""
"""The console script; called as a command it says which words it was given."""

Shell = Callable[[str], str]
"""Types a line, with its tabs, and Enter; what the command was called with, `<word><word>`."""


@pytest.fixture(params=_SHELLS)
def shell(request: pytest.FixtureRequest, site: StandInSite, tmp_path: Path) -> Iterator[Shell]:
    """A shell at work in the site's folder, as somebody has it who did what docs/commands.md says."""
    (program,) = require(request.param, request.param)
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "reconciler").write_text(_CALLED.format(python=sys.executable, code=COMMAND[2]))
    (programs / "reconciler").chmod(0o755)
    code = f"import os; os.execv({program!r}, {[program, *_SHELLS[request.param]]!r})"
    terminal = Terminal(site.folder, program=code, PATH=f"{programs}:{os.environ['PATH']}", HOME=str(tmp_path))
    terminal.type(f"{_SET_UP[request.param]}; echo rea''dy\r")
    terminal.read_until("ready")

    def typed(line: str) -> str:
        *parts, end = line.split("\t")
        for part in parts:
            terminal.type(f"{part}\t")
            time.sleep(1)  # what comes next is typed by somebody who looks at what the key has done
        terminal.seen = ""
        terminal.type(f"{end}\r")
        terminal.read_until("> called")
        return str(re.findall(r"((?:<[^>]*>)+) called", terminal.plain)[-1])

    yield typed
    terminal.close()


def declare(site: StandInSite) -> None:
    """Two mailboxes, aliases, a block of a sender and one of a domain."""
    site.declare(
        ANNA_DECLARED,
        BERND_DECLARED,
        aliases=["vorstand: [anna.beispiel]"],
        blocks=["sender: spam@bad.example, reason: wave", "domain: worse.example, reason: sells addresses"],
    )


def test_an_address_is_completed(site: StandInSite, shell: Shell) -> None:
    declare(site)
    assert shell("reconciler show ann\t") == f"<show><{ANNA}>"
    assert shell("reconciler show anna.beispiel@pi\t") == f"<show><{ANNA}>"
    assert shell("reconciler rename ber\t bernd.neu@pi\t") == f"<rename><{BERND}><bernd.neu@{DOMAIN}>"
    assert shell("reconciler add alias vor\t ber\t") == f"<add><alias><vorstand@{DOMAIN}><{BERND}>"
    assert shell("reconciler unblock spam@b\t --commit") == "<unblock><spam@bad.example><--commit>"


def test_commands_options_and_files_are_completed(site: StandInSite, shell: Shell) -> None:
    declare(site)
    assert shell("reconciler vali\t --sta\t sta\t") in ("<validate><--state><state/>", "<validate><--state><state>")
    assert shell("reconciler plan --format js\t") == "<plan><--format><json>"
    assert shell("reconciler confirm groupw\t ann\t") == f"<confirm><groupware-delete><{ANNA}>"


def test_nothing_that_goes_wrong_is_seen(site: StandInSite, shell: Shell) -> None:
    (site.folder / "state" / "state.yaml").write_bytes(b"\xff\xfe{")
    site.file.write_text("site: {")
    assert shell("reconciler show zz\t") == "<show><zz>"


def test_what_a_shell_would_run_is_not_offered(site: StandInSite, shell: Shell) -> None:
    site.declare(
        ANNA_DECLARED,
        aliases=[f'"x{key}": anna.beispiel' for key in ("$(touch here)", "`touch here`", "';touch here;'")],
    )
    assert shell("reconciler show x\t") == "<show><x>"
    assert not (site.folder / "here").exists()


def offered(site: StandInSite, line: str, **env: str) -> list[str]:
    """What the key would offer at the end of this line."""
    asked = {"_RECONCILER_COMPLETE": "complete_fish", "_TYPER_COMPLETE_FISH_ACTION": "get-args"}
    done = subprocess.run(
        COMMAND,
        cwd=site.folder,
        env=environment(**asked, _TYPER_COMPLETE_ARGS=line, **env),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.stderr == ""
    return [line.partition("\t")[0] for line in done.stdout.splitlines() if line]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("reconciler show ", {ANNA, BERND, f"vorstand@{DOMAIN}"}),
        ("reconciler history an", {ANNA}),
        ("reconciler hist", {"history"}),
        ("reconciler history ver", {"verify"}),
        ("reconciler remove ", {ANNA, BERND, f"vorstand@{DOMAIN}"}),
        ("reconciler reset-password ", {ANNA, BERND}),
        ("reconciler password ", {ANNA, BERND}),
        ("reconciler letters preview ", {ANNA, BERND}),
        ("reconciler add mailbox ", set()),
        ("reconciler add mailbox neu@", {f"neu@{DOMAIN}"}),
        ("reconciler add alias ", {f"vorstand@{DOMAIN}"}),
        ("reconciler add block ", set()),
        ("reconciler unblock ", {"spam@bad.example", "worse.example"}),
        ("reconciler adopt anna.beispiel ", {ANNA, BERND, f"vorstand@{DOMAIN}", "spam@bad.example", "worse.example"}),
        ("reconciler confirm wide-block w", {"worse.example"}),
        ("reconciler queue list --domain ", {DOMAIN}),
        ("reconciler queue list --recipient=an", {ANNA}),
        ("reconciler queue delete --sender spam@", {"spam@bad.example"}),
        ("reconciler import --domain ", {DOMAIN}),
        ("reconciler remove anna.beispiel --groupware-account ", {"keep", "delete"}),
        ("reconciler rename a b --old-mailbox ", {"attach", "move"}),
        ("reconciler plan --only an", {ANNA}),
        ("reconciler apply --only ", {ANNA, BERND, f"vorstand@{DOMAIN}", DOMAIN}),
        ("reconciler report plan.json --forge gi", {"gitlab", "github", "gitea"}),
        ("reconciler schema f", {"findings"}),
        ("reconciler init mail --without post", {"postfixadmin", "postfix"}),
    ],
)
def test_each_argument_offers_what_it_takes(site: StandInSite, line: str, expected: set[str]) -> None:
    declare(site)
    assert set(offered(site, line)) == expected


_NOTHING_TO_OFFER = {
    "init": {"folder"},
    "apply": {"saved"},
    "report": {"documents"},
    "queue show": {"queue_id"},
    "demo": {"folder"},
    "remote install": {"host"},
    "remote uninstall": {"host"},
    "add block": {"sender"},
}
"""A folder or a file, which the shell completes; what only a live system knows; what is new; what has a default."""


@pytest.mark.parametrize("name", COMMANDS)
def test_no_argument_is_forgotten(name: str) -> None:
    bare = {
        parameter.name
        for parameter in COMMANDS[name].params
        if parameter.param_type_name == "argument" and parameter._custom_shell_complete is None
    }
    assert bare == _NOTHING_TO_OFFER.get(name, set())


def test_another_site_and_another_state(site: StandInSite, tmp_path: Path) -> None:
    declare(site)
    other = tmp_path / "other"
    other.mkdir()
    (other / "a.yaml").write_text("domain: other.example\nmailboxes: {clara: {}}\n")
    (other / "reconciler.yaml").write_text("site: other\n")
    assert offered(site, f"reconciler show --state {other} ") == ["clara@other.example"]
    assert offered(site, f"reconciler show --site {other}/reconciler.yaml ") == ["clara@other.example"]
    assert offered(site, "reconciler show ", RECONCILER_SITE=f"{other}/reconciler.yaml") == ["clara@other.example"]
    assert offered(site, "reconciler show ", RECONCILER_STATE=str(other)) == ["clara@other.example"]


@pytest.mark.parametrize("wrong", ["--state nowhere", "--site nowhere", "--site state", "--state reconciler.yaml"])
def test_a_site_that_is_not_there(site: StandInSite, wrong: str) -> None:
    declare(site)
    assert offered(site, f"reconciler show {wrong} ") == []


def test_only_files_are_read(site: StandInSite) -> None:
    """No live system, no ledger, no secret: what would talk to them is not even imported."""
    declare(site)
    asked = {"_RECONCILER_COMPLETE": "complete_bash", "COMP_WORDS": "reconciler show ann", "COMP_CWORD": "2"}
    modules = imported(env=asked, folder=site.folder)
    assert "reconciler.declared.names" in modules
    assert not modules & (LIVE | {"socket", "pydantic", "rich", "reconciler.settings"})


def test_of_a_big_site_nothing_is_offered_before_a_letter_is_typed(site: StandInSite) -> None:
    boxes = "".join(f"  person{number}: {{groupware: false}}\n" for number in range(6000))
    (site.folder / "state" / "state.yaml").write_text(f"domain: {DOMAIN}\nmailboxes:\n{boxes}  zoe: {{}}\n")
    assert offered(site, "reconciler show ") == []
    assert offered(site, "reconciler show z") == [f"zoe@{DOMAIN}"]


def test_a_disk_that_does_not_answer_gives_the_keyboard_back(site: StandInSite) -> None:
    declare(site)
    slow = "import time, reconciler.declared.names as names; names.state_folder = lambda site: time.sleep(60)"
    asked = {"_RECONCILER_COMPLETE": "complete_bash", "COMP_WORDS": "reconciler show ann", "COMP_CWORD": "2"}
    done = subprocess.run(
        [sys.executable, "-c", f"{slow}\n{COMMAND[2]}"],
        cwd=site.folder,
        env=environment(**asked),
        capture_output=True,
        check=False,
        timeout=30,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_a_bug_is_not_shown_while_somebody_types(site: StandInSite) -> None:
    declare(site)
    broken = "import reconciler.declared.names as names; names.state_folder = lambda site: 1 / 0"
    asked = {"_RECONCILER_COMPLETE": "complete_bash", "COMP_WORDS": "reconciler show ann", "COMP_CWORD": "2"}
    before = set(Path(os.environ.get("TMPDIR", "/tmp")).glob("reconciler-*.txt"))
    done = subprocess.run(
        [sys.executable, "-c", f"{broken}\n{COMMAND[2]}"],
        cwd=site.folder,
        env=environment(**asked),
        capture_output=True,
        check=False,
        timeout=30,
    )
    assert (done.returncode, done.stdout, done.stderr) == (1, b"", b"")
    assert set(Path(os.environ.get("TMPDIR", "/tmp")).glob("reconciler-*.txt")) <= before
