"""What stands before the app, asked as a server asks it."""

from __future__ import annotations

import asyncio
from collections.abc import MutableMapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlencode

import pytest

from core.errors import InputError
from core.serving.address import door_for, is_this_machine, own_names
from core.serving.guard import COOKIE, Guard
from core.serving.passwords import WRONG, Door, Secret, load_secret, save_secret
from core.workspace import Workspace

PASSWORD = "a long password"
SECRET = Secret.of(PASSWORD)
Sent = list[MutableMapping[str, Any]]


def ask(guard: Guard, path: str = "/", *, kind: str = "http", method: str = "GET", body: bytes = b"",
        client: str = "10.0.0.7", **headers: str) -> Sent:  # fmt: skip
    """What is sent back for one call; the app behind the guard says "inside"."""
    sent: Sent = []
    scope = {
        "type": kind, "path": path, "method": method, "client": (client, 5),
        "headers": [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()],
    }  # fmt: skip

    async def receive() -> MutableMapping[str, Any]:
        return {"type": f"{kind}.connect" if kind == "websocket" else "http.request", "body": body}

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    with ThreadPoolExecutor(1) as pool:  # a browser of another test may hold this thread's event loop
        pool.submit(lambda: asyncio.run(guard(scope, receive, send))).result()
    return sent


async def inside(scope: MutableMapping[str, Any], _receive: Any, send: Any) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.accept"})
        return
    await send({"type": "http.response.start", "status": 200, "headers": [(b"x-frame-options", b"ALLOWALL")]})
    await send({"type": "http.response.body", "body": b"inside"})


def headers_of(sent: Sent) -> dict[str, str]:
    return {name.decode(): value.decode() for name, value in sent[0]["headers"]}


def log_in(guard: Guard, password: str, **more: str) -> Sent:
    body = urlencode({"password": password}).encode()
    return ask(guard, "/login", method="POST", body=body, host="lab:8501", origin="http://lab:8501", **more)


def test_every_answer_forbids_frames_and_other_servers() -> None:
    found = headers_of(ask(Guard(inside)))
    assert found["x-frame-options"] == "DENY"
    assert found["x-content-type-options"] == "nosniff"
    assert found["referrer-policy"] == "same-origin"
    assert "default-src 'self'" in found["content-security-policy"]
    assert "http:" not in found["content-security-policy"]


@pytest.mark.parametrize(
    ("origin", "accepted"),
    [
        ("http://localhost:8501", True),
        ("http://localhost:9999", False),
        ("http://evil.example", False),
        ("null", False),
        ("", False),
        (None, True),
    ],
)
def test_the_socket_is_for_pages_of_this_very_server(origin: str | None, accepted: bool) -> None:
    given = {} if origin is None else {"origin": origin}
    sent = ask(Guard(inside), "/_stcore/stream", kind="websocket", host="localhost:8501", **given)
    assert (sent[0]["type"] == "websocket.accept") is accepted


@pytest.mark.parametrize("path", ["/", "/media/a.png", "/_stcore/upload_file/x/y", "/_stcore/host-config", "/static/a"])
def test_without_a_session_nothing_is_served(path: str) -> None:
    guard = Guard(inside, door=Door(SECRET))
    page, other = ask(guard, path, accept="text/html"), ask(guard, path, method="PUT")
    assert (page[0]["status"], headers_of(page)["location"]) == (303, "/login")
    assert other[0]["status"] == 401
    assert b"inside" not in page[1]["body"] + other[1]["body"]
    socket = ask(guard, "/_stcore/stream", kind="websocket", host="lab:8501", origin="http://lab:8501")
    assert socket[0]["type"] == "websocket.close"
    forged = ask(guard, path, cookie=f"{COOKIE}=made-up")
    assert forged[0]["status"] == 401


def test_the_password_opens_pages_and_socket_until_one_leaves() -> None:
    guard = Guard(inside, door=Door(SECRET), tls=True)
    assert b"Password" in ask(guard, "/login")[1]["body"]
    answer = log_in(guard, PASSWORD)
    assert answer[0]["status"] == 303
    cookie = headers_of(answer)["set-cookie"]
    assert all(part in cookie for part in ("HttpOnly", "SameSite=Strict", "Secure"))
    session = cookie.partition(";")[0]
    assert ask(guard, cookie=session)[1]["body"] == b"inside"
    stream = {"host": "lab:8501", "origin": "http://lab:8501", "cookie": session}
    assert ask(guard, "/_stcore/stream", kind="websocket", **stream)[0]["type"] == "websocket.accept"
    stream["origin"] = "http://lab:9000"
    assert ask(guard, "/_stcore/stream", kind="websocket", **stream)[0]["type"] == "websocket.close"
    ask(guard, "/logout", cookie=session)
    assert ask(guard, cookie=session)[0]["status"] == 401


