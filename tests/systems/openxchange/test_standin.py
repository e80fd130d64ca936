"""Against the stand-in: what its rules, switches and faults do to us, with real passwords. Where a fault is switched on
its tools are processes, else calls; test_contract has processes without faults."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import SecretStr

from reconciler.errors import Unreadable
from reconciler.model.records import OxUserRow
from reconciler.model.secrets import Passwords
from reconciler.planning.changes import Outcome, Result, Step
from reconciler.remote.local_host import LocalHost
from reconciler.sandbox.openxchange import control
from reconciler.sandbox.openxchange.bulk import import_users
from reconciler.sandbox.openxchange.install import install
from reconciler.sandbox.openxchange.switches import Fault
from reconciler.settings import OpenXchange, Settings
from reconciler.systems.openxchange.system import OpenXchangeSystem
from reconciler.systems.openxchange.tool_answers import Words
from reconciler.systems.openxchange.tools import Tools
from tests.services.quick import tools_in_process
from tests.systems.openxchange.canned import ANNA, creation, found, new_password, update, wanted
from tests.systems.plans import NO_PLAN

OLD = "muster@pirat.example"


class Ox:
    """The stand-in and a system on it."""

    def __init__(self, folder: Path, password: str = "of-the-admin") -> None:
        self.folder = folder
        self.passwords = Passwords()
        section = OpenXchange(sbin=str(folder / "sbin"), parallel=2)
        words = Words("oxadmin", "context 1 on this machine", "the variable X", section.sbin)
        tools = Tools(LocalHost(), section, section.sbin, SecretStr(password), words)
        settings = Settings(site="nrw", openxchange=section, folder=folder)
        self.system = OpenXchangeSystem(settings, section, tools, self.passwords)

    async def one(self, step: Step) -> Outcome:
        (outcome,) = await self.system.perform(NO_PLAN, [step])
        return outcome

    def has_password(self, login: str, account: str) -> bool:
        return control.check_password(self.folder, login, self.passwords.of(account).get_secret_value())


@pytest.fixture
def ox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ox:
    tools_in_process(monkeypatch)
    install(tmp_path, admin_password="of-the-admin")
    return Ox(tmp_path)


def there(ox: Ox, login: str = "anna", primary: str = ANNA, **columns: str | None) -> None:
    names = {"Display_name": f"There {login}", "Given_name": "Given", "Sur_name": "Sur"}
    row: dict[str, str | None] = {"Name": login, "PrimaryEmail": primary, "ImapLogin": primary, "Password": "old"}
    import_users(ox.folder, [{**names, **row, **columns}])


async def only(ox: Ox) -> OxUserRow:
    (row,) = (await found(ox.system)).values()
    return row


@pytest.mark.parametrize("version", ["OLD", "MID", "NEW"])
async def test_a_created_user_is_what_was_wanted_and_can_log_in(ox: Ox, version: str) -> None:
    control.set_switches(ox.folder, version=version)
    row = wanted("anna", ANNA, display_name="Änne \"Ann\" Müller, AG Öffentlichkeit; $(id) `id` 'x' \\")
    assert await ox.one(creation(row)) == Outcome(Result.DONE)
    user = await only(ox)
    assert row.merged_with(user._replace(key=ANNA)) == user._replace(key=ANNA)
    assert ox.has_password("anna", ANNA)
    fields = control.user(ox.folder, "anna").fields
    assert (fields["Language"], fields["Timezone"]) == ("de_DE", "Europe/Berlin")


@pytest.mark.parametrize("name", ["--config/com.openexchange.x=1", "--remove-config/x", "-d", "--", "a=b", "--csv"])
async def test_a_name_that_looks_like_an_option_is_a_name(ox: Ox, name: str) -> None:
    assert (await ox.one(creation(wanted("anna", ANNA, display_name=name)))).result is Result.DONE
    assert control.user(ox.folder, "anna").fields["Display_name"] == name
    step = update(await only(ox), wanted("anna", ANNA, display_name=f"{name}=", surname=name))
    assert (await ox.one(step)).result is Result.DONE
    assert control.user(ox.folder, "anna").fields["Sur_name"] == name
    assert control.user(ox.folder, "anna").attributes == {}


async def test_a_new_primary_address_in_one_call(ox: Ox) -> None:
    there(ox, primary=OLD, Aliases=f"{OLD},info@pirat.example")
    assert (await ox.one(update(await only(ox), wanted("anna", ANNA)))).result is Result.DONE
    user = await only(ox)
    assert (user.primary, user.email1, user.default_sender, user.imap_login) == (ANNA, ANNA, ANNA, ANNA)
    assert set(user.aliases) == {ANNA, OLD, "info@pirat.example"}
    assert control.check_password(ox.folder, "anna", "old")  # nobody asked for a new one


async def test_a_stored_set_that_refuses_every_change_is_repaired_by_a_change_of_the_name(ox: Ox) -> None:
    there(ox, primary="Anna@pirat.example", Aliases=f"{ANNA},{OLD}")
    step = update(await only(ox), wanted("anna", ANNA))
    assert {name for name, _, _ in step.change.fields()} == {"display_name", "given_name", "surname"}
    assert (await ox.one(step)).result is Result.DONE
    assert control.user(ox.folder, "anna").aliases == {ANNA, OLD}


async def test_and_by_a_new_password(ox: Ox) -> None:
    there(ox, Aliases=None)
    assert (await ox.one(new_password(ANNA, (await only(ox)).id))).result is Result.DONE
    assert ox.has_password("anna", ANNA)


async def test_a_password_that_the_session_exports_reaches_nobody(ox: Ox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEW_USER_PASSWORD", "exported-by-a-login-shell")
    there(ox)
    assert (await ox.one(update(await only(ox), wanted("anna", ANNA)))).result is Result.DONE
    assert control.check_password(ox.folder, "anna", "old")


async def test_the_locale_of_the_session_does_not_reach_java(ox: Ox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "C")
    assert (await ox.one(creation(wanted("anna", ANNA, display_name="Änne Müller")))).result is Result.DONE
    assert (await only(ox)).display_name == "Änne Müller"


async def test_a_login_is_renamed_only_where_the_server_does_that(ox: Ox) -> None:
    there(ox, login="muster")
    step = update(await only(ox), wanted("anna", ANNA))
    outcome = await ox.one(step)
    assert (outcome.result, outcome.temporary) == (Result.FAILED, False)
    assert "USERNAME_CHANGEABLE" in outcome.hint
    assert "AdminUser.properties" in outcome.hint
    control.set_switches(ox.folder, USERNAME_CHANGEABLE=True)
    assert (await ox.one(step)).result is Result.DONE
    assert (await only(ox)).login == "anna"


async def test_a_frozen_primary_address_is_explained(ox: Ox) -> None:
    control.set_switches(ox.folder, PRIMARY_MAIL_UNCHANGEABLE=True)
    there(ox, primary=OLD)
    outcome = await ox.one(update(await only(ox), wanted("anna", ANNA)))
    assert outcome.result is Result.FAILED
    assert "PRIMARY_MAIL_UNCHANGEABLE=false" in outcome.hint


async def test_a_taken_display_name_names_its_holder(ox: Ox) -> None:
    there(ox, login="anna.b", primary="anna.b@pirat.example", Display_name="Anna Beispiel")
    steps = [creation(wanted("anna", ANNA)), creation(wanted("klaus", "klaus@pirat.example", display_name="Klaus"))]
    outcome, other = await ox.system.perform(NO_PLAN, steps)
    assert (outcome.result, other.result) == (Result.FAILED, Result.DONE)
    assert "(anna.b) has it" in outcome.hint
    control.set_switches(ox.folder, enforceUniqueDisplayName=False)
    assert (await ox.one(creation(wanted("anna", ANNA)))).result is Result.DONE


async def test_a_taken_primary_address_and_a_bad_login_are_explained(ox: Ox) -> None:
    there(ox, login="other", primary=ANNA)
    taken = await ox.one(creation(wanted("anna", ANNA)))
    assert taken.result is Result.FAILED
    assert "another OX user's primary address" in taken.message
    bad = await ox.one(creation(wanted("bernd neu", "bernd@pirat.example")))
    assert bad.result is Result.FAILED
    assert "CHECK_USER_UID_REGEXP" in bad.hint


async def test_a_server_that_makes_logins_lower_case_is_recognised(ox: Ox) -> None:
    control.set_switches(ox.folder, AUTO_TO_LOWERCASE_UID=True)
    outcome = await ox.one(creation(wanted("Anna", ANNA)))
    assert outcome.result is Result.FAILED
    assert "AUTO_TO_LOWERCASE_UID" in outcome.hint


@pytest.mark.parametrize("status", [None, 0, 1])
async def test_a_createuser_that_dies_after_its_effect_is_done_with_our_password(ox: Ox, status: int | None) -> None:
    fault = Fault("dies_after_effect", tool="createuser", first=1, status=status)
    control.set_switches(ox.folder, faults=[fault])
    assert (await ox.one(creation(wanted("anna", ANNA)))).result is Result.DONE
    assert ox.has_password("anna", ANNA)
    assert control.calls(ox.folder)["createuser"] == 1


async def test_a_changeuser_that_dies_after_its_effect_is_done(ox: Ox) -> None:
    there(ox, primary=OLD)
    step = update(await only(ox), wanted("anna", ANNA))
    control.set_switches(ox.folder, faults=[Fault("dies_after_effect", tool="changeuser")])
    assert (await ox.one(step)).result is Result.DONE


@pytest.mark.parametrize("kind", ["down", "starting", "updating"])
async def test_what_passes_by_itself_is_temporary(ox: Ox, kind: str) -> None:
    control.set_switches(ox.folder, faults=[Fault(kind, tool="createuser", first=1)])
    outcome = await ox.one(creation(wanted("anna", ANNA)))
    assert (outcome.result, outcome.temporary) == (Result.FAILED, True)
    assert (await ox.one(creation(wanted("anna", ANNA)))).result is Result.DONE


async def test_a_storage_error_is_not(ox: Ox) -> None:
    control.set_switches(ox.folder, faults=[Fault("storage_error", tool="createuser")])
    outcome = await ox.one(creation(wanted("anna", ANNA)))
    assert (outcome.result, outcome.temporary) == (Result.FAILED, False)


@pytest.mark.parametrize("kind", ["down", "starting", "updating", "storage_error", "half_answer", "dies_after_effect"])
@pytest.mark.parametrize("version", ["MID", "NEW"])
async def test_a_context_that_cannot_be_listed_is_unknown_and_never_empty(ox: Ox, kind: str, version: str) -> None:
    there(ox)
    control.set_switches(ox.folder, version=version, faults=[Fault(kind, tool="listuser")])
    with pytest.raises(Unreadable) as unknown:
        await ox.system.observe()
    assert unknown.value.hint
    assert ".java" not in unknown.value.message
    with pytest.raises(Unreadable):
        await ox.one(creation(wanted("bernd", "bernd@pirat.example")))
    assert control.calls(ox.folder).get("createuser", 0) == 0


async def test_half_an_answer_with_status_0_is_refused_wherever_the_columns_are(ox: Ox) -> None:
    there(ox, Note="x" * 3000)
    control.set_switches(ox.folder, faults=[Fault("half_answer", tool="listuser", status=0)])
    for _ in range(5):
        with pytest.raises(Unreadable, match="not complete"):
            await ox.system.observe()


async def test_a_wrong_admin_password_says_where_it_comes_from(ox: Ox) -> None:
    with pytest.raises(Unreadable, match="refuses the login of oxadmin") as refused:
        await Ox(ox.folder, "wrong").system.observe()
    assert "the variable X" in refused.value.hint
    assert "wrong" not in refused.value.hint


async def test_no_admin_password_at_all_is_understood(ox: Ox) -> None:
    with pytest.raises(Unreadable) as refused:
        await Ox(ox.folder, "").system.check()
    assert "the variable X" in refused.value.hint


async def test_tools_that_are_not_there_are_a_hint_to_sbin(tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match="cannot be run") as refused:
        await Ox(tmp_path / "nowhere").system.observe()
    assert "sbin" in refused.value.hint


async def test_thirty_creations_cost_two_lists(ox: Ox) -> None:
    steps = [creation(wanted(f"u{n}", f"u{n}@pirat.example", display_name=f"N {n}")) for n in range(30)]
    assert {o.result for o in await ox.system.perform(NO_PLAN, steps)} == {Result.DONE}
    assert control.calls(ox.folder) == {"createuser": 30, "listuser": 2}
    assert all(ox.has_password(f"u{n}", f"u{n}@pirat.example") for n in range(30))
