"""The command line: the same road as the dashboard; the verbs are in `core/verbs`.

Every verb takes `--json`: then one JSON object goes to stdout and everything else to stderr. Exit codes: 0 done,
2 the input is unusable (one line says why and what to do), 1 anything else.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn, TextIO

from core import __version__
from core.errors import GraftError, InputError, of_the_system, unforeseen
from core.files.answering import watching
from core.verbs import (
    data,
    delivery,
    demo,
    evaluation,
    experiments,
    labelling,
    licences,
    models,
    plan,
    serving,
    settings,
    training,
)
from core.verbs.verb import Verb
from core.workspace import Workspace, named_folder, workspace_folder

MODULE = "python -m core"
ROOMS = (data, labelling, models, training, evaluation, plan, experiments, delivery, serving, demo, settings, licences)
"""The modules that add verbs, in the order the help lists them."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise InputError(f"{message}. `{self.prog} --help` shows how to call it.")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb of `python -m core`; return the exit code."""
    return run(build_parser(MODULE), arguments)


def run(parser: argparse.ArgumentParser, arguments: Sequence[str] | None = None) -> int:
    """Run the verb that `arguments` name for a parser from `build_parser`; return the exit code.

    Texts that tell of another verb name it by `python -m core`; here they get the name the command was called by.
    """

    def say(text: object, file: TextIO) -> None:
        shown = str(text).replace(MODULE, parser.prog)
        print(shown.encode("utf-8", "replace").decode(), file=file)  # file names may hold bytes that are no UTF-8

    try:
        parsed = parser.parse_args(arguments)
        with _told_of_silence(parsed, lambda text: say(f"graft: {text}", sys.stderr)):
            answer = parsed.verb(parsed, Workspace.current())
    except InputError as error:
        say(f"graft: {error}", sys.stderr)
        return 2
    except GraftError as error:
        say(f"graft: {error}", sys.stderr)
        return 1
    except Exception as error:  # a fault of our own: a sentence, a reference and the log instead of a traceback
        told = of_the_system(error) or unforeseen(error, workspace_folder(), _verb(arguments))
        say(f"graft: {told}", sys.stderr)
        return 1
    except KeyboardInterrupt:
        say(f"graft: stopped waiting; what runs goes on (`{MODULE} runs`).", sys.stderr)
        return 1
    words = answer.pop("words", None)
    failed = answer.pop("failed", False)
    if parsed.json:
        print(json.dumps(answer, ensure_ascii=False, default=str))
    else:
        say(words or json.dumps(answer, indent=2), sys.stdout)
    return 1 if failed else 0


def _told_of_silence(parsed: argparse.Namespace, say: Callable[[str], None]) -> contextlib.AbstractContextManager[None]:
    """Tell when a drive the verb works on doesn't answer, and let Ctrl-C end the waiting, which Python alone can't.

    What waits for a drive sees no signal: Ctrl-C stays pending, and only another thread can end the process.
    """
    given = [item for value in vars(parsed).values() for item in (value if isinstance(value, list) else [value])]
    unheard = 0

    def waits() -> None:
        nonlocal unheard
        if not hasattr(signal, "sigpending"):
            return
        # What waits for all threads is shown to this one, as it hears none itself.
        unheard = unheard + 1 if signal.SIGINT in signal.sigpending() else 0
        if unheard > 2:
            say("stopped waiting for the drive.")
            os._exit(1)

    places = [named_folder(), *(item for item in given if isinstance(item, Path))]
    return watching(places, lambda words: say(f"{words} Ctrl-C stops the waiting."), lambda: say("it goes on."), waits)


def _verb(arguments: Sequence[str] | None) -> str:
    given = [item for item in (sys.argv[1:] if arguments is None else arguments) if not item.startswith("-")]
    return f"`{given[0]}`" if given else "The command"


def build_parser(prog: str, *, verb_required: bool = True) -> argparse.ArgumentParser:
    """Return the parser of all verbs, called `prog` in its texts; without a required verb the caller sets a default."""
    parser = _Parser(prog=prog, description="Graft without the browser: import, train, evaluate, predict.")
    parser.add_argument("--version", action="version", version=f"graft {__version__}")
    verbs = parser.add_subparsers(title="verbs", required=verb_required, metavar="VERB", prog=prog)

    def add(name: str, verb: Verb, help_text: str) -> argparse.ArgumentParser:
        added = verbs.add_parser(name, help=help_text, description=help_text)
        added.add_argument("--json", action="store_true", help="print one JSON object on stdout")
        added.set_defaults(verb=verb)
        return added

    for room in ROOMS:
        room.register(add)
    return parser
