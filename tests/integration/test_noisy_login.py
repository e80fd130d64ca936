"""A login that prints on both streams: nothing of it is taken for the answer of OX or postmap by `plan` and `apply`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from reconciler.sandbox.openxchange import control
from tests.cli.site import ANNA, ANNA_DECLARED, OX_ENV, StandInSite
from tests.integration.sites import MAIL_HOST, far_postfix
from tests.services.mail import Postfix
from tests.services.needs import cannot
from tests.services.sshd import OddLogin

BLOCK = "sender: spam@example.net, reason: phishing wave"
NOISE = b"""\
echo 'Welcome to mail.example'
printf 'wild@example.net\\tREJECT\\n'
head -c 10000 /dev/zero | tr '\\0' x
printf 'Gr\xfc\xdfe, no line end' | tee /dev/stderr
export LC_ALL=xx_XX.UTF-8
set -x
"""


def ssh_section(login: OddLogin) -> dict[str, Any]:
    """As root, since the map is written without sudo here."""
    names = ("user", "port", "address", "key_file", "known_hosts")
    return {name: getattr(login.server.login("root"), name) for name in names}


@pytest.fixture
def noisy_site(tmp_path: Path, odd_login: OddLogin, postfix: Postfix) -> StandInSite:
    """OX and a hash map behind sshd, the tables on SQLite."""
    if odd_login.server.user != "reconciler-test":
        cannot("only root may log in as root")
    site = StandInSite(tmp_path)
    site.write(
        openxchange={"host": MAIL_HOST, "sbin": str(tmp_path / "ox" / "sbin"), "admin_password_env": OX_ENV},
        postfix={**far_postfix(postfix), "privilege": "direct"},
        ssh={MAIL_HOST: ssh_section(odd_login)},
    )
    site.declare(ANNA_DECLARED, blocks=[BLOCK])
    return site


def test_a_login_that_prints_changes_neither_plan_nor_apply(
    noisy_site: StandInSite, odd_login: OddLogin, postfix: Postfix
) -> None:
    odd_login.bash(NOISE)
    planned = noisy_site.run("plan", "--format", "json").json
    assert sorted(line["subject"] for line in planned["transitions"]) == [ANNA, "spam@example.net"]
    assert planned["findings"] == []
    applied = noisy_site.run("apply", "--yes")
    assert applied.status == 0, applied.words
    assert postfix.refuses("spam@example.net")
    assert control.user(noisy_site.ox, "anna.beispiel").fields["Display_name"] == "Anna Beispiel"


def test_a_shell_that_lets_nobody_in_is_told_with_its_words(noisy_site: StandInSite, odd_login: OddLogin) -> None:
    odd_login.session("exec /usr/sbin/nologin")
    answer = noisy_site.run("plan")
    assert answer.status == 9
    assert "This account is currently not available." in answer.words
