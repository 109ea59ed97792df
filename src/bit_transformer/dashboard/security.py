"""The guard in front of every request: who asks, from where, and how much.

It stands before the application, so that no route can be forgotten. What it refuses:

- a Host that is not this server's, which is how a name of someone else's is bound to 127.0.0.1;
- requests of the interface that a page of another origin caused (``Sec-Fetch-Site``), and unsafe
  ones whose ``Origin`` is not this server;
- without the token, if there is one, all of the interface but its status and signing in;
- JSON bodies that are too large, too slow, or not called JSON, which no form of another page
  can send.

Answers get the headers that keep a browser from loading, framing or guessing anything.
"""

import asyncio
import contextlib
import hashlib
import hmac
import http.cookies
import json
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from bit_transformer.dashboard.config import DashboardConfig
from bit_transformer.dashboard.failures import answer_of, status_of
from bit_transformer.errors import DashboardError

__all__ = ["SAFE_HEADERS", "Guard", "SignIn"]

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

_SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
_BODY_LIMIT_S = 30.0
_REST_LIMIT_S = 20.0
_REST_LIMIT_BYTES = 1 << 29
_OPEN_PATHS = ("/api/v1/status", "/api/v1/session")
_STREAMED_PATH = "/api/v1/uploads"
_API = "/api/"
_TOOLS = "/mcp"

_CONTENT_POLICY = (
    "default-src 'self'; img-src 'self' data: blob:; style-src 'self' 'unsafe-inline'; "
    "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)

SAFE_HEADERS = {
    "content-security-policy": _CONTENT_POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
"""Headers of every answer."""


class SignIn:
    """Whether a request knows the token: in its header, or in the cookie that signing in sets.

    The cookie is derived from the token, so that it outlives a restart with the same token and
    does not give the token away.
    """

    _MOST_FAILURES = 20
    _WINDOW_S = 60.0

    def __init__(self, token: str | None, port: int) -> None:
        self._token = token
        self.cookie_name = f"bit_transformer_{port}"
        self._failures: list[float] = []

    @property
    def is_needed(self) -> bool:
        """Whether there is a token at all."""
        return self._token is not None

    @property
    def cookie(self) -> str:
        """What the cookie holds."""
        key = (self._token or "").encode()
        return hmac.new(key, b"dashboard cookie", hashlib.sha256).hexdigest()

    def check(self, token: str) -> None:
        """Accept the token, or refuse it.

        Raises:
            DashboardError: it is wrong, or too many wrong ones came in the last minute.
        """
        now = time.monotonic()
        self._failures = [at for at in self._failures if now - at < self._WINDOW_S]
        if len(self._failures) >= self._MOST_FAILURES:
            raise DashboardError(
                "there were too many wrong tokens; wait a minute, then try again",
                status=429,
                kind="TokenError",
                fallbacks=("sign_in",),
            )
        if not self._is_token(token):
            self._failures.append(now)
            raise DashboardError(
                "this is not the dashboard's token; copy it from the terminal that started it",
                status=401,
                kind="TokenError",
                fallbacks=("sign_in",),
            )

    def knows(self, headers: dict[str, str]) -> bool:
        """Whether the request with these headers is signed in."""
        if not self.is_needed:
            return True
        scheme, _, given = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and self._is_token(given.strip()):
            return True
        morsel = _cookies(headers.get("cookie", "")).get(self.cookie_name)
        return morsel is not None and _same(morsel, self.cookie)

    def _is_token(self, given: str) -> bool:
        return self._token is not None and _same(given, self._token)


class Guard:
    """An ASGI application around another one, which lets through what is allowed."""

    def __init__(self, app: App, *, config: DashboardConfig, sign_in: SignIn) -> None:
        self._app = app
        self._config = config
        self._sign_in = sign_in

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return
        headers = _headers(scope)
        body = _Body(receive, is_awaited="expect" in headers)
        receive = body.receive
        send = body.read_before_errors(_with_headers(scope["path"], send))
        try:
            self._check(scope, headers)
            receive = await self._with_limits(scope, headers, receive)
        except DashboardError as error:
            await _refuse(error, send)
            return
        await self._app(scope, receive, send)

    def _check(self, scope: Scope, headers: dict[str, str]) -> None:
        self._check_host(headers)
        path, method = scope["path"], scope["method"]
        is_api = path.startswith((_API, _TOOLS))
        site = headers.get("sec-fetch-site", "none")
        if (is_api or method not in _SAFE_METHODS) and site not in ("none", "same-origin"):
            raise _cross_origin(f"this request comes from another site ({site})")
        if method not in _SAFE_METHODS:
            _check_origin(scope, headers)
        if is_api and path not in _OPEN_PATHS and not self._sign_in.knows(headers):
            raise DashboardError(
                "this dashboard asks for a token; sign in with it, or send it as "
                "'Authorization: Bearer TOKEN'",
                status=401,
                kind="TokenError",
                fallbacks=("sign_in",),
            )

    def _check_host(self, headers: dict[str, str]) -> None:
        host = headers.get("host", "")
        name = host.rpartition(":")[0] if host.rpartition(":")[2].isdecimal() else host
        listening = self._config.host
        allowed = {"localhost", "127.0.0.1", "[::1]", listening, f"[{listening}]"}
        if self._config.token is not None and not self._config.is_local:
            return  # any name may lead here, and the token keeps strangers out
        if name.lower() not in allowed:
            raise DashboardError(
                f"{host[:100]!r} is no name of this dashboard; open it as "
                f"http://{listening}:{self._config.port}/",
                status=421,
                kind="HostError",
            )

    async def _with_limits(
        self, scope: Scope, headers: dict[str, str], receive: Receive
    ) -> Receive:
        """A way to receive the body, which has been read already unless it is an upload's."""
        path, method = scope["path"], scope["method"]
        if method in _SAFE_METHODS:
            return receive
        if path == _STREAMED_PATH and method == "POST":
            _check_type(headers, "application/octet-stream")
            return receive
        length = headers.get("content-length", "")
        limit = self._config.max_body_bytes
        if length.isdecimal() and int(length) > limit:
            raise _too_large(limit)
        body = await _read(receive, limit)
        if body:
            _check_type(headers, "application/json")
        return _replay(body, receive)


class _Body:
    """One request's body, whose rest is read and thrown away before the request is refused.

    A server that answers and closes while the client is still sending makes the client's system
    drop the answer ("connection reset"): the reason would be lost with it.
    """

    def __init__(self, receive: Receive, *, is_awaited: bool) -> None:
        """``is_awaited``: the client sends its body only when asked, and so need not be asked."""
        self._receive = receive
        self._is_over = is_awaited

    async def receive(self) -> Message:
        """The next message."""
        message = await self._receive()
        self._is_over = not message.get("more_body", False)
        return message

    def read_before_errors(self, send: Send) -> Send:
        """``send``, but for what an answer of an error waits for."""

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] >= 400:
                await self._finish()
            await send(message)

        return sending

    async def _finish(self) -> None:
        num_bytes = 0
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_REST_LIMIT_S):
                while not self._is_over and num_bytes <= _REST_LIMIT_BYTES:
                    num_bytes += len((await self.receive()).get("body", b""))


