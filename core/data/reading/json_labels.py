"""JSON label files: told apart by their keys, each read once; what every reader of JSON asks of one."""

from __future__ import annotations

import json
import math
from typing import Any, Literal

from core.data.reading.tree import Tree
from core.errors import InputError

Kind = Literal["coco", "coco-panoptic", "labelme", "createml", "labelstudio", "other"]


def json_files(tree: Tree, kind: Kind) -> list[str]:
    """Return the JSON files of a kind; what they are is remembered on the tree."""
    for name in tree.with_suffix(".json"):
        if name not in tree.kinds:
            tree.kinds[name] = kind_of(tree.text(name))
    return [name for name, found in tree.kinds.items() if found == kind]


def kind_of(text: str) -> Kind:
    """Return the kind of a JSON text by the keys that occur in it; it need not be valid."""

    def has(*keys: str) -> bool:
        return all(f'"{key}"' in text for key in keys)

    first = text.lstrip()[:1]
    if first == "{":
        if has("shapes") and (has("imagePath") or has("imageHeight")):
            return "labelme"
        if has("images", "annotations", "segments_info"):
            return "coco-panoptic"
        return "coco" if has("images", "annotations", "categories") else "other"
    if first != "[":
        return "other"
    if has("data", "result") or has("original_width") or has("annotator", "image"):
        return "labelstudio"
    if (has("image") or has("imagefilename")) and (has("coordinates") or has("annotation") or has("annotations")):
        return "createml"
    return "other"


def load_json(tree: Tree, name: str) -> Any:
    """Parse a JSON file. Raises InputError naming the file and the line."""
    try:
        return json.loads(tree.text(name))
    except json.JSONDecodeError as error:
        raise InputError(
            f"{name} is not valid JSON (line {error.lineno}: {error.msg}): it may have been cut off. Export it again."
        ) from error
    except RecursionError as error:
        raise InputError(f"{name} is nested too deeply to be a label file.") from error


def entries(content: dict[str, Any], key: str) -> list[dict[str, Any]]:
    """Return the dictionaries of a list field, [] when it is missing or of another kind."""
    value = content.get(key)
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def number(value: object) -> float:
    """Return a finite number, NaN for anything else."""
    try:
        result = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return math.nan
    return result if math.isfinite(result) else math.nan
