"""A site whose OX is administered over SOAP: its tools are not there at all."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.sandbox.openxchange import control
from reconciler.sandbox.openxchange.soap import PATH
from reconciler.sandbox.openxchange.web import running
from tests.cli.conftest import Command
from tests.cli.site import (
    ANNA_DECLARED,
    BERND_DECLARED,
    DOMAIN,
    OX_ENV,
    OX_PASSWORD,
    StandInSite,
    password_in,
    today,
)

ANNA_NEU = "anna.neu: {given_name: Anna, surname: Neu, member: 10042, quota: 10240 MB}"
NOWHERE = "https://127.0.0.2:1/webservices/OXUserService"


def over_soap(site: StandInSite, url: str) -> None:
    site.write(openxchange={"soap_url": url, "sbin": "no-tools", "admin_password_env": OX_ENV})


@pytest.fixture
def soap(site: StandInSite) -> Iterator[StandInSite]:
    control.set_switches(site.ox, USERNAME_CHANGEABLE=True, version="NEW")
    with running(site.ox, PATH) as url:
        over_soap(site, url)
        yield site


def test_from_a_new_account_to_its_rename(soap: StandInSite, command: Command) -> None:
    said = []

    def ran(status: int, *arguments: str) -> str:
        answer = command(*arguments)
        assert answer.status == status, answer.words
        said.append(answer.out + answer.err)
        return answer.words

    soap.declare(ANNA_DECLARED, BERND_DECLARED)
    ran(4, "plan")
    soap.fault("dies_after_effect", tool="createuser", first=1)  # the answer of one of them is lost
    ran(0, "apply", "--yes")
    passwords = {login: password_in(soap.letters()[f"{login}@gmx.example"]) for login in ("anna", "bernd")}
    assert control.check_password(soap.ox, "anna.beispiel", passwords["anna"])
    assert control.check_password(soap.ox, "bernd.muster", passwords["bernd"])
    ran(0, "plan")
    soap.change_ox_user("bernd.muster", "-d", "Changed by hand")
    assert "Changed by hand" in ran(4, "drift")
    ran(0, "apply", "--yes")
    entry = {"from": "anna.beispiel", "to": "anna.neu", "date": str(today()), "former_surname": "Beispiel"}
    soap.declare(ANNA_NEU, BERND_DECLARED, more={"renames": [entry]})
    ran(0, "apply", "--yes")
    renamed = control.user(soap.ox, "anna.neu")
    assert renamed.fields["PrimaryEmail"] == f"anna.neu@{DOMAIN}"
    assert renamed.aliases == {f"anna.neu@{DOMAIN}", f"anna.beispiel@{DOMAIN}"}
    assert control.check_password(soap.ox, "anna.neu", password_in(soap.letters()["anna@gmx.example"]))
    ran(0, "drift")
    secrets = {OX_PASSWORD, *passwords.values()}
    assert not any(secret in text for secret in secrets for text in said)
    kept = [file for file in soap.folder.rglob("*") if file.is_file() and file.parent.name not in ("outbox", "ox")]
    assert not any(secret.encode() in file.read_bytes() for secret in secrets for file in kept)


def test_a_service_that_does_not_answer_is_unknown_and_nothing_is_made(site: StandInSite, command: Command) -> None:
    site.declare(ANNA_DECLARED)
    assert command("plan", "--out", "by-tools.json").status == 4
    with running(site.ox, PATH) as url:
        over_soap(site, url)
        moved = command("apply", "by-tools.json", "--yes")
        assert moved.status == 6, moved.words
        assert "openxchange" in moved.words
    over_soap(site, NOWHERE)
    before = site.live()
    for arguments in (("plan",), ("apply", "--yes")):
        answer = command(*arguments)
        assert answer.status == 9
        assert f"{NOWHERE} cannot be reached" in answer.words
    assert site.live() == before
    site.write(openxchange={**site.sections["openxchange"], "soap_url": "http://ox.example/webservices/OXUserService"})
    refused = command("plan")
    assert refused.status == 3
    assert "passwords go there, so it must be https://" in refused.words
    assert Path(site.folder / "outbox").exists() is False
