"""Every training argument with its default and help: Ultralytics' own, read from its default.yaml, and one of Graft."""

from __future__ import annotations

import math
import re
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import Any

import yaml

from core.errors import InputError
from core.spec import OWN_ARGUMENTS, own_words
from core.ultralytics.installed import argument_checks, default_arguments

GROUPS = {
    "Train settings": "Training",
    "Val/Test settings": "Validation",
    "Hyperparameters": "Learning rate, losses and augmentation",
}
"""Sections of default.yaml that concern training, and what the expert fold calls them."""

OF_GRAFT = "untransformed"
"""The one argument that is Graft's own."""
_NOT_FOR_TRAINING = frozenset(["save_json", "conf", "dnn", "profile", "verbose", "resume", "nms"])


@dataclass(frozen=True)
class Argument:
    """One Ultralytics training argument."""

    name: str
    default: Any
    help: str
    group: str


@cache
def training_arguments() -> tuple[Argument, ...]:
    """Return the training arguments in the order of default.yaml, without those Graft sets itself, then Graft's own.

    Source: `ultralytics/cfg/default.yaml` of the pinned version; its comments are the help texts.
    """
    text = default_arguments()
    defaults = yaml.safe_load(text)
    arguments, group = [], None
    for line in text.splitlines():
        if heading := re.match(r"# (.+?) -*$", line):
            group = GROUPS.get(heading[1].strip())
        found = re.match(r"(\w+):.*?# (.*)$", line)
        if found and group and found[1] not in OWN_ARGUMENTS | _NOT_FOR_TRAINING:
            arguments.append(Argument(found[1], defaults[found[1]], found[2].strip(), group))
    words = "(float) share of training pictures left as they are: not scaled, moved or turned; not for classify"
    arguments.append(Argument(OF_GRAFT, 0.0, words, GROUPS["Hyperparameters"]))
    return tuple(arguments)


def parse_setting(text: str) -> tuple[str, Any]:
    """Read `KEY=VALUE` as an Ultralytics training argument, the value as YAML (1, 0.5, true, none, [0, 1]).

    Raises InputError for a text without `=`, an argument that doesn't exist (naming near ones) or that Graft sets, and
    for a value that it can't have.
    """
    name, separator, value = text.partition("=")
    name = name.strip()
    if not separator:
        raise InputError(f"“{text}” is not a setting: write KEY=VALUE, such as lr0=0.005.")
    check_argument(name)
    read = _read_value(name, value)
    check_value(name, read)
    return name, read


def _read_value(name: str, value: str) -> Any:
    try:
        read = yaml.safe_load(value) if value.strip().lower() != "none" else None
    except yaml.YAMLError as error:
        raise InputError(
            f"The value of {name} can't be read: “{value}”. Write a number, true, false or none."
        ) from error
    if isinstance(read, str):
        with suppress(ValueError):  # YAML takes 1e-5 for a word, as it has no point
            return float(read)
    return read


OPTIMIZERS = ("auto", "SGD", "MuSGD", "Adam", "Adamax", "AdamW", "NAdam", "RAdam", "RMSprop")
"""As `BaseTrainer.build_optimizer` of 8.4.190 knows them, in capitals or not."""


def check_value(name: str, value: Any) -> None:
    """Raise InputError for a value that Ultralytics would refuse once the training has begun (cfg.check_cfg, 8.4.190).

    `fraction` is let pass: it may be a share, a number of pictures or one share per part.
    """
    default = next((argument.default for argument in training_arguments() if argument.name == name), None)
    if name == "fraction" or (value is None and default is None):
        return
    checked, least = argument_checks()
    kinds = {kind for kind, names in checked.items() if name in names}
    kinds |= {"fraction"} if name == OF_GRAFT else set()
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if "bool" in kinds and not isinstance(value, bool):
        raise InputError(f"{name}: “{value}” is not true or false.")
    if "int" in kinds and not (number and value == int(value)):
        raise InputError(f"{name}: “{value}” is not a whole number.")
    if kinds & {"float", "fraction"} and not (number and math.isfinite(value)):
        raise InputError(f"{name}: “{value}” is not a number.")
    if name in least and value < least[name]:
        raise InputError(f"{name}: {value} is below {least[name]}.")
    if name == "optimizer" and str(value).lower() not in [known.lower() for known in OPTIMIZERS]:
        raise InputError(f"optimizer: there is no “{value}”; there are {', '.join(OPTIMIZERS)}.")
    if "fraction" in kinds and not 0 <= value <= 1:
        raise InputError(f"{name}: {value} is not between 0 and 1.")


def check_argument(name: str) -> None:
    """Raise InputError when `name` is no Ultralytics training argument that may be set as an expert setting."""
    known = {argument.name for argument in training_arguments()}
    if name in known:
        return
    if name in OWN_ARGUMENTS:
        raise InputError(f"{own_words([name])}.")
    from difflib import get_close_matches

    near = get_close_matches(name, sorted(known), n=3)
    hint = f"did you mean {' or '.join(near)}?" if near else "the expert fold of the Model page lists all."
    raise InputError(f"Ultralytics has no training argument “{name}”: {hint}")
