"""The marker in a comment of ours: one HTML comment at its end that says, for the program, what the comment is about.
Pure.

    <!-- reconciler {"version":1,"site":"nrw","purpose":"plan",…} -->

What a comment says can be edited by others (maintainers on GitLab, whoever may write on GitHub and Forgejo). So the
marker holds a seal over itself and the words above it: a SHA-256, which shows an edit, or an HMAC where there is a
key (docs/decisions/0019-bound-apply.md). A comment belongs to a site and a purpose: that of a run is another one than
that of the plan, so that the plan stays approved when the run is repeated.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from base64 import b64encode
from collections.abc import Iterable, Mapping
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

VERSION: Literal[1] = 1

LINES_BUDGET = 20_000
"""Bytes that the hashes of single lines may take; about 450 lines. A plan with more is approved as a whole or not."""

_MOST = 40_000
"""Bytes of a marker; anything longer is not ours."""

_ID_BYTES, _FINGERPRINT_BYTES = 9, 16
# the id is in the fingerprint, too; that one must withstand somebody who looks for two states with the same

_OPENING = "<!-- reconciler "
_MARKER = re.compile(r"^<!-- reconciler (\{[^\n]*\}) -->$", re.MULTILINE)
_NO_SEAL = ""

Digest = Annotated[str, Field(pattern="^([0-9a-f]{64})?$")]
Commit = Annotated[str, Field(pattern=r"^[0-9a-f]{0,64}\+?$")]
LONGEST_TEXT = 500
"""Characters of a URL or a name in a marker."""
Short = Annotated[str, Field(max_length=LONGEST_TEXT)]
Hash = Annotated[str, Field(pattern="^[0-9A-Za-z+/]{12,22}$")]


class BadMarker(ValueError):
    """The comment has no marker that can be relied on; the message says why, for people."""


class Marker(BaseModel):
    """What a comment is about. `digest` is the plan's, empty where there is none: of a state that is invalid. `cut`:
    the comment does not show all of it; `masked`: names are not shown; `stopped`: a gate refuses the whole plan.
    `targets` and `policy` are hashes of where the systems are and of the gates' configuration. `lines` has a hash of
    each line's fingerprint by a hash of its id; None when they are too many. `seal` is over all of the comment."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    version: Literal[1] = VERSION
    site: Short
    purpose: Literal["plan", "drift", "run"]
    digest: Digest = ""
    commit: Commit = ""
    base: Commit = ""
    made: AwareDatetime
    job: Short = ""
    counts: Annotated[dict[Annotated[str, Field(pattern="^[a-z_]{1,40}$")], int], Field(max_length=30)] = {}
    cut: bool = False
    masked: bool = False
    stopped: bool = False
    targets: Hash | Literal[""] = ""
    policy: Hash | Literal[""] = ""
    lines: dict[Hash, Hash] | None = None
    seal: Annotated[str, Field(pattern="^([0-9a-f]{64})?$")] = _NO_SEAL

    @property
    def approves_nothing(self) -> str:
        """Why this comment cannot approve what `apply` does; empty when it can."""
        if self.purpose != "plan" or not self.digest:
            return "it shows no plan"
        if self.cut:
            return "it was cut, so that nobody has seen all of the plan there"
        if self.masked:
            return "its names are masked, so that nobody has seen there whom the plan is about"
        return "a gate refuses the whole plan that it shows" if self.stopped else ""

    def agrees(self, id: str, fingerprint: str) -> bool | None:
        """Whether a line was reviewed as it is now; False when it was another then, None when it was not there."""
        hashes = self.lines or {}
        found = hashes.get(id_hash(id))
        return None if found is None else found == fingerprint_hash(fingerprint)


def id_hash(id: str) -> str:
    return _short(id, _ID_BYTES)


def fingerprint_hash(fingerprint: str) -> str:
    return _short(fingerprint, _FINGERPRINT_BYTES)


