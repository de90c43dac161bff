"""`serve` and `password`: the app for a laboratory, on an address of its network, behind a shared password."""

from __future__ import annotations

import argparse
import getpass
import sys
from pathlib import Path
from typing import Any

from core.errors import InputError
from core.verbs.verb import Add
from core.workspace import Workspace


def register(add: Add) -> None:
    """Add the verbs of serving."""
    verb = add("serve", _serve, "Open the app to a network, behind a password.")
    verb.add_argument("--host", default="127.0.0.1", metavar="ADDRESS", help="address to listen on; 0.0.0.0: on all")
    verb.add_argument("--port", type=int, default=None, help="port (default 8501)")
    verb.add_argument("--cert", type=Path, default=None, metavar="PEM", help="TLS certificate")
    verb.add_argument("--key", type=Path, default=None, metavar="PEM", help="key of the TLS certificate")
    verb.add_argument("--behind-proxy", action="store_true", help="a proxy with TLS stands before the app")
    verb.add_argument("--name", action="append", default=[], help="name by which browsers reach it; may be repeated")

    add("password", _password, "Set the password of the workspace for `serve`; it is asked for, or read from stdin.")


def _serve(parsed: argparse.Namespace, workspace: Workspace) -> dict[str, Any]:
    from core.serving.address import serve

    serve(
        workspace, parsed.host, parsed.port, certificate=parsed.cert, key=parsed.key, proxy=parsed.behind_proxy,
        names=parsed.name,
    )  # fmt: skip


def _password(_parsed: argparse.Namespace, workspace: Workspace) -> dict[str, Any]:
    from core.serving.passwords import Secret, save_secret

    if sys.stdin.isatty():
        first = getpass.getpass("New password: ")
        if getpass.getpass("Once more: ") != first:
            raise InputError("The two differ; nothing was changed.")
    else:
        first = sys.stdin.readline().rstrip("\n")
    path = save_secret(workspace, Secret.of(first))
    return {"file": str(path), "words": f"The password is kept as a salted hash in {path}."}
