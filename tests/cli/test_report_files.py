"""`report`: which files it reads and replaces, and what it says of those that it does not."""

from __future__ import annotations

import io
import json
import os
import stat
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from reconciler.cli import report_files
from reconciler.report.json import findings_json, plan_json
from reconciler.systems.registry import register_kinds
from tests.cli.conftest import Command
from tests.report import samples
from tests.report.hostile import plan_named


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    register_kinds()
    monkeypatch.chdir(tmp_path)
    (tmp_path / "f.json").write_text(findings_json(samples.FINDINGS), encoding="utf-8")
    return tmp_path


def test_nothing_but_a_file_of_its_own_is_replaced(command: Command, folder: Path) -> None:
    """As root in a container, /dev/stdout and /dev/null would be gone."""
    (folder / "folder").mkdir()
    os.mkfifo(folder / "pipe")
    (folder / "kept.html").touch()
    (folder / "link").symlink_to("kept.html")
    (folder / "same.json").hardlink_to(folder / "f.json")
    there, content = {path.name: path.lstat() for path in folder.iterdir()}, (folder / "f.json").read_bytes()
    for name, why in (
        ("folder", "it is there and is not a file"),
        ("", "it is there and is not a file"),
        ("pipe", "it is there and is not a file"),
        ("link", "it is a symbolic link, and none is followed"),
        ("f.json", "would be replaced by its own report"),
        ("same.json", "would be replaced by its own report"),
        ("f.json/x", "cannot be written: Not a directory"),
    ):
        answer = command("report", "f.json", "--junit", "t.xml", "--code-quality", name)
        assert (answer.status, why in answer.words) == (2, True), answer.err
        assert "git" not in answer.err
    assert "name a file with --code-quality" in command("report", "f.json", "--code-quality", "pipe").words
    now = {path.name: path.lstat() for path in folder.iterdir()}
    assert {name: (s.st_ino, stat.S_IFMT(s.st_mode)) for name, s in now.items()} == {
        name: (s.st_ino, stat.S_IFMT(s.st_mode)) for name, s in there.items()
    }
    assert (folder / "f.json").read_bytes() == content
    assert command("report", "f.json", "--html", "kept.html").status == 0


def test_what_is_no_document_is_a_mistake_and_no_bug(
    command: Command, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    schemas: tuple[object, ...] = ([], {}, 1, None)
    for schema in schemas:
        (folder / "odd.json").write_text(json.dumps({"$schema": schema, "version": 1}), encoding="utf-8")
        assert command("report", "odd.json", "--markdown", "-").status == 2
    newer = json.loads(findings_json(())) | {"version": 9}
    (folder / "newer.json").write_text(json.dumps(newer), encoding="utf-8")
    answer = command("report", "newer.json", "--markdown", "-")
    assert (answer.status, "another release of reconciler wrote it" in answer.words) == (2, True)
    monkeypatch.setattr(report_files, "_BIGGEST", 100)
    answer = command("report", "/dev/zero", "--markdown", "-")
    assert (answer.status, "it is longer than" in answer.words) == (2, True)


def test_of_a_system_of_another_release_its_name_is_said(command: Command, folder: Path) -> None:
    plan = json.loads(plan_json(samples.dangerous()))
    edit = {"system": "dovecot", "when": "2026-11-20T09:12:00+01:00", "who": "admin", "action": "edit"}
    plan["transitions"][0]["by"] = [edit]
    (folder / "p.json").write_text(json.dumps(plan), encoding="utf-8")
    answer = command("report", "p.json", "--markdown", "-")
    assert (answer.status, "dovecot since the last apply" in answer.out) == (0, True)


def test_what_programs_read_is_utf8_whatever_the_terminal_is(
    command: Command, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "p.json").write_text(plan_json(plan_named("Jörg")), encoding="utf-8")
    for option, read in (
        ("--junit", ElementTree.fromstring),
        ("--code-quality", lambda content: json.loads(content.decode("utf-8"))),
        ("--html", lambda content: content.decode("utf-8")),
    ):
        out = io.BytesIO()
        with monkeypatch.context() as patch:
            patch.setattr(sys, "stdout", io.TextIOWrapper(out, "latin-1", errors="strict"))
            assert command("report", "p.json", option, "-").status == 0
            content = out.getvalue()
        assert "Jörg".encode() in content
        assert read(content)


def test_a_summary_that_cannot_be_reached_is_no_bug(
    command: Command, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_OUTPUT", str(folder / "output"))
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(folder / ("x" * 300)))
    answer = command("report", "f.json", "--github")
    assert (answer.status, "cannot be written: File name too long" in answer.words) == (2, True)
    assert not (folder / "output").exists()
