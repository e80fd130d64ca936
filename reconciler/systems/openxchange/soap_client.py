"""The one kept connection to OX' SOAP service. Synchronous, for a thread; one request at a time.

The admin's password is in the body of every request. So it goes over verified TLS, or to this machine itself
(`settings` sees to that), never through a proxy, and no redirect is followed. Certificates are checked against the
machine's authorities. Nothing that the other side says is quoted but the text of a fault.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Generator, Iterator
from functools import cached_property
from xml.etree.ElementTree import Element

import httpx

from reconciler.errors import Unreadable
from reconciler.systems.openxchange.soap_messages import AnswerReader, NotSoap, Operation

_CONNECT_SECONDS = 30.0
_IDLE_SECONDS = 4.0
"""After which the connection is made anew: Apache ends an idle one after five, and a write on a dead one may or may
not have taken effect."""
_PLACE = "check `openxchange.soap_url`: it ends in /webservices/OXUserService, and needs the package"
_PLACE += " open-xchange-admin-soap on the OX host"
_RUNNING = "is open-xchange running, and the web server in front of it? Then run the same command again in a moment"


class Broken(Unreadable):
    """The answer did not come, or not whole: whatever was asked may have been done."""


class SoapClient:
    """Asks one service. Raises Unreadable and Fault."""

    def __init__(self, url: str) -> None:
        self._url = url

    @cached_property
    def _client(self) -> httpx.Client:
        return httpx.Client(
            verify=ssl.create_default_context() if self._url.startswith("https:") else False,
            trust_env=False,
            follow_redirects=False,
            headers={"User-Agent": "reconciler"},
            limits=httpx.Limits(max_keepalive_connections=1, keepalive_expiry=_IDLE_SECONDS),
        )

    def ask(self, operation: Operation, message: bytes, seconds: float) -> Generator[Element, None, None]:
        """The users of the answer, as they come: each is empty once the next one is asked for. To be closed by whoever
        does not read to its end."""
        until = time.monotonic() + seconds
        headers = {"Content-Type": "text/xml; charset=utf-8", "SOAPAction": f'"urn:{operation}"'}
        limit = httpx.Timeout(seconds, connect=_CONNECT_SECONDS)
        try:
            with self._client.stream("POST", self._url, content=message, headers=headers, timeout=limit) as response:
                yield from self._read(operation, response, until)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise self._unreached(error) from None
        except (httpx.TransportError, httpx.DecodingError) as error:
            why = "no answer in time" if isinstance(error, httpx.TimeoutException) else "the connection broke"
            raise Broken(f"{self._url}: {why}; it is not known how far it got", hint=_RUNNING) from None

    def close(self) -> None:
        """Ends the connection."""
        if "_client" in self.__dict__:
            self._client.close()

    def _read(self, operation: Operation, response: httpx.Response, until: float) -> Iterator[Element]:
        if response.is_redirect or response.status_code not in (200, 500):
            raise self._refused(response.status_code)
        reader = AnswerReader(operation)
        try:
            for piece in response.iter_bytes():
                yield from reader.feed(piece)
                if time.monotonic() > until:
                    raise Broken(f"{self._url}: no whole answer in time; it is not known how far it got", hint=_RUNNING)
            reader.end()
        except NotSoap:
            if response.status_code == 200:
                message = f"{self._url} does not answer as the SOAP service of OX, or not whole"
                raise Broken(message, hint=_PLACE) from None
        if response.status_code != 200:  # and no fault in it
            raise self._refused(response.status_code)

    def _refused(self, status: int) -> Unreadable:
        if 300 <= status < 400:
            message = f"{self._url} leads elsewhere (HTTP status {status}), and OX' password is sent nowhere else"
            return Unreadable(message, hint="write the address that is meant in `openxchange.soap_url`")
        message = f"{self._url} answers with HTTP status {status}"
        # a proxy may give up while OX goes on
        return Broken(message, hint=_RUNNING) if status >= 500 else Unreadable(message, hint=_PLACE)

    def _unreached(self, error: Exception) -> Unreadable:
        text = str(error)
        if "CERTIFICATE_VERIFY_FAILED" in text:
            reason = text.partition("failed: ")[2].partition(" (_ssl")[0] or "it cannot be verified"
            hint = "give the server a valid certificate; OX' password is not sent to it else"
            return Unreadable(f"the certificate of {self._url} is not to be trusted: {reason}", hint=hint)
        return Unreadable(f"{self._url} cannot be reached: {text}", hint=_RUNNING)
