"""Debian's copyright file: reconciler's own licence, and what each package inside says of itself."""

from __future__ import annotations

from email.message import Message
from email.parser import HeaderParser
from pathlib import Path

_HEAD = """\
Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: reconciler
Comment: /usr/lib/reconciler holds reconciler and the packages that it needs, as their authors released them.
 The text of each licence is in the package's folder *.dist-info there.

Files: *
Copyright: 2026 the reconciler authors
License: Apache-2.0
 On Debian systems, the text of this licence is in /usr/share/common-licenses/Apache-2.0.
"""


def copyright_text(library: Path) -> str:
    """Of the environment `library` (tree.build). Raises ValueError for a package that names no licence."""
    parts = [_HEAD]
    for metadata in sorted(library.glob("lib/*/site-packages/*.dist-info/METADATA")):
        said = HeaderParser().parsestr(metadata.read_text(encoding="utf-8"))
        if said["Name"] != "reconciler":
            parts.append(_paragraph(said, metadata.parent))
    return "\n".join(parts)


def _paragraph(said: Message, folder: Path) -> str:
    files = f"usr/lib/reconciler/{'/'.join(folder.parts[-4:-1])}/{folder.name}/*"
    author = " ".join((said["Author"] or said["Author-email"] or f"the authors of {said['Name']}").split())
    texts = sorted(file for file in folder.rglob("*") if file.is_file() and "licen" in file.name.lower())
    named = " ".join((texts[0].relative_to(folder).as_posix() if texts else "METADATA").split())
    licence = _licence(said)
    text = f" {licence}, as {named} in that folder says it."
    # a name of one word that is this package's own: two BSD licences are two texts
    return (
        f"Files: {files}\nComment: {said['Name']} {said['Version']}, and its modules beside that folder\n"
        f"Copyright: {author}\nLicense: {said['Name'].lower()}-licence\n{text}\n"
    )


def _licence(said: Message) -> str:
    classified = [
        str(line).rpartition(" :: ")[2] for line in said.get_all("Classifier", []) if "License ::" in str(line)
    ]
    named = said["License-Expression"] or ", ".join(classified) or (said["License"] or "").strip().partition("\n")[0]
    if not named:
        raise ValueError(f"{said['Name']} {said['Version']} names no licence")
    return str(named)
