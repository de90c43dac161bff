"""What the verbs share: how one is added, how settings are read, how progress is said."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from typing import Any, Protocol

from pydantic import ValidationError

from core.errors import InputError
from core.workspace import Workspace

Verb = Callable[[argparse.Namespace, Workspace], dict[str, Any]]
"""Takes the parsed options; returns the object `--json` prints. Its `words` are printed without `--json`, and a true
`failed` makes the exit code 1; both are left out of the object."""


class Add(Protocol):
    """Adds one verb to the command line and returns its parser, which already knows `--json`."""

    def __call__(self, name: str, verb: Verb, help_text: str) -> argparse.ArgumentParser:
        """Add the verb `name`."""


def settings_from(model: type[Any], values: dict[str, Any]) -> Any:
    """Return the pydantic `model` made of the options that were given; InputError names the option that is wrong."""
    try:
        return model.model_validate({key: value for key, value in values.items() if value is not None})
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"]) or "settings"
        raise InputError(f"--{name.replace('_', '-')}: {first['msg'].removeprefix('Value error, ')}.") from error


def say_progress() -> Callable[[Any], None]:
    """Return a listener that says each new stage on stderr."""
    stages: list[str] = []

    def say(progress: Any) -> None:
        if not stages or stages[-1] != progress.stage:
            stages.append(progress.stage)
            print(f"{progress.stage} ...", file=sys.stderr)

    return say
