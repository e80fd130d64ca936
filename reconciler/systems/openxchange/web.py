"""OX's HTTP interface, as one person uses it: log in, ask, log out (facts/open-xchange.md 6). `attach` is the caller.

Synchronous, for a thread. Passwords travel in the bodies of requests, over verified TLS or to this machine itself
(`settings` sees to that), never through a proxy, and a redirect is not followed: it would not be the site file's place.
Errors come with HTTP status 200; branch on `code`.
"""

from __future__ import annotations

import http.client
import json
import ssl
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.cookiejar import CookieJar
from typing import Any

from pydantic import SecretStr

from reconciler.errors import EffectFailed, PermanentFailure, TemporaryFailure

_SECONDS = 60.0
"""For one request. A trial login to a mail server that does not answer takes OX about half a minute."""
_LONGEST = 4 * 1024 * 1024
_AGENT = "reconciler"
"""The same in every request: the names of the session cookies depend on it."""
_WRONG_PLACE = "check `openxchange.web_url`: it must end in /ajax/ or /appsuite/api/"

Answer = dict[str, Any]


class WebError(Exception):
    """OX's own refusal. `code` is like ACC-0015."""

    def __init__(self, code: str, said: str) -> None:
        super().__init__(code)
        self.code = code
        self.said = said


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


class Web:
    """One session of one person. Every method raises WebError or EffectFailed."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/") + "/"
        self._opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}),
            urllib.request.HTTPSHandler(context=ssl.create_default_context()),
            urllib.request.HTTPCookieProcessor(CookieJar()),
            _NoRedirect(),
        )
        self._opener.addheaders = [("User-Agent", _AGENT)]
        self._session = ""

    @contextmanager
    def signed_in(self, name: str, password: SecretStr) -> Iterator[None]:
        """The session while the block runs. It is ended whatever happens in the block."""
        form = urllib.parse.urlencode({"name": name, "password": password.get_secret_value(), "client": _AGENT})
        kind = "application/x-www-form-urlencoded"
        answer = self._ask("login", {"action": "login"}, "POST", form.encode("ascii"), kind)
        if not isinstance(answer.get("session"), str):
            raise PermanentFailure(f"{self._url} does not answer a login as OX does", hint=_WRONG_PLACE)
        self._session = answer["session"]
        try:
            yield
        finally:
            self._sign_out()

    def get(self, module: str, action: str, **parameters: str) -> Answer:
        """An answer to a question."""
        return self._ask(module, {"action": action, "session": self._session, **parameters}, "GET")

    def put(self, module: str, action: str, body: Mapping[str, object] | Sequence[object]) -> Answer:
        """The answer to an order. It may hold a warning as `error` beside `data`."""
        text = json.dumps(body).encode("ascii")
        return self._ask(module, {"action": action, "session": self._session}, "PUT", text, "text/javascript")

    def _sign_out(self) -> None:
        try:
            self._ask("login", {"action": "logout", "session": self._session}, "GET")
        except (WebError, EffectFailed):
            return  # the session ends by itself in a while; what was done is done

    def _ask(
        self, module: str, parameters: Mapping[str, str], method: str, body: bytes | None = None, kind: str = ""
    ) -> Answer:
        address = f"{self._url}{module}?{urllib.parse.urlencode(parameters)}"
        headers = {"Content-Type": f"{kind}; charset=UTF-8"} if kind else {}
        request = urllib.request.Request(address, data=body, headers=headers, method=method)
        return _read(self._send(request), self._url)

    def _send(self, request: urllib.request.Request) -> bytes:
        try:
            with self._opener.open(request, timeout=_SECONDS) as response:
                content: bytes = response.read(_LONGEST)
                return content
        except urllib.error.HTTPError as error:
            error.close()
            raise _refused(error.code, self._url) from None
        except (OSError, http.client.HTTPException) as error:
            raise _unreached(error, self._url) from None


def _read(content: bytes, url: str) -> Answer:
    try:
        answer = json.loads(content)
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        raise PermanentFailure(f"{url} does not answer as the HTTP interface of OX", hint=_WRONG_PLACE)
    # a lone warning stands as `error` beside the data (facts 11)
    if "error" in answer and answer.get("data") is None:
        raise WebError(str(answer.get("code", "")), said(answer))
    return answer


def said(answer: Mapping[str, Any]) -> str:
    """What an error or a warning says, in English, on one bounded line, with its code."""
    text = " ".join(str(answer.get("error_desc") or answer.get("error") or "no reason given").split())
    code = str(answer.get("code") or "")
    return f"{text[:300]} ({code})" if code else text[:300]


def _refused(status: int, url: str) -> EffectFailed:
    if status >= 500:
        return TemporaryFailure(f"{url} answers with HTTP status {status}", hint="is OX running behind it?")
    return PermanentFailure(f"{url} answers with HTTP status {status}", hint=_WRONG_PLACE)


def _unreached(error: Exception, url: str) -> EffectFailed:
    reason = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(reason, ssl.SSLCertVerificationError):
        message = f"the certificate of {url} is not to be trusted: {reason.verify_message}"
        return PermanentFailure(
            message, hint="give the server a valid certificate; we do not send passwords to it else"
        )
    return TemporaryFailure(f"{url} cannot be reached: {reason}", hint="is the web server of OX running?")
