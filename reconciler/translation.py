"""The language of reports. Sentences stand in English in the code and are looked up in gettext's catalogues in
`locale/`; what is missing there stays English. `make catalogue` collects them.

A command speaks one language: that of its site file (`report.language`), or of the document that it reports from.
Errors, help, JSON's words and what runs note in the ledger are English.
"""

from __future__ import annotations

import gettext
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

Language = Literal["en", "de"]

_FOLDER = Path(__file__).parent / "locale"
_DOMAIN = "reconciler"


class _Spoken:
    """What is looked up from now on."""

    language: Language = "en"
    catalogue: gettext.NullTranslations = gettext.NullTranslations()


def speak(language: Language) -> None:
    """From now on sentences are of this language."""
    if language != _Spoken.language:
        english = language == "en"
        _Spoken.catalogue = gettext.NullTranslations() if english else gettext.translation(_DOMAIN, _FOLDER, [language])
        _Spoken.language = language


def spoken() -> Language:
    """The language that sentences are of."""
    return _Spoken.language


def tr(sentence: str, /, **values: object) -> str:
    """The sentence in the language that is spoken, with `values` in the places that their names mark: `{address}`."""
    # the catalogue's own head stands under the empty sentence
    return _filled(_Spoken.catalogue.gettext(sentence), values) if sentence else ""


def english(sentence: str, /, **values: object) -> str:
    """The same in English, for what the ledger keeps."""
    return _filled(sentence, values)


def tr_number(one: str, many: str, number: int, /, **values: object) -> str:
    """The same for a number of things, which stands at `{number}`."""
    return _filled(_Spoken.catalogue.ngettext(one, many, number), {"number": number, **values})


def marked(sentence: str) -> str:
    """A constant for the catalogue; `tr` looks it up where it is used."""
    return sentence


def marked_number(one: str, many: str) -> tuple[str, str]:
    """The same for a number of things; `tr_number` looks them up where they are used."""
    return one, many


def _filled(sentence: str, values: Mapping[str, object]) -> str:
    return sentence.format_map(values) if values else sentence
