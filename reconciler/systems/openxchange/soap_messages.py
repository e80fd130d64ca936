"""The XML of OX' SOAP service for users: what is asked, and answers read as they come (facts/open-xchange.md 7). Pure.

Elements come in the order of the schema, which for the fields that we send is the alphabet's. An answer with a document
type is refused before the parser sees it: without one there are no entities to expand or to fetch.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, cast
from xml.etree.ElementTree import Element, ParseError, SubElement, XMLPullParser, tostring

_SOAP = "{http://schemas.xmlsoap.org/soap/envelope/}"
_SERVICE = "{http://soap.admin.openexchange.com}"
_DATA = "{http://dataobjects.soap.admin.openexchange.com/xsd}"
_CREDENTIALS = "{http://dataobjects.rmi.admin.openexchange.com/xsd}"
_RETURN = f"{_SERVICE}return"

Operation = Literal["list", "getData", "getMultipleData", "create", "change", "delete"]
User = Mapping[str, str | tuple[str, ...]]
"""By the element; several values are several elements."""

FIELDS = (
    *("aliases", "defaultSenderAddress", "display_name", "email1", "given_name", "id", "imapLogin", "language"),
    *("mailenabled", "name", "password", "primaryEmail", "sur_name", "timezone"),
)
"""The elements of a user that we send or read, in the schema's order."""
_CELLS = tuple(
    f"{_DATA}{name}"
    for name in (
        *("id", "name", "display_name", "given_name", "sur_name"),
        *("primaryEmail", "email1", "aliases", "defaultSenderAddress", "imapLogin", "mailenabled"),
    )
)
_ALIASES = f"{_DATA}aliases"
# nothing but a declaration may stand before the first element; this is no HTML page either
_BEGINNING = re.compile(rb"(\xef\xbb\xbf)?\s*(<\?xml [^>]*\?>)?\s*<[A-Za-z_]")
_LONGEST_BEGINNING = 512
_LONGEST_USER = 64 * 1024 * 1024
"""Bytes, as of one value in the answers of the tools."""


class NotSoap(Exception):
    """An answer that is not one of a SOAP service, or not a whole one."""


class Fault(Exception):
    """What the server says instead of an answer."""

    def __init__(self, name: str, text: str, *, of_client: bool) -> None:
        super().__init__(name)
        self.name = name
        """The exception, like `InvalidDataException`; empty where the fault names none."""
        self.text = text
        self.of_client = of_client
        """The server did not understand what it was asked."""


def request(
    operation: Operation, context: int, admin: tuple[str, str], name: str = "", values: str | Sequence[User] = ()
) -> bytes:
    """The whole message. `name` is the parameter between context and credentials; `admin` are login and password."""
    envelope = Element(f"{_SOAP}Envelope")
    asked = SubElement(SubElement(envelope, f"{_SOAP}Body"), f"{_SERVICE}{operation}")
    _leaf(SubElement(asked, f"{_SERVICE}ctx"), f"{_DATA}id", str(context))
    if isinstance(values, str):
        _leaf(asked, f"{_SERVICE}{name}", values)
    else:
        for user in values:
            _add_user(SubElement(asked, f"{_SERVICE}{name}"), user)
    auth = SubElement(asked, f"{_SERVICE}auth")
    _leaf(auth, f"{_CREDENTIALS}login", admin[0])
    _leaf(auth, f"{_CREDENTIALS}password", admin[1])
    # a bare carriage return would be read as a line feed
    text: bytes = tostring(envelope, "utf-8", xml_declaration=True)
    return text.replace(b"\r", b"&#13;")


def _add_user(parent: Element, user: User) -> None:
    for field in FIELDS:
        value = user.get(field, ())
        for each in (value,) if isinstance(value, str) else value:
            _leaf(parent, f"{_DATA}{field}", each)


def _leaf(parent: Element, tag: str, text: str) -> None:
    SubElement(parent, tag).text = text


def cells(user: Element) -> list[str]:
    """Of one user of an answer, the values of `listuser_csv.COLUMNS`; what is null is empty, as in its CSV."""
    found: dict[str, str] = {}
    aliases = []
    for child in user:
        if child.tag == _ALIASES:
            aliases.append(child.text or "")
        else:
            found[child.tag] = child.text or ""
    found[_ALIASES] = ", ".join(aliases)
    return [found.get(tag, "") for tag in _CELLS]


def user_id(user: Element) -> str:
    """The id of one user of an answer; empty when it has none."""
    return user.findtext(_CELLS[0]) or ""


class AnswerReader:
    """One answer, fed in pieces. Every method raises NotSoap."""

    def __init__(self, operation: Operation) -> None:
        self._wrappers = (f"{_SERVICE}{operation}Response", f"{_SOAP}Fault")
        self._beginning = b""
        self._parser: XMLPullParser[Any] = XMLPullParser(("end",))
        self._begun = False
        self._body = False
        self._since_user = 0
        self._fault: Fault | None = None

    def feed(self, piece: bytes) -> Iterator[Element]:
        """The users that have come whole with this piece."""
        if not self._begun:
            self._beginning += piece
            if not _BEGINNING.match(self._beginning):
                if len(self._beginning) > _LONGEST_BEGINNING:
                    raise NotSoap
                return
            piece, self._begun = self._beginning, True
        yield from self._read(piece)

    def _read(self, piece: bytes) -> Iterator[Element]:
        self._since_user += len(piece)
        if self._since_user > _LONGEST_USER:
            raise NotSoap
        try:
            self._parser.feed(piece)
            for _, element in cast(Iterator[tuple[str, Element]], self._parser.read_events()):
                if element.tag == _RETURN:
                    self._since_user = 0
                    yield element
                    element.clear()  # a list of a big context has a hundred empty elements a user
                elif element.tag == f"{_SOAP}Fault":
                    self._fault = _fault(element)
                elif element.tag == f"{_SOAP}Body":
                    if any(child.tag not in self._wrappers for child in element):
                        raise NotSoap
                    self._body = True
        except ParseError:
            raise NotSoap from None

    def end(self) -> None:
        """The answer has ended: it must be whole. Raises Fault, too: a connection is kept when all was read."""
        try:
            self._parser.close()
        except ParseError:
            raise NotSoap from None
        if self._fault is not None:
            raise self._fault
        if not self._body:
            raise NotSoap


def _fault(element: Element) -> Fault:
    detail = element.find("detail")
    exception = detail[0].tag.rpartition("}")[2] if detail is not None and len(detail) else ""
    code = (element.findtext("faultcode") or "").rpartition(":")[2]
    return Fault(exception, element.findtext("faultstring") or "", of_client=code == "Client")
