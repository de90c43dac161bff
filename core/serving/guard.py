"""What stands before the app: headers on every answer, no socket for strange pages, and a login beyond this machine."""

from __future__ import annotations

import asyncio
import html
from collections.abc import Awaitable, Callable, Collection, MutableMapping
from http import HTTPStatus
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qs, urlsplit

from core.serving.passwords import LOCKED_SECONDS, SESSION_SECONDS, Door
from core.words import duration

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

COOKIE = "graft_session"
HEALTH = "/_stcore/health"
"""Answers "ok" and nothing of the workspace: a container's health check asks it without a password."""
MOST_BYTES = 4_096
"""Of a login form."""
HEADERS = {
    "content-security-policy": "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; media-src 'self' data: blob:; "
    "font-src 'self' data:; connect-src 'self' data: blob:; worker-src 'self' blob:; object-src 'none'; "
    "base-uri 'self'; form-action 'self'; frame-ancestors 'none'",
    "x-frame-options": "DENY",
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",  # "no-referrer" would hide from the login where its own form comes from
}
"""Streamlit's own page needs inline scripts and styles; nothing is taken from, or sent to, another server."""


class Guard:
    """ASGI middleware; without a `door` everybody who reaches the address comes in, as on this machine alone."""

    def __init__(
        self,
        app: App,
        *,
        door: Door | None = None,
        proxy: bool = False,
        tls: bool = False,
        hosts: Collection[str] = (),
    ) -> None:
        """`hosts` are the names the app answers to, without ports; all when there are none.

        `proxy`: addresses and host are those it forwards; `tls`: the cookie is for encrypted connections only.
        """
        self.app, self.door, self.proxy, self.tls, self.hosts = app, door, proxy, tls, hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or hand the call on."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        if scope["type"] == "websocket":
            if not self._same_origin(headers) or not self._is_in(headers):
                await receive()
                await send({"type": "websocket.close", "code": 1008})
                return
            await self.app(scope, receive, send)
            return
        guarded = _with_headers(send)
        if self.hosts and _without_port(headers.get("host", "")) not in self.hosts and not self.proxy:
            await _answer(guarded, HTTPStatus.MISDIRECTED_REQUEST, "This server does not go by that name.")
            return
        if self.door is not None and (scope["path"] in ("/login", "/logout") or not self._is_in(headers)):
            await self._at_the_door(self.door, scope, headers, receive, guarded)
            return
        await self.app(scope, receive, guarded)

    def _is_in(self, headers: dict[str, str]) -> bool:
        return self.door is None or self.door.knows(_token(headers))

    def _same_origin(self, headers: dict[str, str]) -> bool:
        """Say whether a browser's page comes from this very server: same name and same port. Programs name no page."""
        origin = headers.get("origin")
        if origin is None:
            return True
        hosts = [headers.get("host", ""), headers.get("x-forwarded-host", "") if self.proxy else ""]
        place = urlsplit(origin).netloc.lower()
        return bool(place) and place in [host.lower() for host in hosts]

    def _address(self, scope: Scope, headers: dict[str, str]) -> str:
        forwarded = headers.get("x-forwarded-for", "") if self.proxy else ""
        return forwarded.rpartition(",")[2].strip() or str((scope.get("client") or ("unknown",))[0])

    async def _at_the_door(
        self, door: Door, scope: Scope, headers: dict[str, str], receive: Receive, send: Send
    ) -> None:
        if scope["path"] == HEALTH:
            await self.app(scope, receive, send)
        elif scope["path"] == "/logout":
            door.leave(_token(headers))
            await _answer(send, HTTPStatus.SEE_OTHER, "", {"location": "/login", "set-cookie": f"{COOKIE}=; Max-Age=0"})
        elif scope["path"] != "/login":
            if scope["method"] == "GET" and "text/html" in headers.get("accept", ""):
                await _answer(send, HTTPStatus.SEE_OTHER, "", {"location": "/login"})
            else:
                await _answer(send, HTTPStatus.UNAUTHORIZED, "Log in first.")
        elif scope["method"] == "POST":
            await self._log_in(door, self._address(scope, headers), headers, receive, send)
        else:
            await _answer(send, HTTPStatus.OK, _page())

    async def _log_in(self, door: Door, address: str, headers: dict[str, str], receive: Receive, send: Send) -> None:
        if door.is_locked(address):
            wait = f"Too many wrong passwords: wait {duration(LOCKED_SECONDS)}."
            await _answer(send, HTTPStatus.TOO_MANY_REQUESTS, _page(wait))
            return
        if not self._same_origin(headers):
            await _answer(send, HTTPStatus.FORBIDDEN, _page("The form must come from this address."))
            return
        body = await _body(receive)
        password = parse_qs(body.decode("utf-8", "replace")).get("password", [""])[0]
        token = await asyncio.to_thread(door.enter, address, password)
        if token is None:
            await _answer(send, HTTPStatus.UNAUTHORIZED, _page("This is not the password."))
            return
        cookie = f"{COOKIE}={token}; Path=/; HttpOnly; SameSite=Strict; Max-Age={SESSION_SECONDS:.0f}"
        place = {"location": "/", "set-cookie": cookie + ("; Secure" if self.tls else "")}
        await _answer(send, HTTPStatus.SEE_OTHER, "", place)


