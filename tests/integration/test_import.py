"""`reconciler import` of what PostfixAdmin made and years did to it, on MariaDB, a real Postfix and OX' stand-in."""

from __future__ import annotations

from reconciler.sandbox.openxchange import control
from tests.cli.site import ANNA, ANNA_DECLARED, BERND, DOMAIN, today
from tests.integration.sites import RealSite

CLARA = f"clara.probe@{DOMAIN}"


def _texts(site: RealSite, folder: str) -> dict[str, str]:
    root = site.folder / folder
    return {path.relative_to(root).as_posix(): path.read_text("utf-8") for path in sorted(root.rglob("*.yaml"))}


def _dirt(site: RealSite) -> None:
    """Zero dates, names that were written as latin1 into utf8mb4, capitals, spaces, an own alias that is gone or off, a
    vacation, forwards, an orphan."""
    for address, name in ((ANNA, "Anna Beispiel"), (BERND, "Bernd Muster"), (CLARA, "Clara Probe")):
        arguments = ("--password", "Geheim12", "--password2", "Geheim12", "--name", name, "--welcome-mail", "0")
        done = site.database.cli("mailbox", "add", address, *arguments)
        assert done.returncode == 0, done.stdout + done.stderr
    site.by_hand(
        "SET SESSION sql_mode = ''",
        "UPDATE mailbox SET created = '0000-00-00', modified = '0000-00-00', quota = 10240000017 WHERE username = :a",
        "UPDATE mailbox SET name = CONVERT(CAST(CONVERT('Dörte Größe' USING utf8mb4) AS BINARY) USING latin1) "
        "WHERE username = :b",
        "UPDATE alias SET active = 0 WHERE address = :b",
        "DELETE FROM alias WHERE address = :c",
        "UPDATE alias SET goto = CONCAT('freund@gmx.example,', address) WHERE address = :a",
        "INSERT INTO alias (address, goto, domain, active) VALUES "
        "('Liste@pirat.alt', ' ANNA.Beispiel@pirat.alt ,,x@y.z', 'pirat.alt', 1), "
        "('@pirat.alt', 'anna.beispiel@pirat.alt', 'pirat.alt', 1), "
        "('waise@nirgends.example', 'x@y.z', 'nirgends.example', 1)",
        a=ANNA,
        b=BERND,
        c=CLARA,
    )
    site.postfix.write_by_hand("# eine Welle\nspam@wave.example REJECT\nok@fine.example OK\n")


def test_a_site_that_postfixadmin_made_and_people_edited(site: RealSite) -> None:
    _dirt(site)
    before = site.live()
    answer = site.run("import", "--into", "first")
    assert answer.status == 0, answer
    assert site.live() == before
    first = _texts(site, "first")
    boxes, aliases = first[f"{DOMAIN}/mailboxes.yaml"], first[f"{DOMAIN}/aliases.yaml"]
    assert "anna.beispiel:\n    name: Anna Beispiel\n    quota: 10000 MB\n" in boxes
    assert "bernd.muster:\n    name: 'DÃ¶rte GrÃ¶ÃŸe'\n" in boxes, "as it is: nobody guesses what was meant"
    assert "  '*': [anna.beispiel]\n" in aliases
    assert "  liste: [anna.beispiel, x@y.z]\n" in aliases
    assert "freund@gmx.example" not in boxes + aliases
    assert "reason: eine Welle" in first["sender_blocks.yaml"]
    report = (site.folder / "first" / "import-report.md").read_text("utf-8")
    repairs = report.partition("## Repairs")[2].partition("## Not declared")[0]
    assert repairs.count("\n- ") == 3, "two own aliases and the block"
    assert "waise@nirgends.example" in report
    planned = site.run("plan", "--state", "first", "--format", "json")
    assert planned.status == 4, planned
    assert len(planned.json["transitions"]) == 3
    applied = site.run("apply", "--yes", "--state", "first")
    assert applied.status == 0, applied
    assert site.postfix.refuses("spam@wave.example")
    assert site.run("import", "--into", "again").status == 0
    assert _texts(site, "again") == first


def test_a_rename_that_is_done_has_the_day_of_its_new_mailbox(site: RealSite) -> None:
    """On a real server: what the database wrote down, and zeros, of which a driver makes no date."""
    control.set_switches(site.ox, USERNAME_CHANGEABLE=True)
    site.declare(ANNA_DECLARED)
    assert site.run("apply", "--yes").status == 0
    rename = {"from": "anna.beispiel", "to": "anna.neu", "date": "2026-11-20", "former_surname": "Beispiel"}
    site.declare("anna.neu: {given_name: Anna, surname: Neu, member: 10042}", more={"renames": [rename]})
    applied = site.run("apply", "--yes")
    assert applied.status == 0, applied
    for number, (made, day) in enumerate((("2024-03-09 08:00:00", "2024-03-09"), ("0000-00-00", str(today())))):
        site.by_hand(
            "SET SESSION sql_mode = ''", f"UPDATE mailbox SET created = '{made}' WHERE local_part = 'anna.neu'"
        )
        assert site.run("import", "--into", f"made{number}").status == 0
        entry = f"- from: anna.beispiel\n    to: anna.neu\n    date: {day}\n    former_surname: Beispiel\n"
        assert entry in _texts(site, f"made{number}")[f"{DOMAIN}/renames.yaml"]
