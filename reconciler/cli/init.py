"""`reconciler init`: a repository for a site that is running, once every answer has been tried on the live systems."""

from __future__ import annotations

import asyncio
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from reconciler.cli.exit_status import Status
from reconciler.cli.init_questions import ask_everything, ask_login
from reconciler.cli.site_session import mailer_of, site_hosts
from reconciler.cli.streams import say, write
from reconciler.cli.terminal import until_interrupted
from reconciler.declared.fields.error_messages import Sentence
from reconciler.declared.site_file.load import site_of
from reconciler.errors import ReconcilerError, Unreadable, UsageError
from reconciler.settings import Settings
from reconciler.setup.answers import SYSTEMS, Answers
from reconciler.setup.live_check import look_at, problem_lines
from reconciler.setup.probe import Probed, told
from reconciler.setup.probe import probe as look_around
from reconciler.setup.repository import refuse_existing, repository, save


class Setup:
    """The answers, and how they are tried."""

    def __init__(self, folder: Path, without: Sequence[str]) -> None:
        self.folder = folder
        self.answers = Answers(folder)
        self.without = without
        self.probed: Probed | None = None
        self.reached: set[str] = set()
        """Hosts whose login has worked."""

    def settings(self) -> Settings | list[Sentence]:
        """What the answers mean by now, or what is wrong with them."""
        return site_of(self.answers.data, self.folder.absolute())

    async def check(self, system: str) -> str:
        """Connects, logs in, lists; what is there, in words. Raises UsageError and Unreadable."""
        others = dict.fromkeys(other for other in SYSTEMS if other != system)  # they may not be answered yet
        settings = site_of({**self.answers.data, **others}, self.folder.absolute())
        if not isinstance(settings, Settings):
            raise UsageError("\n".join(problem_lines(settings)), hint="answer again")
        hosts, mailer = site_hosts(settings), mailer_of(settings)
        try:
            return await look_at(settings, system, hosts, mailer)
        finally:
            await hosts.close()
            await mailer.close()

    async def probe(self, name: str, folders: Sequence[str]) -> None:
        """Looks at the host, takes what it finds for proposals, and says it. Raises UsageError and Unreadable."""
        self.answers.login(name)
        settings = site_of({**self.answers.data, **dict.fromkeys(SYSTEMS)}, self.folder.absolute())
        if not isinstance(settings, Settings):
            raise UsageError("\n".join(problem_lines(settings)), hint="answer again")
        hosts = site_hosts(settings)
        try:
            config, address = self.answers.get("postfix.config_directory"), self.answers.get(f"ssh.{name}.address")
            self.probed = await look_around(hosts.get(name), folders, config, address)
        finally:
            await hosts.close()
        self.reached.add(name)
        say(f"{name}, where nothing was written:")
        for line in told(self.probed):
            say(line)
        for found in self.probed.found:
            if found.key.partition(".")[0] not in self.without:
                self.answers.propose(found.key, found.value, found.source)


async def init(
    folder: Path, told_values: Sequence[str], without: Sequence[str], probe: str | None, look_in: Sequence[str]
) -> Status:
    """Asks, or takes what it was told; tries it; and only then writes. Raises UsageError and Unreadable."""
    if look_in and probe is None:
        raise UsageError("--look-in says where --probe is to look, and there is none", hint="add --probe HOST")
    refuse_existing(folder)
    setup = Setup(folder, without)
    _take(setup, told_values, without)
    if sys.stdin.isatty():
        if probe is not None:
            await _until_right(setup, probe, look_in)
        await ask_everything(setup)
    else:
        if probe is not None:
            await setup.probe(probe, look_in)
        await _check_everything(setup)
    texts = repository(setup.answers.data)
    save(texts, folder)
    write("\n".join(f"{folder / name}" for name in sorted(texts)))
    _say_next(setup)
    return Status.DONE


def _take(setup: Setup, told_values: Sequence[str], without: Sequence[str]) -> None:
    wrong = [f"--set {word}: write --set KEY=VALUE" for word in told_values if "=" not in word]
    wrong += [f"--without {word}: it is one of {', '.join(SYSTEMS)}" for word in without if word not in SYSTEMS]
    for word in told_values:
        key, _, value = word.partition("=")
        if key.partition(".")[0] in without:
            wrong.append(f"--set {key}: goes with no --without {key.partition('.')[0]}")
        elif key.endswith(("password", "passwd")):
            wrong.append(f"--set {key}: a password is not an option; name the variable or the file that holds it")
        else:
            setup.answers.say(key, value)
    if wrong:
        raise UsageError("\n".join(wrong), hint="the keys are those of the site file: docs/site-file.md")


async def _until_right(setup: Setup, host: str, look_in: Sequence[str]) -> None:
    """Asks how to log in there until somebody can."""
    while True:
        await ask_login(setup, host)
        try:
            return await until_interrupted(setup.probe(host, look_in))
        except ReconcilerError as error:
            _complain(error)


async def _check_everything(setup: Setup) -> None:
    """Nobody can be asked: everything that is wrong is said together."""
    answers = setup.answers
    answers.complete()
    systems = [system for system in SYSTEMS if answers.has(system)]
    settings = setup.settings()
    wrong = [] if isinstance(settings, Settings) else problem_lines(settings)
    if not systems:
        hint = "name what is there, like --set postfixadmin.url=mysql+pymysql://USER@HOST/DATABASE; or use a terminal"
        none = "none of the three systems is named, and nobody is there to be asked"
        raise UsageError("\n".join((none, *wrong)), hint=hint)
    if not isinstance(settings, Settings):
        hint = "correct each with --set KEY=VALUE (KEY as it stands before the colon)"
        raise UsageError(_all("wrong", wrong), hint=hint)
    results = await asyncio.gather(*(setup.check(system) for system in systems), return_exceptions=True)
    failed: list[str] = []
    usage = False
    for system, result in zip(systems, results, strict=True):
        if isinstance(result, ReconcilerError):
            usage |= isinstance(result, UsageError)
            failed.append(f"{system}: {result.message}" + (f" → {result.hint}" if result.hint else ""))
        elif isinstance(result, BaseException):
            raise result
        else:
            say(result)
    if failed:
        raise (UsageError if usage else Unreadable)(_all("not right", failed), hint="nothing was written; try again")


def _all(what: str, lines: Sequence[str]) -> str:
    return "\n  ".join([f"{len(lines)} of the answers {'is' if len(lines) == 1 else 'are'} {what}:", *lines])


def _complain(error: ReconcilerError) -> None:
    say(f"not yet: {error.message}")
    if error.hint:
        say(f"  → {error.hint}")


def _say_next(setup: Setup) -> None:
    answers = setup.answers
    if "postfixadmin.url" in answers.sources:
        say("PostfixAdmin's own database user may do more than is needed: docs/database.md has the rights of two users")
    variables = [name for system in SYSTEMS for name in answers.variables(system)]
    lines = [f"cd {shlex.quote(str(setup.folder))}"]
    lines += [f"read -rs {name} && export {name}" for name in dict.fromkeys(variables)]
    lines += ["reconciler ledger init", "reconciler import --into state", "reconciler plan"]
    say("next:\n" + "\n".join(f"  {line}" for line in lines))