def test_ten_wrong_passwords_lock_an_address_out_and_no_other() -> None:
    guard = Guard(inside, door=Door(SECRET))
    for _ in range(WRONG):
        assert log_in(guard, "a wrong password")[0]["status"] == 401
    assert log_in(guard, PASSWORD)[0]["status"] == 429
    assert log_in(guard, PASSWORD, x_forwarded_for="1.2.3.4")[0]["status"] == 429, "no proxy was named"
    body = urlencode({"password": PASSWORD}).encode()
    other = ask(guard, "/login", method="POST", body=body, client="10.0.0.8")
    assert other[0]["status"] == 303


def test_behind_a_proxy_its_clients_are_told_apart() -> None:
    guard = Guard(inside, door=Door(SECRET), proxy=True)
    for _ in range(WRONG):
        log_in(guard, "a wrong password", x_forwarded_for="9.9.9.9, 1.2.3.4")
    assert log_in(guard, PASSWORD, x_forwarded_for="8.8.8.8, 1.2.3.4")[0]["status"] == 429
    assert log_in(guard, PASSWORD, x_forwarded_for="1.2.3.5")[0]["status"] == 303


def test_a_form_from_elsewhere_and_a_long_one_come_to_nothing() -> None:
    guard = Guard(inside, door=Door(SECRET))
    body = urlencode({"password": PASSWORD}).encode()
    strange = ask(guard, "/login", method="POST", body=body, host="lab:8501", origin="http://evil.example")
    assert strange[0]["status"] == 403
    assert ask(guard, "/login", method="POST", body=b"password=" + b"x" * 100_000)[0]["status"] == 401


@pytest.mark.parametrize(
    ("host", "known"), [("lab:8501", True), ("LAB", True), ("[::1]:8501", True), ("evil.example", False), ("", False)]
)
def test_it_answers_to_its_own_names_only(host: str, known: bool) -> None:
    guard = Guard(inside, door=Door(SECRET), hosts=["lab", "[::1]"])
    assert (ask(guard, "/login", host=host)[0]["status"] == 421) is not known


def test_the_health_check_needs_no_password() -> None:
    assert ask(Guard(inside, door=Door(SECRET)), "/_stcore/health")[1]["body"] == b"inside"


def test_the_password_is_kept_as_a_salted_hash(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GRAFT_PASSWORD", raising=False)
    assert load_secret(workspace) is None
    path = save_secret(workspace, SECRET)
    assert PASSWORD not in path.read_text()
    assert path.stat().st_mode & 0o077 == 0
    loaded = load_secret(workspace)
    assert loaded is not None
    assert loaded.fits(PASSWORD)
    assert not loaded.fits(PASSWORD + "x")
    assert Secret.of(PASSWORD).digest != SECRET.digest
    with pytest.raises(InputError, match="10 characters"):
        Secret.of("short")


def test_beyond_this_machine_there_is_no_door_without_a_password(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GRAFT_PASSWORD", raising=False)
    assert door_for(workspace, "127.0.0.1") is None
    for address in ("0.0.0.0", "::", "192.168.1.5", "lab.example", None):
        with pytest.raises(InputError, match="password"):
            door_for(workspace, address)
    save_secret(workspace, SECRET)
    assert door_for(workspace, "0.0.0.0") is not None


@pytest.mark.parametrize(
    ("address", "here"),
    [("127.0.0.1", True), ("localhost", True), ("::1", True), ("127.8.8.8", True), ("0.0.0.0", False), ("lab", False)],
)
def test_which_addresses_stay_on_this_machine(address: str, here: bool) -> None:
    assert is_this_machine(address) is here


def test_all_addresses_are_named_one_by_one() -> None:
    assert own_names("192.168.1.5") == ["192.168.1.5"]
    assert "127.0.0.1" in own_names("0.0.0.0")
    assert "0.0.0.0" not in own_names("0.0.0.0")
