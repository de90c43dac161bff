"""`licences`: what the packages Graft is installed with ask of those who pass it on."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import Any

from core.verbs.verb import Add
from core.workspace import Workspace

WORD = (
    "Graft is AGPL-3.0, because Ultralytics is: whoever passes it on, or lets others use it over a network, gives them "
    "its source. pylibjpeg-libjpeg, which decodes JPEG in DICOM files, is GPL-3; the two go together. Without it those "
    "files are left out by name, all others are read; with python-gdcm (BSD) in its place pydicom decodes them all but "
    "12-bit JPEG."
)


def register(add: Add) -> None:
    """Add the verb."""
    add("licences", _licences, "List the licence of each package Graft needs.")


def _licences(_parsed: argparse.Namespace, _workspace: Workspace) -> dict[str, Any]:
    from core.licences import dependency_licences

    found = dependency_licences()
    lines = [
        f"{item.package} {item.version}: {item.licence}{'  (copyleft)' if item.copyleft else ''}" for item in found
    ]
    rows = [asdict(item) | {"copyleft": item.copyleft} for item in found]
    return {"licences": rows, "word": WORD, "words": "\n".join([*lines, "", WORD])}
