"""An address that one person gave up and another gets by a rename."""

from __future__ import annotations

import pytest

from reconciler.sandbox.openxchange import control
from tests.cli.conftest import Command
from tests.cli.site import ANNA, ANNA_DECLARED, BERND, BERND_DECLARED, DOMAIN, StandInSite
from tests.policy.test_account_lives import TECHNIK, rename, settles
from tests.policy.test_account_takeovers import confirm

ANNA_NEU = f"anna.neu@{DOMAIN}"


@pytest.mark.parametrize("kind", ["attach", "move"])
def test_mail_to_an_address_that_was_given_up_reaches_whoever_has_it_now(
    site: StandInSite, command: Command, kind: str
) -> None:
    control.set_switches(site.ox, USERNAME_CHANGEABLE=True)
    site.write(policy={"limits": {"removals": {"at_least": 20, "number": 20}}})
    site.declare(ANNA_DECLARED, BERND_DECLARED, TECHNIK)
    settles(command)
    anna = ANNA_DECLARED.replace("anna.beispiel", "anna.neu")
    gone = {**rename("anna.beispiel", "anna.neu"), "old_mailbox": kind}
    site.declare(anna, BERND_DECLARED, TECHNIK, more={"renames": [gone]})
    settles(command)
    site.declare(anna, BERND_DECLARED, TECHNIK)
    settles(command)
    bernd = BERND_DECLARED.replace("bernd.muster", "anna.beispiel")
    comes = {"renames": [{**rename("bernd.muster", "anna.beispiel"), "old_mailbox": kind}]}
    site.declare(anna, bernd, TECHNIK, more=comes)
    assert command("plan").status == 5
    allowed = [confirm(gate, ANNA) for gate in ("member-changed", "foreign")]
    site.declare(anna, bernd, TECHNIK, more=comes | {"confirm": allowed})
    settles(command)
    assert site.goto(ANNA_NEU) == ANNA_NEU
    assert site.goto(ANNA) == ANNA
    assert site.goto(BERND) == ANNA
    assert (site.goto(f"10042@{DOMAIN}"), site.goto(f"10077@{DOMAIN}")) == (ANNA_NEU, ANNA)
