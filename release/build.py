"""The order in which the parts of a release are built."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from release import archives, deb, locked, pyz, sbom, tree
from release.source import Source, check_release, copy_source

_SUMS = "SHA256SUMS"


def build(what: str, folder: Path, scratch: Path, *, release: bool) -> list[Path]:
    """The Debian package (deb), or everything (dist), in `folder`: the files written. Raises NotARelease."""
    os.umask(0o022)  # modes are part of what is packed
    source = copy_source(scratch / "source")
    if release:
        check_release(source)
    minor = debian_minor()
    wheel, archive = archives.build(source, _new(scratch / "archives"))
    wheels = _wheels(scratch, minor, wheel)
    environment = scratch / "environment"
    tree.build(environment, wheels, minor)
    package = deb.build(source, environment, minor, folder, _new(scratch / "deb"))
    if what == "deb":
        correct_sums(folder, package)
        return [package]
    built = [Path(shutil.copy(file, folder)) for file in (wheel, archive)]
    built += [package, *_everything_else(source, wheels, environment, folder, scratch)]
    return [*built, _write_sums(folder, _sums_of(built))]


def _everything_else(source: Source, wheels: Path, environment: Path, folder: Path, scratch: Path) -> list[Path]:
    constraints = folder / "constraints.txt"
    constraints.write_text(locked.constraints(), encoding="utf-8")
    bill = folder / f"reconciler-{source.version}.cdx.json"
    sbom.write(source, environment, bill)
    program = folder / "reconciler.pyz"
    for minor in pyz.MINORS:
        locked.download(wheels, minor)
    pyz.build(source.version, wheels, program, _new(scratch / "pyz"))
    return [constraints, bill, program]


def debian_minor() -> str:
    """The minor version of Debian's own Python, as 3.11."""
    ask = "import sys; print('{}.{}'.format(*sys.version_info))"
    return subprocess.run(
        ["/usr/bin/python3", "-I", "-c", ask], capture_output=True, text=True, check=True
    ).stdout.strip()


def _wheels(scratch: Path, minor: str, own: Path) -> Path:
    wheels = _new(scratch / "wheels")
    locked.download(wheels, minor)
    shutil.copy(own, wheels)
    return wheels


def correct_sums(folder: Path, package: Path) -> None:
    """`make deb` after `make dist`: that one's sums name the new package, too."""
    sums = folder / _SUMS
    if sums.exists():
        lines = (line.partition("  ") for line in sums.read_text(encoding="utf-8").splitlines())
        _write_sums(folder, {name: digest for digest, _, name in lines} | _sums_of([package]))


def _sums_of(files: Sequence[Path]) -> dict[str, str]:
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def _write_sums(folder: Path, sums: Mapping[str, str]) -> Path:
    """As `sha256sum --check` reads them."""
    file = folder / _SUMS
    file.write_text("".join(f"{digest}  {name}\n" for name, digest in sorted(sums.items())), encoding="utf-8")
    return file


def _new(folder: Path) -> Path:
    folder.mkdir()
    return folder
