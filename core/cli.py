"""The command line: the same road as the dashboard; the verbs are in `core/verbs`.

Every verb takes `--json`: then one JSON object goes to stdout and everything else to stderr. Exit codes: 0 done,
2 the input is unusable (one line says why and what to do), 1 anything else.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from typing import NoReturn

from core.errors import GraftError, InputError
from core.verbs import data, delivery, evaluation, experiments, models, plan, training
from core.verbs.verb import Verb
from core.workspace import Workspace

ROOMS = (data, models, training, evaluation, plan, experiments, delivery)
"""The modules that add verbs, in the order the help lists them."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise InputError(f"{message}. `python -m core {self.prog.split()[-1]} --help` shows how to call it.")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb; return the exit code."""
    try:
        parsed = _parser().parse_args(arguments)
        answer = parsed.verb(parsed, Workspace.current())
    except InputError as error:
        print(f"graft: {error}", file=sys.stderr)
        return 2
    except GraftError as error:
        print(f"graft: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("graft: stopped waiting; what runs goes on (`python -m core runs`).", file=sys.stderr)
        return 1
    words = answer.pop("words", None)
    failed = answer.pop("failed", False)
    print(json.dumps(answer, ensure_ascii=False, default=str) if parsed.json else words or json.dumps(answer, indent=2))
    return 1 if failed else 0


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="python -m core", description="Graft without the browser: import, train, evaluate, predict.")
    verbs = parser.add_subparsers(title="verbs", required=True, metavar="VERB")

    def add(name: str, verb: Verb, help_text: str) -> argparse.ArgumentParser:
        added = verbs.add_parser(name, help=help_text, description=help_text)
        added.add_argument("--json", action="store_true", help="print one JSON object on stdout")
        added.set_defaults(verb=verb)
        return added

    for room in ROOMS:
        room.register(add)
    return parser
