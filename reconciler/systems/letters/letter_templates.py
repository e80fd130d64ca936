"""The texts of letters: ours, and a site's own, whose folder goes before it. Each is tried with both sides of what it
may ask: `validate` says all that is wrong with the site's own, every other command ends with the first.

A template is text whose first line is `Subject: …`, then an empty line, then the letter. It may use the fields of
Content. Templates come from git, so they run in Jinja's sandbox.
"""

from __future__ import annotations

import re
import traceback
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, replace
from difflib import get_close_matches
from itertools import product
from pathlib import Path
from typing import get_args

from jinja2 import Environment, FileSystemLoader, StrictUndefined, TemplateError, TemplateNotFound, TemplateSyntaxError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from reconciler.errors import UsageError
from reconciler.model.source_places import Place
from reconciler.planning.finding import Finding, Severity
from reconciler.repository_paths import path_in_repository
from reconciler.settings import Language, Letters, Settings

ACCOUNT = "account"
"""A new account, with its password."""
RENAMED = "renamed"
"""The address has changed, and so has the password."""
PASSWORD = "password"  # the name of a template
"""Nothing but a new password."""
MOVED = "moved"
"""The address has changed, the password stays; the template cannot use a password."""
TEMPLATES = (ACCOUNT, RENAMED, PASSWORD, MOVED)

_OURS = Path(__file__).parent / "templates"
LANGUAGES: tuple[str, ...] = get_args(Language)
_SUBJECT = "Subject: "
_RULE = "letter-template"


@dataclass(frozen=True, slots=True)
class Content:
    """What a template may say. Empty text means: not known."""

    address: str
    login: str
    password: str = field(default="", repr=False)
    given_name: str = ""
    name: str = ""
    web_url: str = ""
    """Where to log in with a browser."""
    sender_name: str = ""
    """Who signs: the name in `letters.from`, else its address."""
    web_login: str = ""
    """The login in the browser, where it is another one than `login`."""
    addresses: tuple[str, ...] = ()
    """All that lead to them: the present one, former ones, the member number's."""
    old_address: str = ""
    """The one that the last rename left."""
    old_mail: str = ""
    """Where the mail of the old address is: `attached` in the web interface, `separate`, or `moved` along."""
    groupware: bool = False


class BrokenTemplate(UsageError):
    """A template that makes no letter; `place` is the line to correct."""

    def __init__(self, file: str, line: int, reason: str, hint: str = "") -> None:
        hint = hint or f"it may use {', '.join(Content.__dataclass_fields__)}"
        super().__init__(f"the letter template {file} is wrong: line {line}: {reason}", hint=hint)
        self.file, self.line, self.reason = file, line, reason


class Templates:
    """The templates of one site."""

    def __init__(self, settings: Settings, letters: Letters) -> None:
        """Raises UsageError when the site's folder is none."""
        self.languages = languages(settings, letters)
        folders = [_OURS]
        if letters.templates is not None:
            own = settings.path(letters.templates)
            if not own.is_dir():
                raise UsageError(
                    f"letters: templates: {letters.templates} is not a folder",
                    hint=f"make it, with account.{letters.language}.txt.j2 in it, or leave the line out",
                )
            folders.insert(0, own)
        self._environment = ImmutableSandboxedEnvironment(
            loader=_Inside(folders),
            undefined=StrictUndefined,
            autoescape=False,  # plain text
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
        )

    def broken(self) -> Iterator[UsageError]:
        """What is wrong, one for each template."""
        for template, language in product(TEMPLATES, self.languages):
            try:
                for probe in _PROBES:
                    self.text(template, probe, language)
            except UsageError as error:
                yield error

    def text(self, template: str, content: Content, language: str = "") -> tuple[str, str]:
        """Subject and body, in the site's language unless another is given. Raises BrokenTemplate, and UsageError for a
        file that is missing or leads elsewhere."""
        file = f"{template}.{language or self.languages[0]}.txt.j2"
        values = asdict(content)
        if template == MOVED:
            del values["password"]
        try:
            text = self._environment.get_template(file).render(values)
        except TemplateNotFound as error:
            hint = f"add {error.name} to letters: templates:"
            if error.name == file:
                raise UsageError(f"there is no letter template {file}", hint=hint) from None
            raise BrokenTemplate(file, _line(error), f"there is no letter template {error.name}", hint) from None
        except TemplateSyntaxError as error:
            raise BrokenTemplate(Path(error.name or file).name, error.lineno, str(error.message), _SYNTAX) from None
        except UnicodeDecodeError:
            raise BrokenTemplate(file, 1, "it is not UTF-8", "save it in UTF-8") from None
        except (TemplateError, TypeError, ValueError, ArithmeticError, LookupError) as error:
            # a template is code: it can divide by zero
            reason = f"{type(error).__name__}: {error}"
            raise BrokenTemplate(file, _line(error), reason, _what_was_meant(str(error), template)) from None
        subject, _, body = text.partition("\n")
        if not subject.startswith(_SUBJECT) or not subject.removeprefix(_SUBJECT).strip():
            hint = f"write `{_SUBJECT}…` there, then an empty line, then the letter"
            raise BrokenTemplate(file, 1, f"its first line must be `{_SUBJECT}…`", hint)
        return subject.removeprefix(_SUBJECT).strip(), body.lstrip("\n")


