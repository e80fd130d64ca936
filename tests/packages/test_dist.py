"""What `make dist` writes is whole, and the same each time."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packaging.utils import canonicalize_name

from release import locked
from tests.packages.conftest import make_dist, only


def test_a_second_build_has_the_same_bytes(dist: Path, tmp_path: Path) -> None:
    """By somebody with another folder, time zone, language, hash seed and umask."""
    elsewhere = {"TZ": "Asia/Tokyo", "LC_ALL": "C", "PYTHONHASHSEED": "7", "TMPDIR": str(tmp_path)}
    (tmp_path / "a longer name").mkdir()
    again = make_dist(tmp_path / "again", cwd=tmp_path / "a longer name", env=elsewhere, umask=0o077)
    files = sorted(file.name for file in dist.iterdir())
    assert sorted(file.name for file in again.iterdir()) == files
    assert [name for name in files if (dist / name).read_bytes() != (again / name).read_bytes()] == []


def test_the_sums_are_of_all_files(dist: Path) -> None:
    lines = (dist / "SHA256SUMS").read_text(encoding="utf-8").splitlines()
    sums = {name: digest for digest, _, name in (line.partition("  ") for line in lines)}
    files = {file.name: file for file in dist.iterdir() if file.name != "SHA256SUMS"}
    assert sums == {name: hashlib.sha256(file.read_bytes()).hexdigest() for name, file in files.items()}
    assert {Path(name).suffix for name in files} == {".whl", ".gz", ".deb", ".pyz", ".txt", ".json"}


def test_the_bill_has_each_locked_package_its_licence_and_no_path_of_the_machine(dist: Path) -> None:
    text = only(dist, "*.cdx.json").read_text(encoding="utf-8")
    bill = json.loads(text)
    inside = {(canonicalize_name(each["name"]), each["version"]) for each in bill["components"]}
    lines = [line.partition(" ; ") for line in locked.constraints().splitlines()]
    pins = [pin.split("==") for pin, _, marker in lines if not marker]
    assert inside >= {(canonicalize_name(name), version) for name, version in pins}
    assert [each["name"] for each in bill["components"] if not each.get("licenses")] == []
    assert "file:///" not in text


def test_the_bill_is_as_its_schema_wants_it(dist: Path) -> None:
    """By the schema that CycloneDX publishes, strictly: an unknown key would be found, too."""
    bill = json.loads(only(dist, "*.cdx.json").read_text(encoding="utf-8"))
    validator = JsonStrictValidator(SchemaVersion.from_version(bill["specVersion"]))
    assert validator.validate_str(json.dumps(bill)) is None
    for wrong in ({**bill, "components": [], "surprise": 1}, {**bill, "components": [{"name": "of no type"}]}):
        assert validator.validate_str(json.dumps(wrong)) is not None
