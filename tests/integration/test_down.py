"""A part is down, or shuts us out: clear words, the right status, the rest goes on, and no secret anywhere."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from reconciler.sandbox.openxchange import control
from tests.cli.running import Answer
from tests.cli.site import ANNA, ANNA_DECLARED, BERND, BERND_DECLARED, OX_ENV, OX_PASSWORD
from tests.integration.sites import RealSite, bare
from tests.services.databases import PASSWORD_ENV, free_port

WRONG = "certainly-not-the-password-3"


@pytest.fixture
def stands(site: RealSite) -> RealSite:
    """Anna stands; the quota drifted; bernd and a block are new."""
    return prepared(site)


def prepared(site: RealSite) -> RealSite:
    site.declare(ANNA_DECLARED)
    assert site.run("apply", "--yes").status == 0
    site.by_hand("UPDATE mailbox SET quota = 512 * 1024000")
    site.declare(ANNA_DECLARED, BERND_DECLARED, blocks=["domain: example.org, reason: spam"])
    return site


def everywhere(site: RealSite, status: int, **env: str) -> str:
    """What every command says; all end with `status`, and none of them shows a secret. The last one is apply."""
    commands = (("plan", "--out", "plan.json", "--format", "json"), ("drift",), ("show", ANNA))
    answers: list[Answer] = []
    for arguments in (*commands, ("apply", "--yes")):
        answer = site.run(*arguments, **env)
        assert answer.status == status, (arguments, answer)
        answers.append(answer)
    saved = site.folder / "plan.json"
    everything = " ".join([*(a.words for a in answers), saved.read_text() if saved.exists() else ""])
    database = str(site.database.full_url.password or "no password")
    letters = [m.get_content() for m in site.sink.to("anna@gmx.example")]
    for secret in (OX_PASSWORD, database, WRONG, *re.findall(r"Passwort:\s+(\S+)", " ".join(letters))):
        assert secret not in everything
    return answers[0].words


def transitions(site: RealSite) -> dict[str, list[str]]:
    """What the saved plan would do, and which gates stop it."""
    saved = json.loads((site.folder / "plan.json").read_text())
    return {transition["id"]: transition["refused"] for transition in saved["transitions"]}


def quota(site: RealSite) -> int:
    box = site.mailbox(ANNA)
    assert box is not None
    return int(box["quota"])


def test_ox_is_down(stands: RealSite) -> None:
    """Nothing is planned for OX, new accounts wait, everything else is planned and done."""
    site = stands
    users = control.users(site.ox)
    site.fault("down")
    said = everywhere(site, 9)
    assert "OX does not answer" in said
    assert transitions(site) == {
        f"account:{ANNA}": [],
        f"account:{BERND}": ["unknown-system"],
        "block:example.org": [],
    }
    steps = [s["id"] for t in json.loads((site.folder / "plan.json").read_text())["transitions"] for s in t["steps"]]
    assert not any(step.startswith("openxchange/") for step in steps)
    assert quota(site) == 10240 * 1024000
    assert site.postfix.refuses("a@example.org")
    assert site.mailbox(BERND) is None
    assert control.users(site.ox) == users
    site.sound()
    assert site.run("apply", "--yes").status == 0
    assert site.opens(BERND, "bernd.muster", site.password_of("bernd@gmx.example")) == (True, True)


def test_a_wrong_password_of_the_ox_admin(stands: RealSite) -> None:
    said = everywhere(stands, 9, **{OX_ENV: WRONG})
    assert "OX refuses the login of oxadmin" in said
    assert f"the variable {OX_ENV}" in said
    assert quota(stands) == 10240 * 1024000


def test_the_register_is_missing(stands: RealSite) -> None:
    (stands.folder / "members.csv").unlink()
    said = everywhere(stands, 9)
    assert "members.csv" in said
    assert transitions(stands)[f"account:{BERND}"] == ["unknown-system"]
    assert quota(stands) == 10240 * 1024000


def test_the_mail_server_is_down(stands: RealSite) -> None:
    """The plan does not ask it; apply does, before it makes an account whose password it could not send: what
    needs no letter goes on."""
    site = stands
    site.write(letters={**site.sections["letters"], "smtp": {"host": "127.0.0.1", "port": free_port()}})
    assert site.run("plan").status == 4
    answer = site.run("apply", "--yes")
    assert answer.status == 8
    assert "takes no mail" in answer.words
    assert site.mailbox(BERND) is None
    assert quota(site) == 10240 * 1024000
    assert site.postfix.refuses("a@example.org")


@pytest.mark.parametrize("how", ["down", "wrong password", "wrong name"])
def test_the_database_is_out_of_reach(stands: RealSite, how: str) -> None:
    """Nothing is planned for it; a site whose ledger stands in it applies nothing at all."""
    site, env = stands, {}
    url = site.database.full_url
    match how:
        case "down":
            url = url.set(port=free_port())
        case "wrong password":
            env = {PASSWORD_ENV: WRONG}
        case "wrong name":
            url = url.set(database="no_such_database")
    site.write(postfixadmin={**site.sections["postfixadmin"], "url": bare(url)})
    said = everywhere(site, 9, **env)
    expected = {"down": "cannot be reached", "wrong password": "access denied", "wrong name": "no_such_database"}
    assert expected[how] in said
    assert transitions(site) == {f"account:{BERND}": ["unknown-system"], "block:example.org": []}
    assert not site.postfix.refuses("a@example.org")
    assert quota(site) == 512 * 1024000
    assert site.mailbox(BERND) is None


@pytest.mark.parametrize("how", ["unknown", "changed"])
def test_the_mail_host_shows_another_key(far_site: RealSite, tmp_path: Path, how: str) -> None:
    """Nothing is sent to a host that may be another one."""
    site = prepared(far_site)
    known = tmp_path / "known_hosts"
    known.write_text("")
    if how == "changed":
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / "other"], check=True)
        port = site.sections["ssh"]["mail.example"]["port"]
        known.write_text(f"[127.0.0.1]:{port} {(tmp_path / 'other.pub').read_text()}")
    site.write(ssh={"mail.example": {**site.sections["ssh"]["mail.example"], "known_hosts": str(known)}})
    control.forget_calls(site.ox)
    said = everywhere(site, 9)
    assert ("HOST KEY HAS CHANGED" if how == "changed" else "is not in") in said
    assert str(known) in said
    assert control.calls(site.ox) == {}
    assert not site.postfix.refuses("a@example.org")
    assert quota(site) == 10240 * 1024000  # the database is another system


def test_the_mail_host_is_out_of_reach(far_site: RealSite) -> None:
    site = prepared(far_site)
    site.write(ssh={"mail.example": {**site.sections["ssh"]["mail.example"], "port": free_port()}})
    said = everywhere(site, 9)
    assert "mail.example" in said
    assert transitions(site) == {f"account:{ANNA}": [], f"account:{BERND}": ["unknown-system"]}


def test_sudo_says_no(far_site: RealSite) -> None:
    """apply names the line that sudoers lacks; what needs no sender map is carried out."""
    site = prepared(far_site)
    section = {**site.sections["postfix"], "sender_access": site.postfix.sender_access + "2"}
    site.postfix.map.with_name("sender_access2").write_text("")
    site.write(postfix=section)
    answer = site.run("apply", "--yes")
    assert answer.status == 8, answer
    assert "sender_access2.lock; then reconciler resume" in answer.words
    assert quota(site) == 10240 * 1024000
    assert site.postfix.map.with_name("sender_access2").read_text() == ""


def test_ox_dies_half_way_through_its_answer(stands: RealSite) -> None:
    """Half a list would mean half the users absent: it is unknown instead."""
    stands.fault("half_answer", tool="listuser")
    everywhere(stands, 9)
    assert transitions(stands)[f"account:{BERND}"] == ["unknown-system"]


def test_a_temporary_failure_is_tried_again(quick_site: RealSite) -> None:
    """OX is down for the first call of createuser only: the run ends well."""
    site = quick_site
    site.declare(ANNA_DECLARED)
    site.fault("down", tool="createuser", first=1)
    answer = site.run("apply", "--yes")
    assert answer.status == 0, answer
    assert site.opens(ANNA, "anna.beispiel", site.password_of("anna@gmx.example")) == (True, True)
    assert len(site.sink.to("anna@gmx.example")) == 1


Spoil = Callable[[RealSite], None]


def _no_map(site: RealSite) -> None:
    site.postfix.map.unlink()
    site.postfix.map.with_suffix(".db").unlink()


def _garbage_map(site: RealSite) -> None:
    site.postfix.map.with_suffix(".db").write_bytes(b"garbage")


@pytest.mark.parametrize("spoil", [_no_map, _garbage_map])
def test_a_map_that_is_lost_is_made_anew(quick_site: RealSite, spoil: Spoil) -> None:
    site = quick_site
    site.declare(blocks=["domain: example.org, reason: spam"])
    assert site.run("apply", "--yes").status == 0
    spoil(site)
    assert site.run("plan").status == 4
    assert site.run("apply", "--yes").status == 0
    assert site.postfix.refuses("a@example.org")
    assert site.run("plan").status == 0