def _without_port(host: str) -> str:
    """Return the name in a Host header, an IPv6 address in its brackets."""
    name, _, port = host.lower().rpartition(":")
    return name if name and port.isdigit() else host.lower()


def _token(headers: dict[str, str]) -> str:
    try:
        found = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return ""
    return found.value if found else ""


async def _body(receive: Receive) -> bytes:
    """Return the body of a form, cut off where it is longer than a form can be."""
    body = b""
    while len(body) <= MOST_BYTES:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    return body[:MOST_BYTES]


def _with_headers(send: Send) -> Send:
    async def guarded(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            kept = [(name, value) for name, value in message.get("headers", []) if name.decode().lower() not in HEADERS]
            message["headers"] = [*kept, *((name.encode(), value.encode()) for name, value in HEADERS.items())]
        await send(message)

    return guarded


async def _answer(send: Send, status: HTTPStatus, text: str, headers: dict[str, str] | None = None) -> None:
    kind = "text/html; charset=utf-8" if text.startswith("<") else "text/plain; charset=utf-8"
    lines = {"content-type": kind, "cache-control": "no-store", **(headers or {})}
    start = [(name.encode(), value.encode()) for name, value in lines.items()]
    await send({"type": "http.response.start", "status": int(status), "headers": start})
    await send({"type": "http.response.body", "body": text.encode()})


def _page(error: str = "") -> str:
    told = f'<p role="alert" class="error">{html.escape(error)}</p>' if error else ""
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Graft: log in</title>
<style>
:root {{ color-scheme: light dark; --paper: #fbfaf6; --ink: #10140e; --leaf: #2b7a4b; --rule: #d9d5c7;
  --bad: #a3271b; }}
@media (prefers-color-scheme: dark) {{
  :root {{ --paper: #14170f; --ink: #efeee6; --leaf: #6cc08b; --rule: #3a3f33; --bad: #ff9d8f; }}
}}
body {{ background: var(--paper); color: var(--ink); font: 16px/1.5 Georgia, serif; display: grid; min-height: 100vh;
  place-items: center; margin: 0; }}
main {{ width: min(22rem, calc(100vw - 3rem)); }}
label, input, button {{ display: block; width: 100%; box-sizing: border-box; font: inherit; }}
input, button {{ padding: .6rem .7rem; margin-top: .4rem; border-radius: 6px; border: 1px solid var(--rule);
  background: transparent; color: inherit; }}
button {{ margin-top: 1rem; background: var(--leaf); color: var(--paper); border-color: var(--leaf); cursor: pointer; }}
:focus-visible {{ outline: 3px solid var(--leaf); outline-offset: 2px; }}
.error {{ color: var(--bad); }}
</style></head>
<body><main><h1>Graft</h1><form method="post" action="/login">{told}
<label for="password">Password of this workspace</label>
<input id="password" name="password" type="password" autocomplete="current-password" required autofocus>
<button>Log in</button></form></main></body></html>"""
