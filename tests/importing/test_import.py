"""`reconciler import` through the command: what is live becomes what is declared, and the plan proves it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.running import Answer
from tests.cli.site import ANNA, BERND, DOMAIN, StandInSite, today
from tests.importing.dirty import OTHER, make_dirty


def _texts(folder: Path) -> dict[str, str]:
    return {path.relative_to(folder).as_posix(): path.read_text("utf-8") for path in sorted(folder.rglob("*.yaml"))}


def _done(answer: Answer, *statuses: int) -> Answer:
    assert answer.status in (statuses or (0,)), answer
    return answer


@pytest.mark.parametrize("seed", range(12))
def test_a_dirty_site_is_declared_and_its_plan_holds_nothing_but_the_repairs_that_are_listed(
    tmp_path: Path, seed: int
) -> None:
    site = StandInSite(tmp_path)
    many = {"share": 1, "number": 1000}
    site.write(policy={"limits": {"changes": many, "creations": {"number": 1000}, "removals": many}})
    make_dirty(site, seed)
    before = site.live()
    _done(site.run("import", "--into", "first"))
    assert site.live() == before, "an import reads"
    _done(site.run("import", "--into", "again"))
    first = _texts(tmp_path / "first")
    assert _texts(tmp_path / "again") == first
    made = json.loads(_done(site.run("plan", "--state", "first", "--format", "json"), 0, 4).out)
    report = (tmp_path / "first" / "import-report.md").read_text("utf-8")
    repairs = report.partition("## Repairs")[2].partition("\n## ")[0]
    assert len(made["transitions"]) == repairs.count("\n- "), (made["transitions"], repairs)
    _done(site.run("apply", "--yes", "--state", "first"))
    _done(site.run("import", "--into", "third"))
    assert _texts(tmp_path / "third") == first


@pytest.fixture
def site(tmp_path: Path) -> StandInSite:
    return StandInSite(tmp_path)


def _imported(site: StandInSite, into: str = "new") -> tuple[dict[str, str], str]:
    """The files, and the report."""
    _done(site.run("import", "--into", into))
    return _texts(site.folder / into), (site.folder / into / "import-report.md").read_text("utf-8")


def test_a_person_with_everything(site: StandInSite) -> None:
    site.add_mailbox(ANNA, name="Anna Beispiel", quota=512 * 1024000)
    site.add_ox_user("anna.beispiel", ANNA, "Anna Beispiel")
    site.add_alias(f"10042@{DOMAIN}", ANNA)
    site.add_alias(f"@{DOMAIN}", ANNA)
    site.add_alias(f"vorstand@{DOMAIN}", f"{ANNA},klaus@extern.example")
    site.sql("UPDATE alias SET active = 0 WHERE address = ?", f"vorstand@{DOMAIN}")
    files, report = _imported(site)
    assert files[f"{DOMAIN}/mailboxes.yaml"].partition("\n")[2] == (
        f"domain: {DOMAIN}\n\nmailboxes:\n  anna.beispiel:\n    given_name: Anna\n    surname: Beispiel\n"
        "    member: 10042\n    quota: 512 MB\n"
    )
    assert files[f"{DOMAIN}/aliases.yaml"].partition("\n")[2] == (
        f"domain: {DOMAIN}\n\naliases:\n  '*': [anna.beispiel]\n  vorstand:\n"
        "    goto: [anna.beispiel, klaus@extern.example]\n    active: false\n"
    )
    assert "Nothing: all that is live is declared." in report


def _renamed_by_hand(site: StandInSite, made: str) -> tuple[str, str]:
    """The former and the new address; `made` is what PostfixAdmin says of the new mailbox."""
    old, new = f"pirat.alt@{DOMAIN}", f"pirat.neu@{DOMAIN}"
    site.add_mailbox(old, new, name="Pirat Neu ehem. Alt", created="2019-01-01 10:00:00")
    site.add_mailbox(new, name="Pirat Neu", created=made)
    site.add_ox_user("pirat.neu", new, "Pirat Neu")
    site.change_ox_user("pirat.neu", "-a", f"{new},{old}")
    return old, new


def test_a_rename_by_hand_is_recognised_and_is_done(site: StandInSite) -> None:
    _renamed_by_hand(site, "2024-03-09 23:59:59")
    files, report = _imported(site)
    assert "    date: 2024-03-09\n" in files[f"{DOMAIN}/renames.yaml"], "the day on which the new mailbox was made"
    assert "from: pirat.alt\n    to: pirat.neu\n" in files[f"{DOMAIN}/renames.yaml"]
    assert "former_surname: Alt\n" in files[f"{DOMAIN}/renames.yaml"]
    assert "  pirat.alt:" not in files[f"{DOMAIN}/mailboxes.yaml"]
    # the site's folder has the name of this test
    assert "rename" not in report.partition("## Repairs")[2].replace(str(site.folder), "").lower()


@pytest.mark.parametrize("day", ["0000-00-00", "2000-01-01", "2024-02-31", "2099-01-01"])
def test_a_day_that_nobody_wrote_down_is_not_invented(site: StandInSite, day: str) -> None:
    old, new = _renamed_by_hand(site, f"{day} 00:00:00")
    files, report = _imported(site)
    assert f"    date: {today()}\n" in files[f"{DOMAIN}/renames.yaml"]
    assert (f"`{old} → {new}`: PostfixAdmin does not say when" in report) == (day != "2099-01-01")


def test_a_member_whom_the_register_has_by_name_alone_is_said_and_not_written(site: StandInSite) -> None:
    site.add_mailbox(ANNA, name="Anna Beispiel")
    site.add_mailbox(f"bernd@{DOMAIN}", name="Bernd Muster")
    site.add_mailbox(f"bernd.muster@{DOMAIN}", name="Bernd Muster")  # one of them is a namesake, or a second mailbox
    site.add_mailbox(f"clara.probe@{DOMAIN}", name="Clara Probe")  # who left
    files, report = _imported(site)
    assert "member" not in files[f"{DOMAIN}/mailboxes.yaml"]
    said = [line for line in report.splitlines() if "the register has one member of this name" in line]
    assert len(said) == 1, said
    assert said[0].startswith(f"- `{ANNA}`")
    assert "`member: 10042`" in said[0].replace("\\", "")


def test_what_only_looks_like_a_rename_stays_a_mailbox_and_is_said(site: StandInSite) -> None:
    old, new = f"pirat.alt@{DOMAIN}", f"pirat.neu@{DOMAIN}"
    site.add_mailbox(old, new, name="Pirat Neu ehem. Alt")
    site.add_mailbox(new, name="Pirat Neu")
    site.add_ox_user("pirat.neu", new, "Pirat Neu")  # which does not have the old address
    files, report = _imported(site)
    assert f"{DOMAIN}/renames.yaml" not in files
    assert "pirat.alt:" in files[f"{DOMAIN}/mailboxes.yaml"]
    assert f"the OX user of {new} does not have {old}" in report


def test_domains_with_their_limits_and_alias_domains(site: StandInSite) -> None:
    site.sql("UPDATE domain SET mailboxes = 10, aliases = -1, maxquota = 2048, quota = -1")
    site.add_domain("alias.example")
    site.sql("INSERT INTO alias_domain (alias_domain, target_domain, active) VALUES ('alias.example', ?, 1)", DOMAIN)
    site.sql("INSERT INTO alias_domain (alias_domain, target_domain, active) VALUES ('fern.example', ?, 1)", DOMAIN)
    files, report = _imported(site)
    assert files["domains.yaml"].partition("\n")[2] == (
        f"\ndomains:\n  alias.example: {{}}\n  {DOMAIN}:\n    max_mailboxes: 10\n    max_aliases: 0\n"
        f"    max_quota: 2048 MB\n\nalias_domains:\n  alias.example:\n    target: {DOMAIN}\n    active: true\n"
    )
    assert report.partition("## Repairs")[2].partition("## Not")[0].count("\n- ") == 1, "the block of the map alone"
    assert "PostfixAdmin has no domain fern.example" in report


def test_of_two_numbers_the_register_decides(site: StandInSite) -> None:
    for address, name in ((ANNA, "Anna Beispiel"), (BERND, "Berta Irgendwer")):
        site.add_mailbox(address, name=name)
        for number in (10042, 10077):
            if site.goto(f"{number}@{DOMAIN}") is None and address == ANNA:
                site.add_alias(f"{number}@{DOMAIN}", address)
    files, _ = _imported(site)
    assert "anna.beispiel:\n    name: Anna Beispiel\n    member: 10042\n" in files[f"{DOMAIN}/mailboxes.yaml"]
    assert "'10077': [anna.beispiel]" in files[f"{DOMAIN}/aliases.yaml"]


def test_what_cannot_be_read_is_not_imported(site: StandInSite) -> None:
    site.add_mailbox(ANNA)
    site.fault("down", tool="listuser")
    answer = site.run("import", "--into", "new")
    assert answer.status == 9, answer
    assert not (site.folder / "new").exists()


def test_files_that_somebody_edited_are_not_overwritten(site: StandInSite) -> None:
    site.add_mailbox(ANNA, name="Anna Beispiel")
    _imported(site)
    file = site.folder / "new" / DOMAIN / "mailboxes.yaml"
    file.write_text(file.read_text("utf-8") + "# mine\n", encoding="utf-8")
    answer = site.run("import", "--into", "new")
    assert answer.status == 2, answer
    assert f"{DOMAIN}/mailboxes.yaml" in answer.err
    assert file.read_text("utf-8").endswith("# mine\n")
    _done(site.run("import", "--into", "new", "--overwrite"))
    assert not file.read_text("utf-8").endswith("# mine\n")


def test_a_site_file_in_the_folder_is_no_state_and_a_place_that_cannot_be_written_is_said(site: StandInSite) -> None:
    site.add_mailbox(ANNA)
    (site.folder / "new").mkdir()
    (site.folder / "new" / "reconciler.yaml").write_text("site: other\n", encoding="utf-8")
    _imported(site)
    assert (site.folder / "new" / "reconciler.yaml").read_text("utf-8") == "site: other\n"
    (site.folder / "file").write_text("mine", encoding="utf-8")
    answer = site.run("import", "--into", "file")
    assert answer.status == 2, answer
    assert "cannot be written" in answer.err


def test_what_cannot_be_declared_is_taken_out_of_its_own_file(site: StandInSite) -> None:
    """The name of one domain ends like the other's."""
    for domain in ("sued.example", "vest-sued.example"):
        site.add_domain(domain)
    site.add_alias("a1@sued.example", "x@y.example")
    site.add_alias("a2@sued.example", "x@y.example")
    site.add_alias("kreis1@vest-sued.example", "kreis2@vest-sued.example")
    site.add_alias("kreis2@vest-sued.example", "kreis1@vest-sued.example")
    files, report = _imported(site)
    assert "  a1: [x@y.example]\n  a2: [x@y.example]\n" in files["sued.example/aliases.yaml"]
    assert "mail goes in a circle" in report


def test_one_domain_alone(site: StandInSite) -> None:
    site.add_domain(OTHER)
    site.add_mailbox(ANNA)
    site.add_mailbox(f"info@{OTHER}")
    answer = site.run("import", "--into", "new", "--domain", "mail-sud.example")
    assert answer.status == 2, answer
    assert OTHER in answer.words, "the domains that there are"
    _done(site.run("import", "--into", "new", "--domain", OTHER))
    files = _texts(site.folder / "new")
    assert list(files) == ["domains.yaml", f"{OTHER}/mailboxes.yaml"]
    assert DOMAIN not in files["domains.yaml"]
