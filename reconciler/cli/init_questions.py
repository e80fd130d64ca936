"""What `reconciler init` asks at a terminal. A question has the words of the site file's own help; Enter takes what is
in brackets; what fails when it is tried is asked again.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Protocol

from reconciler.cli.streams import say
from reconciler.cli.terminal import ask, until_interrupted
from reconciler.declared.fields.error_messages import Sentence
from reconciler.declared.site_file.help import SITE_WORDS
from reconciler.errors import ReconcilerError, UsageError
from reconciler.remote.database_url import has_password
from reconciler.settings import Settings
from reconciler.setup.answers import LEFT_OUT, LOGIN, PROPOSED, SYSTEMS, Answers, default_of, model_of, parts_of
from reconciler.setup.live_check import problem_lines
from reconciler.setup.probe import Probed

_NAMES = {"postfixadmin": "PostfixAdmin's database", "openxchange": "Open-Xchange", "postfix": "Postfix' sender map"}


class Setup(Protocol):
    """What is asked about."""

    answers: Answers
    without: Sequence[str]
    probed: Probed | None
    reached: set[str]

    def settings(self) -> Settings | list[Sentence]:
        """What the answers mean by now, or what is wrong with them."""
        ...

    async def check(self, system: str) -> str:
        """Tries a system. Raises UsageError and Unreadable."""
        ...


async def ask_everything(setup: Setup) -> None:
    """Every question, each system tried as soon as it is answered. Raises UsageError when somebody leaves."""
    answers = setup.answers
    asked_for = {"site", "ssh", *SYSTEMS}
    told = setup.settings()
    wrong = [] if isinstance(told, Settings) else [each for each in told if each.path and each.path[0] not in asked_for]
    if wrong:
        raise UsageError("\n".join(problem_lines(wrong)), hint="correct it with --set KEY=VALUE")
    say(f"Enter takes what is in brackets, {LEFT_OUT} leaves a key out, Ctrl-D ends without a trace.")
    await _ask_key(setup, "site")
    for system in SYSTEMS:
        if system in setup.without or not await _wanted(setup, system):
            answers.leave_out(system)
            continue
        answers.add(system)
        await _ask_system(setup, system)
    if not any(answers.has(system) for system in SYSTEMS):
        raise UsageError("none of the three systems is there to be managed", hint="say yes to one of them")
    answers.complete()
    end = setup.settings()
    if not isinstance(end, Settings):
        raise UsageError("\n".join(problem_lines(end)), hint="correct it with --set KEY=VALUE")


async def ask_login(setup: Setup, host: str) -> None:
    """How to log in to this host."""
    setup.answers.login(host)
    for key in LOGIN:
        await _ask_key(setup, f"ssh.{host}.{key}")


async def _ask_system(setup: Setup, system: str) -> None:
    """Asks until the system answers."""
    answers = setup.answers
    while True:
        for key in SYSTEMS[system]:
            if key.endswith("_env") and answers.is_file(system):
                continue  # SQLite has no passwords
            await _ask_key(setup, f"{system}.{key}")
        host = answers.get(f"{system}.host")
        if host is not None and host not in setup.reached:
            await ask_login(setup, str(host))
        typed = await _ask_passwords(answers.variables(system))
        try:
            say(await until_interrupted(setup.check(system)))
        except ReconcilerError as error:
            _say_failure(error.message, error.hint)
            for name in typed:  # it may have been the wrong one
                os.environ.pop(name, None)
            continue
        setup.reached.update([str(host)] if host is not None else [])
        return


async def _ask_passwords(variables: list[str]) -> list[str]:
    """The passwords that no variable holds yet, for this process alone; says which were typed."""
    typed = []
    for name in variables:
        if not os.environ.get(name):
            question = f"{name} is not set. The password, for these tests only (not shown, kept nowhere): "
            answer = await _answer(question, hidden=True)
            if answer:
                os.environ[name] = answer
                typed.append(name)
    return typed


async def _wanted(setup: Setup, system: str) -> bool:
    """Whether the system is to be managed."""
    found = setup.answers.has(system)
    yes = found or setup.probed is None
    while True:
        answer = (await _answer(f"\nManage {_NAMES[system]}? [{'Y/n' if yes else 'y/N'}]: ")).lower()
        if answer in ("", "y", "yes", "n", "no"):
            return yes if not answer else answer.startswith("y")
        say("please answer y or n")


async def _ask_key(setup: Setup, key: str) -> None:
    """One question, until the answer has the form that it must have."""
    while True:
        await _ask_once(setup.answers, key)
        told = setup.settings()
        wrong = [] if isinstance(told, Settings) else [each for each in told if list(each.path) == parts_of(key)]
        if not wrong:
            return
        say("\n".join(f"not yet: {line}" for line in problem_lines(wrong)))


async def _ask_once(answers: Answers, key: str) -> None:
    """A password's place may be answered with a variable, or with a file: a path has a slash."""
    name = key.rpartition(".")[2]
    words = SITE_WORDS[model_of(key)][name]
    file = None
    if name.endswith("password_env"):
        words += " Or the file that does: a path with a slash."
        file = answers.get(f"{key.removesuffix('_env')}_file")
    if has_password(answers.get(key)):  # it is refused, and not to be shown again
        answers.say(key, LEFT_OUT)
    now = answers.get(key) if answers.get(key) is not None else file
    proposed = now if now is not None else default_of(key) if default_of(key) is not None else PROPOSED.get(key)
    source = answers.sources.get(key)
    shown = f"{proposed}{f', from {source}' if source else ''}" if proposed is not None else LEFT_OUT
    answer = await _answer(f"{key}: {words}\n  [{shown}]: ")
    if answer:
        answers.say(key, answer)
    elif now is None and proposed is not None and proposed != default_of(key):
        answers.say(key, str(proposed))


async def _answer(question: str, *, hidden: bool = False) -> str:
    answer = await ask(question, hidden=hidden)
    if answer is None:
        hint = "run it again; what is known already can be given as --set KEY=VALUE"
        raise UsageError("left at a question: nothing was written", hint=hint)
    return answer if hidden else answer.strip()


def _say_failure(message: str, hint: str = "") -> None:
    say(f"not yet: {message}")
    if hint:
        say(f"  → {hint}")
    say("once more, please: Enter keeps what you answered")
