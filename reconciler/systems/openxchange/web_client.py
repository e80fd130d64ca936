"""OX's HTTP interface, as one person uses it: log in, ask, log out (facts/open-xchange.md 6).

Synchronous, for a thread. Passwords travel in the bodies of requests, over verified TLS or to this machine itself
(`settings` sees to that), never through a proxy, and no redirect is followed: it leads away from the site file's URL.
Errors come with HTTP status 200 and have a `code`.
"""

from __future__ import annotations

import http.client
import json
import ssl
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from http.cookiejar import CookieJar
from typing import Any, NamedTuple

from pydantic import SecretStr

from reconciler.errors import EffectFailed, PermanentFailure, TemporaryFailure
from reconciler.translation import marked

_SECONDS = 60.0
"""For one request. A trial login to a mail server that does not answer takes OX about half a minute."""
_LONGEST = 4 * 1024 * 1024
_AGENT = "reconciler"
"""The same in every request: the names of the session cookies depend on it."""
_WRONG_PLACE = "check `openxchange.web_url`: it must end in /ajax/ or /appsuite/api/"

BY_HAND = marked("attach the old mailbox by hand in the OX web interface, logged in as the person")
RESUME = "`reconciler resume` goes on from here"


class WebFailure(NamedTuple):
    """A known error: our message, what to do. A temporary one may be tried again."""

    message: str
    hint: str
    temporary: bool = False


_NOT_YET = WebFailure("the web interface of OX is not ready: {reason}", f"when it is, {RESUME}", temporary=True)
_NO_HOST = WebFailure(
    "OX cannot use the mail server of the site file: {reason}",
    f"look at `openxchange.imap` and `openxchange.smtp`: OX itself must be able to reach them; then {RESUME}",
)

# by code (facts/open-xchange.md 6); {words}: `login`, `old`, `user`, `url` and `reason`, the server's English sentence
KNOWN = {
    "LGI-0006": WebFailure(
        "the web interface of OX does not let {login} in with the new password",
        f"log in at {{url}} by hand: if it wants another name than the OX login, {BY_HAND}",
    ),
    "LGI-0011": WebFailure("OX says that the password of {login} is expired", "changeuser --password_expired false"),
    "LGI-0013": WebFailure("{login} is shut out of OX", f"changeuser -i {{user}} --mailenabled true; then {RESUME}"),
    "LGI-0028": WebFailure("OX saw too many logins of {login}", f"wait some minutes; then {RESUME}"),
    "LGI-0002": _NOT_YET,
    "LGI-0005": _NOT_YET,
    "LGI-0010": _NOT_YET,
    "SES-0203": WebFailure("the web session of {login} ended early", RESUME, temporary=True),
    "ACC-0014": WebFailure(
        "{login} may not have more than one mail account in OX",
        f"changeuser -i {{user}} --access-multiple-mail-accounts on; then {RESUME}",
    ),
    "ACC-0005": _NO_HOST,
    "ACC-0019": _NO_HOST,
    "ACC-0025": _NO_HOST,
    "ACC-0020": WebFailure(
        "OX cannot log in to the old mailbox {old}: {reason}",
        f"does its IMAP server take the new password? Then {RESUME}",
        temporary=True,
    ),
    "ACC-0021": _NO_HOST,
}

OTHER = WebFailure("OX does not attach the old mailbox {old}: {reason}", f"look into the log of OX; or {BY_HAND}")

DUPLICATES = frozenset({"ACC-0015", "ACC-0017"})
"""It exists already: the list shows it."""
REFUSED_TRIALS = frozenset({"ACC-0020", "ACC-0021", "ACC-0025"})
"""Warnings after a trial login; some versions of OX create the account all the same (facts 11)."""

Answer = dict[str, Any]


class WebError(Exception):
    """A refusal by OX. `code` is like ACC-0015."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(code)
        self.code = code
        self.text = text


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


class Web:
    """A session of one person. Every method raises WebError or EffectFailed."""

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
        """The session while the block runs; ended whatever happens in it."""
        form = urllib.parse.urlencode({"name": name, "password": password.get_secret_value(), "client": _AGENT})
        kind = "application/x-www-form-urlencoded"
        answer = self._ask("login", {"action": "login"}, "POST", form.encode("ascii"), kind)
        if not isinstance(answer.get("session"), str):
            raise PermanentFailure(f"{self._url} does not answer a login as OX does", hint=_WRONG_PLACE)
        self._session = answer["session"]
        try:
            yield
        finally:
            with suppress(WebError, EffectFailed):  # the session ends by itself in a while; what was done is done
                self.get("login", "logout")

    def get(self, module: str, action: str, **parameters: str) -> Answer:
        return self._ask(module, {"action": action, "session": self._session, **parameters}, "GET")

    def put(self, module: str, action: str, body: Mapping[str, object] | Sequence[object]) -> Answer:
        """The answer may hold a warning as `error` beside `data`."""
        text = json.dumps(body).encode("ascii")
        return self._ask(module, {"action": action, "session": self._session}, "PUT", text, "text/javascript")

    def _ask(
        self, module: str, parameters: Mapping[str, str], method: str, body: bytes | None = None, kind: str = ""
    ) -> Answer:
        address = f"{self._url}{module}?{urllib.parse.urlencode(parameters)}"
        headers = {"Content-Type": f"{kind}; charset=UTF-8"} if kind else {}
        return _read(self._send(urllib.request.Request(address, body, headers, method=method)), self._url)

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
        raise WebError(str(answer.get("code", "")), error_text(answer))
    return answer


def error_text(answer: Mapping[str, Any]) -> str:
    """The text of an error or a warning, in English, on one bounded line, with its code."""
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
        hint = "give the server a valid certificate; we do not send passwords to it else"
        return PermanentFailure(message, hint=hint)
    return TemporaryFailure(f"{url} cannot be reached: {reason}", hint="is the web server of OX running?")
