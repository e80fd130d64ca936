"""The wheel and the source archive, by setuptools, made reproducible where it is not."""

from __future__ import annotations

import gzip
import io
import os
import subprocess
import sys
import tarfile
from pathlib import Path

from release.source import Source


def build(source: Source, folder: Path) -> tuple[Path, Path]:
    """Both, in `folder`: the paths of wheel and source archive."""
    hook = "import sys; from setuptools import build_meta; build_meta.build_{0}(sys.argv[1])"
    # no .pyc beside the copy, which the second archive would find; zip takes its times from SOURCE_DATE_EPOCH
    env = {**os.environ, "SOURCE_DATE_EPOCH": str(source.epoch), "PYTHONDONTWRITEBYTECODE": "1"}
    for kind in ("sdist", "wheel"):
        command = [sys.executable, "-W", "ignore", "-c", hook.format(kind), str(folder)]
        subprocess.run(command, cwd=source.folder, env=env, stdout=subprocess.DEVNULL, check=True)
    archive = folder / f"reconciler-{source.version}.tar.gz"
    _repack(archive, source.epoch)
    return folder / f"reconciler-{source.version}-py3-none-any.whl", archive


def _repack(archive: Path, epoch: int) -> None:
    """Writes the archive anew, sorted, with one time and no owner: setuptools notes when and by whom it was made."""
    packed = io.BytesIO()
    with tarfile.open(archive) as old, tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as new:
        for member in sorted(old.getmembers(), key=lambda each: each.name):
            member.mtime, member.uid, member.gid, member.uname, member.gname = epoch, 0, 0, "", ""
            member.mode = 0o755 if member.isdir() or member.mode & 0o100 else 0o644
            member.pax_headers = {}
            new.addfile(member, old.extractfile(member) if member.isfile() else None)
    archive.write_bytes(gzip.compress(packed.getvalue(), mtime=epoch))
