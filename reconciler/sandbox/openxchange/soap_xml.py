"""Answers of the SOAP service as text (`facts/open-xchange.md` 7): every element of a user is there, and what is null
says so. Used by `soap.py`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from xml.sax.saxutils import escape

from reconciler.sandbox.openxchange.soap_schema import COLUMN_OF, DATA, INSTANCE, SERVICE, SOAP, USER
from reconciler.sandbox.openxchange.users import User

_HEAD = (
    f'<soap:Envelope xmlns:soap="{SOAP}"><soap:Body><{{name}} xmlns="{SERVICE}" xmlns:d="{DATA}" xmlns:i="{INSTANCE}">'
)
_TAIL = "</{name}></soap:Body></soap:Envelope>"
_MAPS = ("userAttributes", "guiPreferencesForSoap")
_VOID = ("change", "delete")


def answer_xml(operation: str, returned: Iterable[str]) -> bytes:
    """The whole answer. Operations that return nothing have an empty body."""
    content = "".join(returned)
    if operation in _VOID:
        return f'<soap:Envelope xmlns:soap="{SOAP}"><soap:Body/></soap:Envelope>'.encode()
    name = f"{operation}Response"
    return (_HEAD.format(name=name) + content + _TAIL.format(name=name)).encode()


def fault_xml(code: str, text: str, exception: str) -> bytes:
    """A fault; without `exception` it has no detail."""
    nil = f'<{exception} xmlns:i="{INSTANCE}" i:nil="true"/>'
    detail = f'<detail><{exception} xmlns="{SERVICE}">{nil}</{exception}></detail>' if exception else ""
    fault = f"<faultcode>{code}</faultcode><faultstring>{escape(text)}</faultstring>{detail}"
    body = f"<soap:Body><soap:Fault>{fault}</soap:Fault></soap:Body>"
    return f'<soap:Envelope xmlns:soap="{SOAP}">{body}</soap:Envelope>'.encode()


def user_xml(user: User) -> str:
    """One user in the order of the schema."""
    values: dict[str, str] = {name: escape(value).replace("\r", "&#13;") for name, value in user.fields.items()}
    values["Id"] = str(user.id)
    form = _form(frozenset(values), bool(user.aliases), bool(user.attributes))
    aliases = "".join(f"<d:aliases>{escape(alias)}</d:aliases>" for alias in user.aliases)
    return form % {**values, "aliases": aliases, "attributes": "".join(_entries(user.attributes))}


@lru_cache(maxsize=256)
def _form(filled: frozenset[str], has_aliases: bool, has_attributes: bool) -> str:
    """Most of the elements are null, and most users have the same ones filled."""
    parts = []
    for name in USER:
        if name == "aliases" and has_aliases:
            parts.append("%(aliases)s")
        elif name == "userAttributes" and has_attributes:
            parts.append("<d:userAttributes>%(attributes)s</d:userAttributes>")
        elif COLUMN_OF[name] in filled and name not in _MAPS:
            parts.append(f"<d:{name}>%({COLUMN_OF[name]})s</d:{name}>")
        else:
            parts.append(f'<d:{name} i:nil="true"/>')
    return f"<return>{''.join(parts)}</return>"


def _entries(attributes: Mapping[str, str]) -> Iterator[str]:
    """By namespace, each a map of its own: in it are elements that are called as a user's own are not."""
    for name, value in attributes.items():
        space, _, key = name.partition("/")
        inner = f"<d:entries><d:key>{escape(key)}</d:key><d:value>{escape(value)}</d:value></d:entries>"
        yield f"<d:entries><d:key>{escape(space)}</d:key><d:value>{inner}</d:value></d:entries>"