def _check_origin(scope: Scope, headers: dict[str, str]) -> None:
    origin = headers.get("origin")
    if origin is None:
        return
    here = f"{scope.get('scheme', 'http')}://{headers.get('host', '')}"
    if origin.lower() != here.lower():
        raise _cross_origin(f"this request was made by a page of {origin[:100]!r}")


def _check_type(headers: dict[str, str], wanted: str) -> None:
    given = headers.get("content-type", "").partition(";")[0].strip().lower()
    if given != wanted:
        raise DashboardError(
            f"the body is called {given[:100] or 'nothing'!r}; send it with Content-Type: {wanted}",
            status=415,
            kind="ContentTypeError",
        )


async def _read(receive: Receive, limit: int) -> bytes:
    """The whole body."""
    parts, size, deadline = [], 0, time.monotonic() + _BODY_LIMIT_S
    while True:
        try:
            message = await asyncio.wait_for(receive(), max(0.0, deadline - time.monotonic()))
        except TimeoutError as error:
            raise DashboardError(
                f"the body did not come within {_BODY_LIMIT_S:.0f} s; try again",
                status=408,
                kind="TimeoutError",
                fallbacks=("retry",),
            ) from error
        if message["type"] == "http.disconnect":
            return b"".join(parts)
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > limit:
            raise _too_large(limit)
        if not message.get("more_body", False):
            return b"".join(parts)


def _replay(body: bytes, receive: Receive) -> Receive:
    waiting = [{"type": "http.request", "body": body, "more_body": False}]

    async def replayed() -> Message:
        return waiting.pop() if waiting else await receive()

    return replayed


def _with_headers(path: str, send: Send) -> Send:
    cache = b"no-store" if path.startswith(_API) else b"no-cache"

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = list(message.get("headers", []))
            there = {name for name, _ in headers}
            safe = [(name.encode(), value.encode()) for name, value in SAFE_HEADERS.items()]
            headers += [pair for pair in (*safe, (b"cache-control", cache)) if pair[0] not in there]
            message = {**message, "headers": headers}
        await send(message)

    return sending


async def _refuse(error: DashboardError, send: Send) -> None:
    body = json.dumps(answer_of(error)).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": status_of(error), "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _headers(scope: Scope) -> dict[str, str]:
    return {
        name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]
    }


def _cookies(text: str) -> dict[str, str]:
    jar = http.cookies.SimpleCookie()
    try:
        jar.load(text)
    except http.cookies.CookieError:
        return {}
    return {name: morsel.value for name, morsel in jar.items()}


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(errors="replace"), other.encode(errors="replace"))


def _cross_origin(what: str) -> DashboardError:
    return DashboardError(
        f"{what}; use the dashboard's own page, or a program that sends no Origin",
        status=403,
        kind="CrossOriginError",
        fallbacks=("reload",),
    )


def _too_large(limit: int) -> DashboardError:
    return DashboardError(
        f"the request is larger than {limit:,} bytes; upload the data as a file instead",
        status=413,
        kind="TooLargeError",
        fallbacks=("upload", "shorter"),
    )
