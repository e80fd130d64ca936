"""What is reported about users, whatever is planned; and how the site file makes the system."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.errors import Unreadable
from reconciler.model.secrets import Passwords
from reconciler.planning.finding import Severity
from reconciler.remote.hosts import SiteHosts
from reconciler.remote.outbox import OutboxMailer
from reconciler.settings import OpenXchange, Settings
from reconciler.systems.openxchange.system import build
from reconciler.systems.system_context import SystemContext
from tests.systems.openxchange.canned import ADMIN, ANNA, CannedHost, csv_of, system_on, user
from tests.systems.openxchange.test_matching import box, declared
from tests.systems.plans import records_of, review_of


async def test_two_users_with_one_declared_address_are_reported_with_both_names() -> None:
    host = CannedHost(
        [
            user(30, "klaus", "klaus@pirat.example", Aliases=f"klaus@pirat.example, {ANNA}"),
            user(4, "anna", ANNA),
            user(5, "x", "x@pirat.example", Aliases="x@pirat.example, free@pirat.example"),
            user(6, "y", "y@pirat.example", Aliases="y@pirat.example, free@pirat.example"),
        ]
    )
    system = system_on(host)
    (finding,) = review_of(system, declared(box()), await system.observe())
    assert (finding.severity, finding.rule, finding.subject) == (Severity.WARNING, "shared-alias", ANNA)
    assert "4 (anna) and 30 (klaus)" in finding.message


async def test_a_user_that_is_shut_out_although_active_is_a_note() -> None:
    host = CannedHost(
        [
            user(3, "anna", ANNA, Mailenabled="false"),
            user(4, "klaus", "klaus@pirat.example", Mailenabled="false"),
            user(5, "x", "x@pirat.example", Mailenabled="false"),
        ]
    )
    system = system_on(host)
    state = declared(box(), box("klaus@pirat.example", active=False))
    (finding,) = review_of(system, state, await system.observe())
    assert (finding.severity, finding.rule, finding.subject) == (Severity.NOTE, "ox-disabled", ANNA)


async def test_nothing_to_say_about_users_in_order() -> None:
    system = system_on(CannedHost([user(3, "anna", ANNA), user(4, "klaus", "klaus@pirat.example")]))
    assert review_of(system, declared(box()), await system.observe()) == []


def context(folder: Path, section: OpenXchange | None) -> SystemContext:
    settings = Settings(site="nrw", openxchange=section, folder=folder)
    return SystemContext(settings, SiteHosts({}), OutboxMailer(folder), Passwords())


def test_a_site_without_the_section_has_no_such_system(tmp_path: Path) -> None:
    assert build(context(tmp_path, None)) is None


def test_the_target_names_context_and_host(tmp_path: Path) -> None:
    remote = build(context(tmp_path, OpenXchange(host="mail.example", context=7)))
    local = build(context(tmp_path, OpenXchange()))
    assert remote is not None
    assert local is not None
    assert (remote.target, local.target) == ("context 7 on mail.example", "context 1 on this machine")


def test_a_password_that_is_not_there_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RECONCILER_OX_PASSWORD", raising=False)
    with pytest.raises(Unreadable, match="RECONCILER_OX_PASSWORD is not set"):
        build(context(tmp_path, OpenXchange(admin_password_env="RECONCILER_OX_PASSWORD")))


async def test_the_password_file_and_the_tools_are_found_from_the_site_file(tmp_path: Path) -> None:
    (tmp_path / "ox.password").write_text("from the file\n", encoding="utf-8")
    tool = tmp_path / "ox" / "sbin" / "listuser"
    tool.parent.mkdir(parents=True)
    answer = csv_of([ADMIN, user(3, "PASSWORD", ANNA)]).decode()
    script = f"""#!/bin/sh\nsed "s/PASSWORD/$ADMIN_PASSWORD/" <<'END'\n{answer}END\n"""
    tool.write_text(script, encoding="utf-8")
    tool.chmod(0o755)
    system = build(context(tmp_path, OpenXchange(sbin="ox/sbin", admin_password_file="ox.password")))
    assert system is not None
    (row,) = (await records_of(system))["ox_user"].values()
    assert row._asdict()["login"] == "from the file"
