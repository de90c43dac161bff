"""COCO panoptic: a JSON file lists the segments, a PNG per picture holds their ids as colours."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.data.reading.json_labels import entries, json_files, load_json
from core.data.reading.masks.values import read_values
from core.data.reading.tree import Tree


def panoptic_files(tree: Tree) -> list[tuple[str, dict[str, Any]]]:
    """Return the panoptic files of an upload with their content."""
    loaded = [(name, load_json(tree, name)) for name in json_files(tree, "coco-panoptic")]
    return [(name, content) for name, content in loaded if isinstance(content, dict)]


def segment_pictures(tree: Tree, name: str, content: dict[str, Any]) -> dict[str, str]:
    """Return file name as the panoptic file `name` writes it -> PNG of the upload that holds the segments.

    They lie in a folder called like the file (`panoptic_val2017`), or one with “panoptic” or “mask” in its name.
    """
    pngs = {item for item in tree.pictures if item.lower().endswith(".png")}
    named = {
        item for item in pngs if any("panoptic" in part or "mask" in part for part in item.lower().split("/")[:-1])
    }
    own = PurePosixPath(name).stem
    found = {}
    for item in entries(content, "annotations"):
        reference = str(item.get("file_name") or "")
        tries = ((f"{own}/{reference}", named or pngs), (reference, named or pngs), (reference, pngs))
        for path, among in tries:
            picture = tree.find_picture(path, name, among=among) if reference else None
            if picture:
                found[reference] = picture
                break
    return found


def segment_ids(tree: Tree, picture: str) -> NDArray[np.int64]:
    """Return the segment id of every pixel: red + 256 green + 65536 blue, 0 for none."""
    colour = read_values(tree, picture, colours=True).values
    return (colour >> 16) | (colour & 0xFF00) | ((colour & 0xFF) << 16)
