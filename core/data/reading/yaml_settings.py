"""Read a user's data.yaml as plain data: nothing in it is executed, fetched or expanded without bound."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

import yaml

from core.data.findings.problems import Problems
from core.data.reading.tree import Tree
from core.errors import InputError
from core.tasks import TASKS
from core.words import megabytes

MAX_YAML_CHARACTERS = 4_000_000


@dataclass
class DataYaml:
    """What a data.yaml says that can be used."""

    name: str = ""
    names: dict[int, str] = field(default_factory=dict)
    splits: dict[str, list[str]] = field(default_factory=dict)
    root: str = ""
    task: str = ""
    keypoint_shape: tuple[int, int] | None = None
    flip_idx: list[int] | None = None


NOTHING = ("", "~", "null", "Null", "NULL")
"""How YAML writes that there is no value."""
MODEL_KEYS = ("backbone", "head")
"""Keys of a yaml that describes a network (yolov8n.yaml), which names a number of classes as well."""


class _NoAliases(yaml.SafeLoader):
    """A safe loader that refuses aliases: a data.yaml needs none, a bomb is made of them.

    Every value stays the text it is: to YAML a class called no is false, one called 010 the number 8, null nothing.
    """

    yaml_implicit_resolvers: ClassVar[dict[str, Any]] = {}  # type: ignore[misc]

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.events.AliasEvent):
            raise InputError("data.yaml uses YAML aliases (&, *), which can hide a bomb: write the values out.")
        return super().compose_node(parent, index)


def load_plain(text: str, name: str) -> Any:
    """Parse YAML without aliases, tags or code. Raises InputError naming the file."""
    if len(text) > MAX_YAML_CHARACTERS:
        raise InputError(f"{name} is {megabytes(len(text))} long, far more than a data.yaml can be.")
    try:
        return yaml.load(text, Loader=_NoAliases)  # noqa: S506  a subclass of SafeLoader
    except InputError as error:
        raise InputError(str(error).replace("data.yaml", name, 1)) from error
    except (yaml.YAMLError, RecursionError, ValueError, TypeError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f" in line {mark.line + 1}" if mark else ""
        raise InputError(f"{name} is not valid YAML{line}: mend it, or take it out of the upload.") from error


def find_data_yaml(tree: Tree, problems: Problems) -> DataYaml | None:
    """Return the upload's data.yaml: of all yaml files the one that names classes and paths, nearest to the top.

    A file that describes a network is none, and one that can't be read is only if there is no other.
    """
    found: list[tuple[int, int, str, dict[Any, Any]]] = []
    broken: InputError | None = None
    for name in sorted(tree.with_suffix(".yaml", ".yml"), key=lambda name: (name.count("/"), name)):
        text = tree.text(name)
        if "names" not in text and "nc" not in text:
            continue
        try:
            content = load_plain(text, name)
        except InputError as error:
            broken = broken or error
            continue
        if not isinstance(content, dict) or not ("names" in content or "nc" in content):
            continue
        if any(key in content for key in MODEL_KEYS):
            continue
        if content.get("download") and content["download"] not in NOTHING:
            _check_download(str(content["download"]), name)
            problems.note("yaml-download-ignored", name)
        rank = 2 * ("names" not in content) + (not {"train", "val", "valid", "test"} & set(content))
        found.append((rank, name.count("/"), name, content))
    if not found:
        if broken:
            raise broken
        return None
    _, _, name, content = min(found, key=lambda item: item[:3])
    settings = _read(content, name)
    for _, _, other, rest in found:
        if other != name and "names" in rest and _read(rest, other).names != settings.names:
            problems.note("names-differ", f"{other} (used: {name})")
    return settings


def _check_download(value: str, name: str) -> None:
    """Raise InputError when the download entry is a program; an address is ignored with a finding instead."""
    if not value.strip().lower().startswith(("http://", "https://")) or len(value.split()) > 1:
        raise InputError(
            f"{name} holds a program in its download entry, which the training library would run. It was refused: "
            "take the download entry out and import again."
        )


def _read(content: dict[Any, Any], name: str) -> DataYaml:
    root = content.get("path")
    result = DataYaml(name=name, root=root if isinstance(root, str) and root not in NOTHING else "")
    names = content.get("names")
    if isinstance(names, list):
        result.names = {number: str(value) for number, value in enumerate(names)}
    elif isinstance(names, dict):
        for key, value in names.items():
            try:
                result.names[int(key)] = str(value)
            except (TypeError, ValueError) as error:
                raise InputError(f"{name}: “{key}” under names is not a class number (0, 1, 2 ...).") from error
    elif isinstance(names, str) and names not in NOTHING:
        result.names = {0: names}
    if len(result.names) > 100_000 or any(key < 0 or key > 100_000 for key in result.names):
        raise InputError(f"{name} lists class numbers beyond 100,000: mend the names in it.")
    for key in ("train", "val", "valid", "test"):
        value = content.get(key)
        paths = [value] if isinstance(value, str) else value if isinstance(value, list) else []
        texts = [path for path in paths if isinstance(path, str) and path.strip() not in NOTHING]
        if texts:
            result.splits["val" if key == "valid" else key] = texts
    shape = content.get("kpt_shape")
    if isinstance(shape, list) and len(shape) == 2 and all(_is_integer(value) for value in shape):
        count, dimensions = (int(value) for value in shape)
        if not (1 <= count <= 1000 and dimensions in (2, 3)):
            raise InputError(f"{name}: kpt_shape {shape} must be the number of keypoints and 2 or 3.")
        result.keypoint_shape = (count, dimensions)
        flip = content.get("flip_idx")
        if isinstance(flip, list) and sorted(map(str, flip)) == sorted(map(str, range(count))):
            result.flip_idx = [int(value) for value in flip]
    task = str(content.get("task") or "").lower()
    result.task = task if task in TASKS and TASKS[task].finds_objects else ""
    return result


def _is_integer(value: object) -> bool:
    return isinstance(value, str) and value.strip().lstrip("-").isdecimal()
