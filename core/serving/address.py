"""Where the app listens: this machine alone, or a network; and what is asked for before it does the latter."""

from __future__ import annotations

import ipaddress
import os
import runpy
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

import psutil

from core.errors import GraftError, InputError
from core.processes.starting import PROJECT
from core.serving.passwords import Door, load_secret
from core.workspace import Workspace

APP = PROJECT / "streamlit_app.py"
"""What Streamlit serves; it reads the theme from `.streamlit/config.toml` beside this file."""
PROXY = "GRAFT_BEHIND_PROXY"
"""Set for the server's process when a proxy stands before it."""
WITHOUT_LOCK = (
    "Beyond this machine the app needs a password: set one with `graft password`, then start it with "
    "`graft serve --host ADDRESS`. In a container set GRAFT_PASSWORD."
)


def is_this_machine(address: str | None) -> bool:
    """Say whether only programs of this machine reach an address the app listens on."""
    if address is None:
        return False  # all addresses
    number = _number(address)
    return address == "localhost" or (number is not None and number.is_loopback)


def door_for(workspace: Workspace, address: str | None) -> Door | None:
    """Return the door of an app that listens on an address, None on this machine alone.

    Raises InputError beyond this machine when there is no password.
    """
    if is_this_machine(address):
        return None
    secret = load_secret(workspace)
    if secret is None:
        raise InputError(WITHOUT_LOCK)
    return Door(secret)


def address_words(address: str | None) -> str:
    """Return an address the app listens on, as it is read."""
    return "all addresses of this machine" if address is None or _is_unspecified(address) else address


def _is_unspecified(address: str) -> bool:
    number = _number(address)
    return number is not None and number.is_unspecified


def _number(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Return an address as the number it is, None for a name."""
    try:
        return ipaddress.ip_address(address.strip("[]"))
    except ValueError:
        return None


def own_names(address: str) -> list[str]:
    """Return the names under which browsers reach an address: itself, or all of this machine's for 0.0.0.0 and ::."""
    if not _is_unspecified(address):
        return [address]
    families = (socket.AF_INET, socket.AF_INET6)
    found = [item.address.partition("%")[0] for card in psutil.net_if_addrs().values() for item in card
             if item.family in families]  # fmt: skip
    return list(dict.fromkeys([*(f"[{name}]" if ":" in name else name for name in found), socket.gethostname()]))


def serve(
    workspace: Workspace,
    host: str,
    port: int | None,
    *,
    certificate: Path | None = None,
    key: Path | None = None,
    proxy: bool = False,
    names: Sequence[str] = (),
) -> NoReturn:
    """Serve the app on an address of a network until it is stopped.

    Raises InputError without a password, and where it is not said how passwords are kept from being read on the way:
    a TLS certificate with its key, or a proxy that has one.
    """
    options: list[str] = []
    if not is_this_machine(host):
        door_for(workspace, host)
        if (certificate is None) != (key is None):
            raise InputError("TLS needs both files: --cert CERTIFICATE.pem and --key KEY.pem.")
        if certificate is None and not proxy:
            raise InputError(
                "Without TLS everybody on the network reads the password: give --cert and --key, or say "
                "--behind-proxy when a proxy with TLS stands before the app."
            )
        known = list(dict.fromkeys([*own_names(host), *names, "localhost", "127.0.0.1", "[::1]"]))
        for name in known:
            options += ["--server.allowedHosts", name, "--server.corsAllowedOrigins", f"http://{name}"]
        options += ["--browser.serverAddress", known[0]]
    if certificate is not None and key is not None:
        for path in (certificate, key):
            if not path.is_file():
                raise InputError(f"There is no file {path}; TLS needs a certificate and its key as PEM files.")
        options += ["--server.sslCertFile", str(certificate), "--server.sslKeyFile", str(key)]
    if proxy:
        os.environ[PROXY] = "1"
    open_app(port, host, options)


def open_app(port: int | None, address: str | None, options: Sequence[str] = ()) -> NoReturn:
    """Serve the app in this process until it is stopped; what Streamlit reads from its environment holds as well."""
    if not APP.is_file():
        raise GraftError(f"The app's file {APP} is missing; install Graft again.")
    given = [("--server.port", port), ("--server.address", address)]
    flags = [text for name, value in given if value is not None for text in (name, str(value))]
    sys.argv = ["streamlit", "run", str(APP), *flags, *options]
    runpy.run_module("streamlit", run_name="__main__", alter_sys=True)
    raise SystemExit(0)
