"""OX over SOAP: one connection, the same users and the same words as by the tools, and what an answer must be."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from xml.sax.saxutils import escape

import pytest
from pydantic import ValidationError

from reconciler.errors import Unreadable
from reconciler.model.records import OxUserRow
from reconciler.model.secrets import Passwords
from reconciler.planning.changes import Action, Change, Outcome, Result, Stage, Step
from reconciler.sandbox.openxchange import control
from reconciler.sandbox.openxchange.bulk import import_users
from reconciler.sandbox.openxchange.install import install
from reconciler.sandbox.openxchange.soap_schema import SOAP
from reconciler.settings import OpenXchange, Ssh
from reconciler.systems.openxchange import soap, soap_messages
from reconciler.systems.openxchange.soap import Soap
from reconciler.systems.openxchange.tools import Tools
from tests.services.quick import called, tools_in_process
from tests.systems.openxchange.canned import ANNA, creation, found, new_password, one, update, wanted
from tests.systems.openxchange.soap_line import ENV, PASSWORD, Answer, Line, serving
from tests.systems.plans import NO_PLAN

BERND = "bernd@pirat.example"
NAMES = {"Given_name": "Bernd", "Sur_name": "Neu", "Display_name": 'Bernd "B." Neu, <Öffentlichkeit> & Co'}
HASH = "secret-hash"


@pytest.fixture
def line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Line]:
    """A context with its admin (2) and Bernd (3)."""
    monkeypatch.setenv(ENV, PASSWORD)
    install(tmp_path / "ox", admin_password=PASSWORD)
    import_users(tmp_path / "ox", [{"Name": "bernd", "PrimaryEmail": BERND, "Password": HASH, **NAMES}])
    with serving(tmp_path / "ox") as line:
        yield line


def deletion(row: OxUserRow) -> Step:
    return Step(Change("openxchange", "ox_user", Action.DELETE, row.key, row, None, row.owner), Stage.GROUPWARE)


async def test_all_that_is_read_and_written_goes_through_one_connection(line: Line) -> None:
    control.set_switches(line.folder, USERNAME_CHANGEABLE=True)
    passwords = Passwords()
    system = line.system(passwords)
    await system.check()
    bernd = (await found(system))["3"]
    done = [
        await one(system, creation(wanted("anna", ANNA))),
        await one(system, update(bernd, wanted("bernd.neu", BERND, display_name="Bernd <Neu> & Co"))),
        await one(system, new_password(BERND, "3")),
        await one(system, deletion((await found(system))["4"])),
    ]
    assert done == [Outcome(Result.DONE)] * 4
    await system.close()
    assert line.connections == 1
    assert set(line.operations()) == {"list", "getMultipleData", "getData", "create", "change", "delete"}
    assert [user.ident for user in control.users(line.folder)] == ["oxadmin", "bernd.neu"]
    password = passwords.of(BERND).get_secret_value()
    assert control.check_password(line.folder, "bernd.neu", password)
    assert not any(PASSWORD in path or password in path for path in line.paths)


async def test_the_context_is_listed_once_a_wave_and_who_was_made_by_hand_meanwhile_is_left_alone(line: Line) -> None:
    system = line.system()
    await system.observe(writing=True)
    await system.check()
    addresses = [f"u{number}@pirat.example" for number in range(6)]
    steps = [creation(wanted(a.partition("@")[0], a, display_name=f"Name of {a}")) for a in addresses]
    for wave in (steps[:3], steps[3:5]):
        assert not any(await system.is_applied(wave))
        assert {o.result for o in await system.perform(NO_PLAN, wave)} == {Result.DONE}
        assert all(await system.is_applied(wave))
    assert line.operations().count("list") == 3
    import_users(line.folder, [{"Name": "u5", "PrimaryEmail": "x@pirat.example", "Password": "by hand"}])
    assert await system.is_applied(steps[5:]) == [False]
    outcome = await one(system, steps[5])
    assert (outcome.result, outcome.message) == (Result.FAILED, "another OX user has the login 'u5'")
    assert control.check_password(line.folder, "u5", "by hand")
    await system.close()


AWKWARD = [
    {"Name": "anna", "PrimaryEmail": "Anna@MÜNCHEN.example", "Display_name": " A\u0308nne  \U0001f3f4 ]]>"},
    {"Name": "x-2", "Display_name": "two\nlines\r\nand\ttabs", "ImapLogin": "", "Email1": "other@pirat.example"},
    {"Name": "off", "PrimaryEmail": "off@pirat.example", "Mailenabled": "false", "Note": "<b>&amp;</b>" * 2000},
    {"Name": "many", "PrimaryEmail": "m@pirat.example", "Aliases": "m@pirat.example, M2@pirat.example, x"},
    {"Name": "keys", "PrimaryEmail": "k@pirat.example", "UserAttributes": "name=[id=4711, aliases=y]"},
]


@pytest.mark.parametrize("version", ["OLD", "NEW"])
async def test_the_users_are_those_that_the_tools_show(
    line: Line, monkeypatch: pytest.MonkeyPatch, version: str
) -> None:
    tools_in_process(monkeypatch)
    monkeypatch.setattr(soap, "AT_ONCE", 3)
    control.set_switches(line.folder, version=version)
    import_users(line.folder, AWKWARD)
    by_tools, over_soap = line.by_tools(), line.system()
    assert await over_soap.observe() == await by_tools.observe()
    assert len(await found(over_soap)) == len(AWKWARD) + 1
    assert line.operations()[:4] == ["list", *["getMultipleData"] * 3]
    await over_soap.close()


ENVELOPE = f'<s:Envelope xmlns:s="{SOAP}"><s:Body>%s</s:Body></s:Envelope>'
BOMB = b'<!DOCTYPE a [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;"><!ENTITY c SYSTEM "file:///etc/passwd">]>'


def changed(old: bytes, new: bytes) -> Callable[[bytes], Answer]:
    def spoil(body: bytes) -> Answer:
        assert old in body
        return Answer(body.replace(old, new))

    return spoil


def instead(body: bytes | str, status: int = 200) -> Callable[[bytes], Answer]:
    content = body.encode() if isinstance(body, str) else body
    return lambda _: Answer(content, status)


def cut(body: bytes) -> Answer:
    return Answer(body[: len(body) // 2], whole=False)


def cut_and_whole(body: bytes) -> Answer:
    return Answer(body[: body.rindex(b"</soap:Body>")])


def one_less(body: bytes) -> Answer:
    head, _, tail = body.rpartition(b"<return>")
    return Answer(head + tail.partition(b"</return>")[2])


def twice(body: bytes) -> Answer:
    first = b"<return>" + body.partition(b"<return>")[2].partition(b"</return>")[0] + b"</return>"
    return Answer(body.replace(first, first * 2))


HALVES: dict[str, tuple[str, Callable[[bytes], Answer], str]] = {
    "broken off": ("list", cut, "broke"),
    "a user less": ("getMultipleData", one_less, "others than it was asked for"),
    "a user twice": ("list", twice, "one twice"),
    "the same one twice": ("getMultipleData", twice, "others than it was asked for"),
    "without its end": ("getMultipleData", cut_and_whole, "not whole"),
    "without its last tag": ("list", changed(b"</soap:Envelope>", b""), "not whole"),
    "nobody": ("list", instead(ENVELOPE % ""), "not even the context admin"),
    "nothing": ("getMultipleData", instead(""), "not whole"),
    "a page": ("list", instead("<!DOCTYPE html>\n<html><body>Log in</body></html>"), "does not answer as"),
    "a page of XHTML": ("list", instead("<html><body>Log in</body></html>"), "does not answer as"),
    "another service": ("list", instead(ENVELOPE % '<listResponse xmlns="urn:x"/>'), "does not answer as"),
    "another operation": ("getMultipleData", changed(b"getMultipleDataResponse", b"listResponse"), "does not answer"),
    "entities": ("list", lambda body: Answer(BOMB + body), "does not answer as"),
    "entities behind a declaration": (
        "list",
        lambda body: Answer(b"\xef\xbb\xbf<?xml version='1.0'?>\n" + BOMB + body),
        "does not answer as",
    ),
    "entities in another encoding": ("list", lambda b: Answer((BOMB + b).decode().encode("utf-16")), "does not answer"),
    "an entity that is not there": ("getMultipleData", changed(b"bernd</d:name>", b"&b;</d:name>"), "does not answer"),
    "a proxy": ("list", instead("<html/>", 502), "502"),
    "an error without a fault": ("list", instead(ENVELOPE % "", 500), "500"),
    "no such place": ("list", instead("", 404), "404"),
    "another place": ("list", lambda _: Answer(b"", 307, location="http://127.0.0.1:1/"), "sent nowhere else"),
    "no login": ("getMultipleData", changed(b"<d:name>bernd</d:name>", b'<d:name i:nil="true"/>'), "id or a login"),
    "no id": ("getMultipleData", changed(b"<d:id>3</d:id>", b'<d:id i:nil="true"/>'), "without an id or a login"),
    "no number": ("list", changed(b"<d:id>3</d:id>", "<d:id>٣</d:id>".encode()), "without an id"),
    "another user": ("getMultipleData", changed(b"<d:id>3</d:id>", b"<d:id>4</d:id>"), "others than it was asked"),
}


@pytest.mark.parametrize("name", HALVES)
async def test_half_an_answer_is_unknown_and_never_a_context_with_fewer_users(line: Line, name: str) -> None:
    operation, spoil, says = HALVES[name]
    system = line.system()
    two = [creation(wanted("anna", ANNA)), creation(wanted("carl", "carl@pirat.example", display_name="Carl"))]
    for ask in (system.observe, lambda: system.perform(NO_PLAN, two)):
        line.spoiled[operation] = [spoil, spoil]  # what only reads is asked twice
        with pytest.raises(Unreadable, match=says) as refused:
            await ask()
        assert refused.value.hint
        assert not any(secret in str(refused.value) for secret in (PASSWORD, HASH))
    assert "create" not in line.operations()
    await system.close()


async def test_who_is_not_there_is_absent_and_somebody_else_is_no_answer(line: Line) -> None:
    system = line.system()
    bernd = (await found(system))["3"]
    gone = deletion(bernd._replace(id="7"))
    assert await system.is_applied([gone]) == [True]
    line.spoiled["getData"] = [changed(b"<d:id>3</d:id>", b"<d:id>7</d:id>")]
    with pytest.raises(Unreadable, match="the one user"):
        await system.is_applied([deletion(bernd)])
    text = "No such user 3 in context 1; exceptionId -1170523631-4"
    fault = f"<s:Fault><faultcode>s:Server</faultcode><faultstring>{text}</faultstring></s:Fault>"
    line.spoiled["getData"] = [instead(ENVELOPE % fault, 500)]
    with pytest.raises(Unreadable, match=r"No such user 3 in context 1$"):  # without the name of an exception
        await system.is_applied([deletion(bernd)])
    await system.close()


async def test_users_who_go_while_they_are_listed_do_not_make_the_context_unknown(line: Line) -> None:
    import_users(line.folder, AWKWARD)

    def one_goes(body: bytes) -> Answer:
        arguments = ["-c", "1", "-A", "oxadmin", "-u", "x-2"]
        assert called("deleteuser", line.folder, arguments, {"ADMIN_PASSWORD": PASSWORD}).status == 0
        return Answer(body)

    line.spoiled["list"] = [one_goes]
    system = line.system()
    assert {row.login for row in (await found(system)).values()} == {"bernd", "anna", "off", "many", "keys"}
    assert line.operations() == ["list", "getMultipleData", "list", "getMultipleData"]
    await system.close()


@pytest.mark.parametrize(
    ("switches", "password"),
    [
        ({"faults": [{"kind": "updating"}]}, PASSWORD),
        ({"faults": [{"kind": "starting"}], "version": "NEW"}, PASSWORD),
        ({"faults": [{"kind": "storage_error"}], "version": "NEW"}, PASSWORD),
        ({"version": "NEW"}, "wrong"),
        ({"version": "NEW"}, PASSWORD),  # the display name is taken
        ({"CHECK_USER_UID_REGEXP": "[a-z]", "version": "NEW", "enforceUniqueDisplayName": False}, PASSWORD),
    ],
)
async def test_what_ox_refuses_is_told_in_the_words_that_the_tools_have(
    line: Line, monkeypatch: pytest.MonkeyPatch, switches: dict[str, object], password: str
) -> None:
    monkeypatch.setenv(ENV, password)
    control.set_switches(line.folder, **switches)
    step, said = creation(wanted("a.b", ANNA, display_name=NAMES["Display_name"])), []
    for system in (line.by_tools(), line.system()):
        try:
            said.append(await one(system, step))
        except Unreadable as error:
            said.append(Outcome.of(error))
        await system.close()
    by_tools, over_soap = said
    assert over_soap == by_tools._replace(message=by_tools.message.replace("on this machine", f"at {line.url}"))
    assert "exceptionId" not in over_soap.message
    assert over_soap.hint


@pytest.mark.parametrize("kind", ["dies_after_effect", "half_answer"])
async def test_a_creation_whose_answer_is_lost_is_done_and_the_password_is_ours(line: Line, kind: str) -> None:
    passwords = Passwords()
    system = line.system(passwords)
    control.set_switches(line.folder, faults=[{"kind": kind, "tool": "createuser", "first": 1}])
    assert await one(system, creation(wanted("anna", ANNA))) == Outcome(Result.DONE)
    assert line.operations().count("create") == 1
    assert control.check_password(line.folder, "anna", passwords.of(ANNA).get_secret_value())
    await system.close()


@pytest.mark.parametrize(
    "spoil", [instead(""), instead("", 202), instead(ENVELOPE % "", 500), instead("", 503), cut, instead("<a/>")]
)
async def test_a_change_that_nobody_confirmed_is_not_done(line: Line, spoil: Callable[[bytes], Answer]) -> None:
    system = line.system()
    line.spoiled["change"] = [spoil]
    outcome = await one(system, new_password(BERND, "3"))
    assert outcome.result is Result.FAILED
    assert line.operations().count("change") == 1
    line.spoiled["create"] = [changed(b"<d:id>4</d:id>", b"")]
    assert (await one(system, creation(wanted("anna", ANNA)))).result is Result.DONE  # the list says so
    assert line.operations()[-4:] == ["create", "getData", "change", "getData"]
    await system.close()


async def test_a_server_that_repeats_what_it_was_asked_tells_no_password(line: Line) -> None:
    passwords = Passwords()
    system = line.system(passwords)
    secret = passwords.of(BERND).get_secret_value()
    for code in ("Client", "Server"):
        text = f"what is {escape(PASSWORD)} and {escape(secret)}?"
        fault = f"<s:Fault><faultcode>s:{code}</faultcode><faultstring>{text}</faultstring></s:Fault>"
        line.spoiled["change"] = [instead(ENVELOPE % fault, 500)]
        outcome = await one(system, new_password(BERND, "3"))
        assert outcome.message.endswith("what is … and …?")
        line.spoiled["list"] = [instead(ENVELOPE % fault, 500)]
        with pytest.raises(Unreadable) as refused:
            await system.observe()
        assert PASSWORD not in str(refused.value)
    await system.close()


async def test_an_answer_that_never_comes_to_a_user_is_given_up(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(soap_messages, "_LONGEST_USER", 100_000)
    system = line.system()
    endless = changed(b"<return>", b"<return>" + b"<x>y</x>" * 20_000)
    line.spoiled["list"] = [endless, endless]
    with pytest.raises(Unreadable, match="not whole"):
        await system.observe()
    await system.close()


async def test_a_proxy_of_the_session_sees_nothing(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1/")
    system = line.system()
    assert await found(system)
    await system.close()


async def test_a_certificate_that_nobody_vouches_for_gets_no_password(
    line: Line, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pem = tmp_path / "server.pem"
    names = "-subj /CN=localhost -addext subjectAltName=DNS:localhost,IP:127.0.0.1"
    command = f"openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 {names}"
    subprocess.run([*command.split(), "-keyout", "key", "-out", "cert"], cwd=tmp_path, check=True, capture_output=True)
    pem.write_text((tmp_path / "key").read_text() + (tmp_path / "cert").read_text())
    with serving(line.folder, pem) as safe:
        system = safe.system()
        with pytest.raises(Unreadable, match=r"certificate of .* is not to be trusted: self-signed certificate"):
            await system.observe()
        await system.close()
        assert safe.asked == []
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "cert"))  # as the machine's authorities
        system = safe.system()
        assert await found(system)
        await system.close()


def test_a_login_that_only_reads_is_answered_by_listuser_for_the_same_place(line: Line) -> None:
    section = OpenXchange(host="mail.example", soap_url=line.url, admin_password_env=ENV)
    applier = line.of(section)
    planner = line.of(section, ssh={"mail.example": Ssh(read_only=True)})
    assert (type(applier._ox), type(planner._ox)) == (Soap, Tools)
    assert planner.target == applier.target == f"context 1 at {line.url}"


def test_a_site_file_sends_the_password_over_tls_or_nowhere() -> None:
    for url in ("http://ox.example/a", "ftp://ox.example/", "ox.example/a", "https://u:p@ox.example/", "https://:p@x/"):
        with pytest.raises(ValidationError):
            OpenXchange(soap_url=url)
    assert OpenXchange(soap_url="https://ox.example/webservices/OXUserService").soap_url
    assert OpenXchange(soap_url="http://127.0.0.1:8009/webservices/OXUserService").soap_url