def languages(settings: Settings, letters: Letters) -> tuple[str, ...]:
    """Those that letters of this site may be in, the site's own first: with a column of the register all."""
    register = settings.register_
    by_member = register is not None and register.columns.language is not None
    others = [language for language in LANGUAGES if language != letters.language] if by_member else []
    return (letters.language, *others)


def check_own(settings: Settings) -> list[Finding]:
    """What is wrong or strange in the site's own folder of templates; nothing without one. For `validate`."""
    letters = settings.letters
    if letters is None or letters.templates is None:
        return []
    folder = Path(settings.file).parent / letters.templates
    try:
        templates = Templates(settings, letters)
    except UsageError as error:
        return [Finding(Severity.ERROR, _RULE, str(folder), error.message, error.hint, _place(settings.file))]
    own = sorted(path.name for path in settings.path(letters.templates).iterdir())
    return [
        *_errors(templates, folder),
        *_silent(templates, folder, own),
        *_misnamed(folder, own),
        *_untranslated(folder, own, templates.languages),
    ]


def _place(file: Path | str, line: int = 1) -> Place:
    return Place(str(file), line, path=path_in_repository(str(file)))


def _errors(templates: Templates, folder: Path) -> Iterator[Finding]:
    for error in templates.broken():
        file, line, reason = "", 1, error.message
        if isinstance(error, BrokenTemplate):
            file, line, reason = error.file, error.line, error.reason
        place = _place(folder / file, line)
        yield Finding(Severity.ERROR, _RULE, place.file, reason, error.hint, place)


def _silent(templates: Templates, folder: Path, own: list[str]) -> Iterator[Finding]:
    """Letters that are to tell a password, and do not."""
    for template, language in product((ACCOUNT, RENAMED, PASSWORD), templates.languages):
        file = f"{template}.{language}.txt.j2"
        if file not in own:
            continue
        try:
            texts = [templates.text(template, replace(probe, password=_SIGN), language) for probe in _PROBES]
        except UsageError:
            continue
        if any(_SIGN not in body for _, body in texts):
            message = "not every letter from it tells the password, and nothing else does"
            hint = "write {{ password }} where each of them has it"
            place = _place(folder / file)
            yield Finding(Severity.WARNING, _RULE, place.file, message, hint, place)


def _misnamed(folder: Path, own: list[str]) -> Iterator[Finding]:
    """Files that are nearly called like a template: ours is taken in their place."""
    names = [f"{template}.{language}.txt.j2" for template in TEMPLATES for language in LANGUAGES]
    for file in own:
        if file not in names and (near := get_close_matches(file, names, n=1, cutoff=0.8)):
            place = _place(folder / file)
            hint = f"did you mean {near[0]}?"
            yield Finding(Severity.WARNING, _RULE, place.file, "no letter is called so, and ours is sent", hint, place)


def _untranslated(folder: Path, own: list[str], languages: tuple[str, ...]) -> Iterator[Finding]:
    """Letters that the site wrote itself in one of its languages and not in another: members get ours in that one."""
    for template in TEMPLATES:
        files = {language: f"{template}.{language}.txt.j2" for language in languages}
        missing = [file for file in files.values() if file not in own]
        if len(missing) < len(files):
            for file in missing:
                message = f"the register names languages, and there is no {file}: ours is sent in its place"
                place = _place(folder)
                yield Finding(Severity.WARNING, _RULE, str(folder / file), message, f"add {file} to the folder", place)


_SIGN = "5iGn-0f-a-Pa55word"
_SYNTAX = "write {{ name }} for a value, and {% if name %} … {% endif %} for what not everybody gets"


def _what_was_meant(said: str, template: str) -> str:
    """The hint for a name that no letter has."""
    name = re.fullmatch(r"'(\w+)' is undefined", said)
    if name is None:
        return ""
    if name[1] == "password" and template == MOVED:
        return "leave it out: this letter says that the address changed, and the password stays as it was"
    near = get_close_matches(name[1], Content.__dataclass_fields__, n=1)
    return f"write {{{{ {near[0]} }}}}" if near else ""


def _line(error: Exception) -> int:
    """Where in a template it happened: Jinja puts its lines into the traceback."""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename.endswith(".j2")]
    return lines[-1] if lines and lines[-1] else 1


class _Inside(FileSystemLoader):
    """Follows no link out of the template folders: review shows only the link, and the letter would show the file."""

    def get_source(self, environment: Environment, template: str) -> tuple[str, str, Callable[[], bool]]:
        text, file, fresh = super().get_source(environment, template)
        if not any(Path(file).resolve().is_relative_to(Path(folder).resolve()) for folder in self.searchpath):
            raise UsageError(
                f"the letter template {template} is a link that leads out of its folder",
                hint="put the file itself there: git shows only what is inside",
            )
        return text, file, fresh


_BARE = Content("probe@mail.example", "probe", "probe", "Probe", "Probe", sender_name="Probe")
_FULL = replace(
    _BARE,
    web_url="https://mail.example/",
    web_login="probe",
    addresses=("probe@mail.example",),
    old_address="old@mail.example",
    groupware=True,
)
_PROBES = (_BARE, *(replace(_FULL, old_mail=where) for where in ("attached", "separate", "moved")))
"""Both sides of what a template may ask."""
