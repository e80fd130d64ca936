"""What one value of the site file must look like: a time zone, a quota, a URL. For the models of `reconciler.settings`
and, where the state holds the same kind of value, of `declared`. Each raises ValueError with what to write.
"""

from __future__ import annotations

import re
from difflib import get_close_matches
from functools import lru_cache
from typing import Annotated
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from pydantic import AfterValidator, Field

from reconciler.model.addresses import parse_domain
from reconciler.model.declared import UNLIMITED
from reconciler.remote.database_url import checked_url


def _time_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        near = get_close_matches(name.strip(), available_timezones(), n=1)
        hint = f"did you mean {near[0]}?" if near else "write one like Europe/Berlin"
        raise ValueError(f"{name!r} is not a time zone; {hint}") from None
    return name


def _maildir(text: str) -> str:
    from string import Formatter  # which compiles a pattern for templates; most sites leave this setting out

    known = {"domain", "local_part", "address"}
    try:
        parts = list(Formatter().parse(text))
    except ValueError:
        parts = []
    fields = {field for _, field, _, _ in parts if field is not None}
    plain = not any(width or conversion for _, _, width, conversion in parts) and ".." not in text.split("/")
    if not plain or text.startswith("/") or not {"local_part", "address"} & fields or not fields <= known:
        hint = "write {domain} and {local_part} in it, like '{domain}/{local_part}/'"
        raise ValueError(f"{text!r} does not say where a mailbox's mail is; {hint}")
    return text


def _pattern(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"not a regular expression: {error}") from None
    return text


def _quota(text: str) -> str:
    parse_quota(text)
    return text


_QUOTA = re.compile(r"([0-9]+)\s*MB", re.IGNORECASE)


@lru_cache(maxsize=1024)
def parse_quota(text: str) -> int:
    """`10240 MB` or `unlimited` in whole MB as PostfixAdmin counts them. Raises ValueError."""
    if text == "unlimited":
        return UNLIMITED
    match = _QUOTA.fullmatch(text.strip())
    if not match:
        raise ValueError(f"{text!r} is not a quota; write whole megabytes like `10240 MB`, or `unlimited`")
    if int(match[1]) == 0:
        raise ValueError("a quota of 0 MB would mean no limit in PostfixAdmin; write `unlimited` if that is meant")
    return int(match[1])


def _web_url(text: str) -> str:
    return _place_for_passwords(text, "https://mail.example/ajax/")


def _soap_url(text: str) -> str:
    return _place_for_passwords(text, "https://mail.example/webservices/OXUserService")


def _place_for_passwords(text: str, example: str) -> str:
    try:
        url = urlsplit(text)
        url.port  # noqa: B018  # raises when it is no port
    except ValueError:
        raise ValueError(f"{text!r} is not a URL; write one like {example}") from None
    if url.scheme not in ("https", "http") or not url.hostname or url.username is not None or url.query:
        raise ValueError(f"{text!r} is not a plain URL; write one like {example}")
    if url.scheme == "http" and url.hostname not in LOOPBACK:
        raise ValueError("passwords go there, so it must be https:// (http:// works for this machine only)")
    return text


def _ip_address(text: str) -> str:
    from ipaddress import ip_address  # which takes a while, and most sites name none

    try:
        return str(ip_address(text))
    except ValueError:
        raise ValueError(f"{text!r} is not an IP address; write one like 192.0.2.25 or 2001:db8::25") from None


LOOPBACK = ("localhost", "127.0.0.1", "::1")

DatabaseUrl = Annotated[str, AfterValidator(checked_url)]
WebUrl = Annotated[str, AfterValidator(_web_url)]
SoapUrl = Annotated[str, AfterValidator(_soap_url)]
TimeZone = Annotated[str, AfterValidator(_time_zone)]
Maildir = Annotated[str, AfterValidator(_maildir)]
Pattern = Annotated[str, AfterValidator(_pattern)]
IpAddressText = Annotated[str, AfterValidator(_ip_address)]
DomainName = Annotated[str, AfterValidator(parse_domain)]
QuotaText = Annotated[str, AfterValidator(_quota)]
Port = Annotated[int, Field(ge=1, le=65535)]
