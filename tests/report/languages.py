"""Reports in German, of samples that are made in English."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from reconciler.translation import speak

T = TypeVar("T")


def in_german(report: Callable[[], T]) -> Callable[[], T]:
    """The same in German. Findings of the samples are given as they are, and stay English."""

    def spoken() -> T:
        speak("de")
        try:
            return report()
        finally:
            speak("en")

    return spoken
