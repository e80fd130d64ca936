"""The SOAP service as facts 7 have it: the order of elements, ids alone in lists, nulls, faults. No code of the client
is used here."""

from __future__ import annotations

from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import pytest

from reconciler.sandbox.openxchange.soap import Reply, UserService
from tests.sandbox.openxchange.conftest import ADMIN_PASSWORD, PASSWORD, Ox

ADMIN = ("oxadmin", ADMIN_PASSWORD)
NAMES = {
    "s": "http://schemas.xmlsoap.org/soap/envelope/",
    "a": "http://soap.admin.openexchange.com",
    "d": "http://dataobjects.soap.admin.openexchange.com/xsd",
    "r": "http://dataobjects.rmi.admin.openexchange.com/xsd",
    "i": "http://www.w3.org/2001/XMLSchema-instance",
}
NIL = f"{{{NAMES['i']}}}nil"


def ask(ox: Ox, operation: str, inner: str, context: int = 1, admin: tuple[str, str] = ADMIN) -> tuple[int, Element]:
    """The status and the first element of the body (or the body, when it has none)."""
    names = " ".join(f'xmlns:{prefix}="{uri}"' for prefix, uri in NAMES.items())
    auth = f"<a:auth><r:login>{admin[0]}</r:login><r:password>{admin[1]}</r:password></a:auth>"
    content = f"<a:{operation}><a:ctx><d:id>{context}</d:id></a:ctx>{inner}{auth}</a:{operation}>"
    reply = UserService(ox.folder).reply(f"<s:Envelope {names}><s:Body>{content}</s:Body></s:Envelope>".encode())
    assert isinstance(reply, Reply)
    body = ElementTree.fromstring(reply.body).find("s:Body", NAMES)
    assert body is not None
    return reply.status, body[0] if len(body) else body


def refused(ox: Ox, operation: str, inner: str, **more: object) -> tuple[str, str, str]:
    """Code, exception and text of the fault."""
    status, fault = ask(ox, operation, inner, **more)  # type: ignore[arg-type]  # what `ask` takes
    assert status == 500
    detail = fault.find("detail/*")
    name = "" if detail is None else detail.tag.removeprefix(f"{{{NAMES['a']}}}")
    return fault.findtext("faultcode") or "", name, fault.findtext("faultstring") or ""


def test_a_list_has_ids_alone_and_data_has_every_element_null_or_not(anna: Ox) -> None:
    status, listed = ask(anna, "list", "<a:search_pattern>*</a:search_pattern>")
    assert (status, listed.tag) == (200, f"{{{NAMES['a']}}}listResponse")
    users = listed.findall("a:return", NAMES)
    assert {user.findtext("d:id", "", NAMES) for user in users} == {"2", "3"}
    assert all(child.get(NIL) == "true" for user in users for child in user if not child.tag.endswith("}id"))
    _, data = ask(
        anna, "getMultipleData", "<a:users><d:id>3</d:id></a:users><a:users><d:name>oxadmin</d:name></a:users>"
    )
    (user, _) = data.findall("a:return", NAMES)
    assert {a.text for a in user.findall("d:aliases", NAMES)} == {"a.beispiel@pirat.alt", "anna@pirat.alt"}
    assert user.findtext("d:sur_name", "", NAMES) == "Beispiel"
    names = [child.tag.rpartition("}")[2].lower() for child in user]
    assert names[:-1] == sorted(names[:-1])


def test_create_change_and_delete_do_what_the_tools_do(anna: Ox) -> None:
    names = "<d:display_name>B</d:display_name>%s<d:given_name>B</d:given_name><d:name>b</d:name>"
    names += "<d:password>geheim</d:password><d:primaryEmail>b@pirat.alt</d:primaryEmail><d:sur_name>B</d:sur_name>"
    user = f"<a:usrdata>{names}</a:usrdata>"
    assert refused(anna, "create", user % "") == (
        "soap:Server",
        "InvalidDataException",
        "email1 not sent but required!",
    )
    _, created = ask(anna, "create", user % "<d:email1>b@pirat.alt</d:email1>")
    assert created.findtext("a:return/d:id", "", NAMES) == "4"
    assert anna.user("b").aliases == {"b@pirat.alt"}
    aliases = "<d:aliases>b@pirat.alt</d:aliases><d:aliases>c@pirat.alt</d:aliases>"
    assert ask(anna, "change", f"<a:usrdata>{aliases}<d:id>4</d:id></a:usrdata>")[1].tag == f"{{{NAMES['s']}}}Body"
    assert ask(anna, "change", "<a:usrdata><d:display_name>C</d:display_name><d:id>4</d:id></a:usrdata>")[0] == 200
    assert anna.user("b").aliases == {"b@pirat.alt", "c@pirat.alt"}  # left out is left alone
    assert anna.user("b").fields["Display_name"] == "C"
    alone = "<a:usrdata><d:id>4</d:id><d:primaryEmail>c@pirat.alt</d:primaryEmail></a:usrdata>"
    assert refused(anna, "change", alone)[2] == "email1 not sent but required!"
    assert ask(anna, "exists", "<a:user><d:name>b</d:name></a:user>")[1].findtext("a:return", "", NAMES) == "true"
    assert ask(anna, "delete", "<a:user><d:id>4</d:id></a:user>")[0] == 200
    assert ask(anna, "exists", "<a:user><d:name>b</d:name></a:user>")[1].findtext("a:return", "", NAMES) == "false"


def test_faults_are_named_after_the_exception_and_carry_its_id_since_7_10_4(anna: Ox) -> None:
    nobody = "<a:user><d:id>9</d:id></a:user>"
    assert refused(anna, "getData", nobody) == ("soap:Server", "NoSuchUserException", "No such user 9 in context 1")
    anna.switch(version="NEW")
    assert "; exceptionId " in refused(anna, "getData", nobody)[2]
    for more in ({"admin": ("oxadmin", "wrong")}, {"context": 7}):
        assert (
            refused(anna, "list", "<a:search_pattern>*</a:search_pattern>", **more)[1] == "InvalidCredentialsException"
        )
    anna.fault("updating")
    assert refused(anna, "getData", nobody)[1] == "DatabaseUpdateException"


@pytest.mark.parametrize(
    ("operation", "inner"),
    [
        ("getData", "<a:user><d:name>anna</d:name><d:id>3</d:id></a:user>"),  # not the schema's order
        ("getData", "<a:user><d:id>3</d:id><d:id>3</d:id></a:user>"),
        ("getData", "<a:user><a:id>3</a:id></a:user>"),
        ("getData", "<a:users><d:id>3</d:id></a:users>"),
        ("rename", "<a:user><d:id>3</d:id></a:user>"),
    ],
)
def test_a_message_that_does_not_fit_the_schema_is_refused(anna: Ox, operation: str, inner: str) -> None:
    code, exception, text = refused(anna, operation, inner)
    assert (code, exception) == ("soap:Client", "")
    assert "nexpected" in text
    assert PASSWORD not in text
