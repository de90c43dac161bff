"""The layouts Graft can read: one module each, and the list of them."""

from __future__ import annotations

import importlib
from types import ModuleType

from core.data.reading.tree import Tree

MODULES = (
    "labelstudio",
    "coco",
    "cvat",
    "voc",
    "labelme",
    "createml",
    "yolo",
    "table",
    "masks",
    "folder_per_class",
    "pictures",
)
"""In the order in which ties are broken."""


def known_formats() -> list[ModuleType]:
    """Return the format modules; each has NAME, LAYOUT, detect(tree) -> float and read(tree, task)."""
    return [importlib.import_module(f"core.data.formats.{name}") for name in MODULES]


def layouts() -> list[str]:
    """Return one line a layout, for messages and pages."""
    return [module.LAYOUT for module in known_formats()]


def detect_format(tree: Tree) -> ModuleType | None:
    """Return the module that is surest about a tree, or None when none knows it."""
    best, best_score = None, 0.0
    for module in known_formats():
        score = float(module.detect(tree))
        if score > best_score:
            best, best_score = module, score
    return best