def values_hash(values: Mapping[str, str]) -> str:
    """Of targets by system, or of the gates' configuration by key."""
    return _short(json.dumps(sorted(values.items())), _FINGERPRINT_BYTES)


def line_hashes(lines: Iterable[tuple[str, str]]) -> dict[str, str] | None:
    """Of ids and fingerprints; None when they would take more than the budget."""
    hashes = {id_hash(id): fingerprint_hash(fingerprint) for id, fingerprint in lines}
    return hashes if len(json.dumps(hashes, separators=(",", ":"))) <= LINES_BUDGET else None


def with_marker(text: str, marker: Marker, key: bytes | None = None) -> str:
    """The comment: these words, and the marker, sealed. Raises ValueError when the words hold a marker."""
    if _OPENING in text:
        raise ValueError("the text holds a marker already")
    words = text.rstrip() + "\n\n"
    sealed = marker.model_copy(update={"seal": _seal(words, marker, key)})
    return f"{words}{_OPENING}{_written(sealed)} -->\n"


def marker_in(body: str) -> Marker | None:
    """The marker of a comment, whatever stands above it; None without a marker. Raises BadMarker for one that is not as
    this program writes it."""
    if body.count(_OPENING) == 0:
        return None
    found = _MARKER.findall(body)
    if len(found) != 1 or body.count(_OPENING) != 1 or not body.rstrip().endswith("} -->"):
        raise BadMarker("its marker is not the only one, or does not stand at its end")
    return _read(found[0])


def sealed_marker_in(body: str, key: bytes | None = None) -> Marker | None:
    """The marker of a comment that is as it was written. Raises BadMarker for one that somebody edited, or that was
    sealed with another key."""
    marker = marker_in(body)
    if marker is None:
        return None
    words = body[: body.index(_OPENING)]
    if not hmac.compare_digest(marker.seal, _seal(words, marker, key)):
        which = "edited, or sealed with another key" if key is not None else "edited, or sealed with a key"
        raise BadMarker(f"it was {which}: its seal does not fit its words")
    return marker


def _read(text: str) -> Marker:
    if len(text.encode("utf-8", "replace")) > _MOST:
        raise BadMarker("its marker is too long")
    try:
        found = json.loads(text, object_pairs_hook=_once)
    except (ValueError, RecursionError):
        raise BadMarker("its marker is not JSON") from None
    if found.get("version") != VERSION:
        raise BadMarker("its marker is of another version of reconciler")
    if "--" in text:
        raise BadMarker("its marker holds two hyphens in a row")
    try:
        marker = Marker.model_validate_json(text)
    except ValidationError as error:
        where = ".".join(map(str, error.errors(include_url=False, include_input=False)[0]["loc"]))
        raise BadMarker(f"its marker is damaged at {where[:60]}") from None
    if text != _written(marker):
        raise BadMarker("its marker is not written as this program writes it")
    return marker


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    if len({name for name, _ in pairs}) < len(pairs):
        raise ValueError("a key stands twice")
    return dict(pairs)


def _written(marker: Marker) -> str:
    """JSON on one line with nothing in it that ends an HTML comment, calls somebody, or looks like a tag."""
    text = json.dumps(marker.model_dump(mode="json"), separators=(",", ":"), ensure_ascii=True)
    for sign in "<>&@`":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text.replace("--", "-\\u002d")


def _seal(words: str, marker: Marker, key: bytes | None) -> str:
    """Over the words, without what forges change of them (line ends, spaces at the end), and all else of the marker."""
    lines = [line.rstrip() for line in words.replace("\r\n", "\n").strip().split("\n")]
    bound = json.dumps([lines, _written(marker.model_copy(update={"seal": _NO_SEAL}))]).encode("ascii")
    return hashlib.sha256(bound).hexdigest() if key is None else hmac.new(key, bound, "sha256").hexdigest()


def _short(text: str, size: int) -> str:
    return b64encode(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:size]).decode("ascii").rstrip("=")
