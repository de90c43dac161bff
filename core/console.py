"""`graft`, the command an installed Graft brings: alone it opens the app, with a verb it is the command line.

    graft [--port N] [--address A]
    graft VERB ...

The app works in the folder named by GRAFT_WORKSPACE, default `workspace` where the command is called.
"""

from __future__ import annotations

import argparse
import runpy
import sys
from collections.abc import Sequence
from typing import NoReturn

from core.cli import build_parser, run
from core.errors import GraftError
from core.processes.lifetime import PROJECT
from core.workspace import Workspace

APP = PROJECT / "streamlit_app.py"
"""What Streamlit serves; it reads the theme from `.streamlit/config.toml` beside this file."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Open the app or run one verb; return the exit code."""
    parser = build_parser("graft", verb_required=False)
    parser.usage = "graft [--port N] [--address A]   (opens the app)\n       graft VERB ...   (runs one verb)"
    parser.description = "Transfer learning for people who know their images and write no code."
    parser.add_argument("--port", type=int, metavar="N", help="port of the app (default 8501, or the next free one)")
    parser.add_argument(
        "--address", metavar="A", help="address the app listens on (default 127.0.0.1: this machine only)"
    )
    parser.set_defaults(verb=_open_app)
    return run(parser, arguments)


def _open_app(parsed: argparse.Namespace, _workspace: Workspace) -> NoReturn:
    """Serve the app in this process until it is stopped; what Streamlit reads from its environment holds as well."""
    if not APP.is_file():
        raise GraftError(f"The app's file {APP} is missing; install Graft again.")
    options = [("--server.port", parsed.port), ("--server.address", parsed.address)]
    given = [text for name, value in options if value is not None for text in (name, str(value))]
    sys.argv = ["streamlit", "run", str(APP), *given]
    runpy.run_module("streamlit", run_name="__main__", alter_sys=True)
    raise SystemExit(0)


if __name__ == "__main__":
    sys.exit(main())
