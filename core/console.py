"""`graft`, the command an installed Graft brings: alone it opens the app, with a verb it is the command line.

    graft [--port N] [--address A]
    graft VERB ...

The app works in the folder named by GRAFT_WORKSPACE, default `workspace` where the command is called.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import NoReturn

from core.cli import build_parser, run
from core.serving.address import open_app
from core.workspace import Workspace


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
    open_app(parsed.port, parsed.address)


if __name__ == "__main__":
    sys.exit(main())
