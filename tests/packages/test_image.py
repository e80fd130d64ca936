"""The image of the Containerfile, built on a Debian that debootstrap made: no registry of images is asked."""

from __future__ import annotations

import configparser
import json
import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler import __version__
from tests.packages.conftest import BUILDERS, ROOT, SUITE, bare
from tests.services.needs import require

BASE = f"docker.io/library/debian:{SUITE}-slim"
"""What the Containerfile asks for; here it is ours, in a store of this test."""
SLIM = BUILDERS / "reconciler-slim"
CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"
NETWORK = ("/etc/pip.conf", "/etc/resolv.conf", "/etc/hosts", CERTIFICATES)
"""How this machine reaches the indexes: lent to the build, and in no layer."""


class Buildah:
    """Commands of buildah on images and containers of this test's own."""

    def __init__(self, store: Path) -> None:
        (program,) = require("buildah", "buildah")
        self._start = [program, "--root", str(store / "root"), "--runroot", str(store / "run"), "--storage-driver=vfs"]

    def __call__(self, *arguments: str, status: int = 0) -> str:
        env = {**os.environ, "BUILDAH_ISOLATION": "chroot"}
        done = subprocess.run([*self._start, *arguments], env=env, capture_output=True, text=True, check=False)
        assert done.returncode == status, done.stdout[-3000:] + done.stderr[-3000:]
        return done.stdout.strip()


@pytest.fixture(scope="module")
def buildah() -> Iterator[Buildah]:
    # on a disk, not in memory as pytest's own folders may be: three copies of a Debian
    with tempfile.TemporaryDirectory(dir=BUILDERS, prefix="reconciler-image-") as folder:
        yield Buildah(Path(folder))


@pytest.fixture(scope="module")
def base(buildah: Buildah) -> None:
    """Debian's image, but for the documentation that is left out of it: no Python, no git, no certificates."""
    made = bare("true", chroots=SLIM, BARE_INCLUDE="")
    assert made.returncode == 0, made.stderr
    container = buildah("from", "scratch")
    debian = SLIM / f"reconciler-{SUITE}"
    packed = debian.with_suffix(".tar")
    without = [f"--exclude=.{path}" for path in (*NETWORK, "/srv/*", "/proc/*", "/dev/*")]
    subprocess.run(["tar", "-C", str(debian), "-cf", str(packed), *without, "."], check=True)
    buildah("add", "--quiet", container, str(packed), "/")
    packed.unlink()
    buildah("commit", "--quiet", "--rm", container, BASE)


def lent(folder: Path) -> list[str]:
    """Options that lend the network's files; the certificates under another name, since the build installs its own."""
    settings = configparser.ConfigParser(interpolation=None)
    settings.read("/etc/pip.conf", encoding="utf-8")
    # what pip is told here by variables, in its own spelling of them
    told = {name[4:].lower().replace("_", "-"): value for name, value in os.environ.items() if name.startswith("PIP_")}
    there = settings["global"] if settings.has_section("global") else {}
    settings["global"] = {**there, **told, "cert": "/run/certificates.crt"}
    with (folder / "pip.conf").open("w", encoding="utf-8") as file:
        settings.write(file)
    files = {folder / "pip.conf": "/etc/pip.conf", CERTIFICATES: "/run/certificates.crt"}
    files |= {path: path for path in ("/etc/resolv.conf", "/etc/hosts")}
    return [f"--volume={path}:{inside}:ro" for path, inside in files.items()]


@pytest.fixture(scope="module")
def image(buildah: Buildah, base: None, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The name of a container of the built image."""
    how = ["--pull-never", f"--build-arg=DEBIAN={SUITE}", "--build-arg=VERSION=1.2.3", "--tag=reconciler"]
    buildah(
        "build",
        "--quiet",
        *how,
        *lent(tmp_path_factory.mktemp("lent")),
        "--file",
        str(ROOT / "Containerfile"),
        str(ROOT),
    )
    return buildah("from", "--pull-never", "reconciler")


@pytest.mark.parametrize("user", ["10001:10001", "54321:54321"])
def test_a_job_in_it(user: str, image: str, buildah: Buildah) -> None:
    """A shell, as forges start it, with what jobs call; as its own user, and as one whom it does not know."""

    def job(line: str, status: int = 0) -> str:
        return buildah("run", f"--user={user}", image, "--", "sh", "-c", line, status=status)

    assert job("reconciler --version; id -u; echo $HOME").splitlines() == [
        f"reconciler {__version__}",
        user.partition(":")[0],
        "/home/reconciler",
    ]
    for program in ("grep", "git", "ssh", "ssh-keygen"):
        job(f"command -v {program}")
    for program in ("pip", "pip3", "gcc"):
        job(f"command -v {program}", status=127)
    job("test -s /etc/ssl/certs/ca-certificates.crt && test -e /usr/share/zoneinfo/Europe/Berlin")
    assert "Usage: reconciler" in job("reconciler --help")
    site = f"site-of-{user.partition(':')[0]}"
    job(f"reconciler demo {site}")
    job(f"cd {site} && reconciler validate")
    job(f"cd {site} && reconciler plan", status=4)
    job(f"cd {site} && echo 'mailboxes: 5' >state/broken.yaml && reconciler validate", status=3)


def test_it_names_its_user_and_no_entrypoint(image: str, buildah: Buildah) -> None:
    said = json.loads(buildah("inspect", image))["OCIv1"]
    assert (said["config"]["User"], said["config"].get("Entrypoint"), said["config"]["Cmd"]) == (
        "10001:10001",
        None,
        ["sh"],
    )
    assert said["config"]["Labels"]["org.opencontainers.image.version"] == "1.2.3"
