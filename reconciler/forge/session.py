"""One conversation with a forge over HTTP: bounded in time and size, careful with the token.

The token goes to the host of the API's URL and nowhere else: no redirect is followed. Certificates are checked against
the machine's authorities (with `ca_file` against that file's, too), not against those that httpx brings, since sites
add their own. Proxies are those of the environment.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from pathlib import Path
from threading import Thread
from typing import Any, NamedTuple, TypeVar
from urllib.parse import urlsplit

import httpx
from pydantic import BaseModel, SecretStr, TypeAdapter, ValidationError
from pydantic_core import from_json

from reconciler.errors import ForgeError, UsageError
from reconciler.forge.http_client import http_client
from reconciler.forge.job import setting
from reconciler.report.sanitize import clip, visible

T = TypeVar("T")

SECONDS = 30.0
"""For the whole conversation, waiting and second tries included."""
_AT_ONCE = 10.0
"""Seconds without a byte after which one request is given up."""
_TRIES = 4
_LONGEST_ANSWER = 64 * 1024 * 1024
_PER_PAGE = 50
"""Gitea gives no more at once."""
_MOST_PAGES = 200

_HINTS = {
    401: "the token is wrong, expired or revoked: set RECONCILER_FORGE_TOKEN anew (docs/forge.md)",
    403: "the token's user may not do this: see the rights that it needs in docs/forge.md",
    404: "project, merge request or issue is not there, or the token's user may not see it (docs/forge.md)",
    409: "look at the merge request: it may be locked or archived",
    423: "the project is archived: nobody can write there",
}
_AGAIN = "run this again in some minutes"
_UNREACHED = f"{_AGAIN}; {setting('url')}, HTTPS_PROXY and NO_PROXY say where it is looked for and how"
_UNTRUSTED = f"name the file of the authority that signed its certificate: {setting('ca')}"


class Answer(NamedTuple):
    """A good answer (2xx): its JSON and its headers."""

    data: Any
    headers: httpx.Headers


class Session:
    """Asks one forge until its time is up."""

    def __init__(
        self,
        name: str,
        url: str,
        token: SecretStr,
        header: Callable[[str], Mapping[str, str]],
        *,
        ca_file: Path | None = None,
        seconds: float = SECONDS,
    ) -> None:
        self._name = name
        self.url = url.rstrip("/")
        self._token = token
        self._end = time.monotonic() + seconds
        self._seconds = seconds
        self._client = http_client(
            urlsplit(url).hostname,
            headers={"User-Agent": "reconciler", "Accept": "application/json", **header(token.get_secret_value())},
            # reading the authorities takes a while
            verify=False if urlsplit(url).scheme == "http" else _authorities(ca_file),
        )

    def close(self) -> None:
        """Ends the connections."""
        self._client.close()

    def get(self, path: str, **params: str | int) -> Answer:
        """Reads; tried again while that may help."""
        return self._ask("GET", path, params=params)

    def send(self, method: str, path: str, body: Mapping[str, object]) -> Answer:
        """Writes. What may have been carried out is not tried again: the caller looks first (`uncertain`)."""
        return self._ask(method, path, json=body)

    def pages(self, path: str, **params: str | int) -> Iterator[Any]:
        """Each item of a list, of all pages. Some lists of Gitea have no pages and come whole each time: a page that
        brings nothing new is the end."""
        seen: set[str] = set()
        for page in range(1, _MOST_PAGES + 1):
            answer = self.get(path, per_page=_PER_PAGE, limit=_PER_PAGE, page=page, **params)
            if not isinstance(answer.data, list):
                raise self._error("answers with something that is no list")
            new = [item for item in answer.data if repr(item) not in seen]
            seen.update(map(repr, new))
            yield from new
            if not new or _last_page(answer.headers):
                return
        raise self._error(f"has more than {_MOST_PAGES * _PER_PAGE} items there: too many to look through")

    def parsed(self, model: type[BaseModel], data: object) -> Any:
        """`data` as this model. Raises ForgeError."""
        try:
            return TypeAdapter(model).validate_python(data)
        except ValidationError as error:
            where = ".".join(str(part) for part in error.errors()[0]["loc"])
            raise self._error(f"answers with something unexpected at {visible(where) or 'the top'}") from None

    def _ask(self, method: str, path: str, **how: Any) -> Answer:
        reads = method == "GET"
        for attempt in range(1, _TRIES + 1):
            try:
                return self._once(method, path, **how)
            except ForgeError as error:
                error.uncertain &= not reads  # what only reads leaves nothing to be found
                wait = error.retry_after if error.retry_after is not None else float(2 ** (attempt - 1))
                again = error.temporary and not error.uncertain
                if not again or attempt == _TRIES or time.monotonic() + wait >= self._end:
                    raise
            time.sleep(wait)
        raise AssertionError("the last attempt returns or raises")

    def _once(self, method: str, path: str, **how: Any) -> Answer:
        left = self._end - time.monotonic()
        if left <= 0:
            raise self._too_long()
        try:
            response, content = self._within(left, lambda: self._exchange(method, path, left, **how))
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError) as error:
            hint = _UNTRUSTED if "CERTIFICATE" in str(error) else _UNREACHED
            raise self._error(f"cannot be reached: {self._quoted(str(error))}", hint=hint, temporary=True) from None
        except (httpx.TransportError, httpx.DecodingError) as error:
            why = self._quoted(str(error)) or type(error).__name__
            raise self._error(f"broke off its answer: {why}", hint=_AGAIN, temporary=True, uncertain=True) from None
        except (httpx.InvalidURL, UnicodeError):  # of a proxy, too; its words may have a password
            raise self._error("cannot be asked: on the way there is a name that no host has", hint=_UNREACHED) from None
        return self._judged(response, content)

    def _exchange(self, method: str, path: str, left: float, **how: Any) -> tuple[httpx.Response, bytes]:
        with self._client.stream(method, self._address(path), timeout=min(_AT_ONCE, left), **how) as response:
            return response, self._read(response)

    def _within(self, seconds: float, call: Callable[[], T]) -> T:
        """Does it in a thread that nobody waits for longer than that. httpx begins to count anew with each byte, and a
        server may send one now and then."""
        ended: Future[T] = Future()

        def work() -> None:
            try:
                ended.set_result(call())
            except Exception as error:  # noqa: BLE001  # it is raised again where somebody waits for it
                ended.set_exception(error)

        Thread(target=work, daemon=True).start()
        try:
            return ended.result(timeout=seconds)
        except TimeoutError:
            raise self._too_long(uncertain=True) from None

    def _too_long(self, *, uncertain: bool = False) -> ForgeError:
        message = f"took longer than {self._seconds:g} s in all"
        return self._error(message, hint=_AGAIN, temporary=True, uncertain=uncertain)

    def _address(self, path: str) -> str:
        return self.url.rpartition("/")[0] + path[3:] if path.startswith("/../") else self.url + path

    def _read(self, response: httpx.Response) -> bytes:
        content = bytearray()
        for chunk in response.iter_bytes():
            content += chunk
            if len(content) > _LONGEST_ANSWER:
                raise self._error("answers with more than 64 MiB", uncertain=True)
        return bytes(content)

    def _judged(self, response: httpx.Response, content: bytes) -> Answer:
        status = response.status_code
        if response.is_redirect:
            where = self._quoted(response.headers.get("location", ""))
            message = f"sends us elsewhere, to {where}, and the token goes to no other place"
            raise self._error(message, hint=f"name the address of the API itself: {setting('url')}", status=status)
        if not response.is_success:
            raise self._refused(response, content)
        if status == httpx.codes.NO_CONTENT or not content:
            return Answer(None, response.headers)
        try:
            return Answer(from_json(content), response.headers)
        except ValueError:
            message = f"answers with something that is no JSON (status {status})"
            hint = f"is there a proxy or a login page in between? Name the address of the API: {setting('url')}"
            raise self._error(message, hint=hint, temporary=True, uncertain=True) from None

    def _refused(self, response: httpx.Response, content: bytes) -> ForgeError:
        status = response.status_code
        limited = _rate_limited(response)
        message = f"answers {status} {response.reason_phrase}".rstrip()
        if why := self._why(content):
            message += f": {why}"
        hint = "too many requests: run it again in some minutes" if limited else _HINTS.get(status, "")
        return self._error(
            message,
            hint=hint,
            status=status,
            temporary=limited or status >= 500 or status == 408,
            uncertain=status >= 500 or status == 408,
            retry_after=_retry_after(response.headers) if limited or status == 503 else None,
        )

    def _why(self, content: bytes) -> str:
        """What the forge says itself, in one line."""
        try:
            data = from_json(content)
        except ValueError:
            return ""
        said = (data.get("message") or data.get("error") or "") if isinstance(data, dict) else ""
        return self._quoted(said if isinstance(said, str) else repr(said))

    def _quoted(self, text: str) -> str:
        """Foreign words for a message: without the token, in one line, not too long."""
        token = self._token.get_secret_value()
        return clip(visible(text.replace(token, "…") if token else text), 200)

    def _error(self, message: str, **more: Any) -> ForgeError:
        return ForgeError(f"{self._name} ({self.url}) {message}", **more)


def _authorities(ca_file: Path | None) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if ca_file is not None:
        try:
            context.load_verify_locations(cafile=ca_file)
        except (OSError, ssl.SSLError) as error:
            why = error.strerror or "it holds no certificate"
            hint = f"correct {setting('ca')} or CI_SERVER_TLS_CA_FILE"
            raise UsageError(f"{ca_file} cannot be read as certificates: {why}", hint=hint) from None
    return context


def _last_page(headers: httpx.Headers) -> bool:
    """Whether the forge says that there is no further page: GitLab by `x-next-page`, GitHub and Gitea by `link`."""
    if "x-next-page" in headers:
        return not headers["x-next-page"].strip()
    return "link" in headers and 'rel="next"' not in headers["link"]


def _rate_limited(response: httpx.Response) -> bool:
    """GitHub says 403 for its limits, too: with `retry-after`, or with nothing left."""
    if response.status_code == httpx.codes.FORBIDDEN:
        return "retry-after" in response.headers or response.headers.get("x-ratelimit-remaining") == "0"
    return response.status_code == httpx.codes.TOO_MANY_REQUESTS


def _retry_after(headers: httpx.Headers) -> float | None:
    """Seconds to wait; None where the forge does not say."""
    if (after := headers.get("retry-after", "")).isdigit():
        return float(after)
    if (reset := headers.get("x-ratelimit-reset", "")).isdigit():
        return max(0.0, float(reset) - time.time())
    return None
