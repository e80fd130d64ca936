"""SHA256SUMS, when a part of a release is built once more."""

from __future__ import annotations

import subprocess
from pathlib import Path

from release.build import correct_sums


def test_a_package_that_is_built_anew_has_its_new_sum(tmp_path: Path) -> None:
    package, other = tmp_path / "reconciler_0.1.0+deb12_amd64.deb", tmp_path / "constraints.txt"
    package.write_text("anew", encoding="utf-8")
    other.write_text("as it was", encoding="utf-8")
    correct_sums(tmp_path, package)
    assert not (tmp_path / "SHA256SUMS").exists(), "`make deb` alone has no sums"
    old = subprocess.run(["sha256sum", other.name], cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    (tmp_path / "SHA256SUMS").write_text(f"{old}{'0' * 64}  {package.name}\n", encoding="utf-8")
    correct_sums(tmp_path, package)
    done = subprocess.run(
        ["sha256sum", "--check", "SHA256SUMS"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, f"{other.name}: OK\n{package.name}: OK\n"), done
