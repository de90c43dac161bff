"""Tell JSON label files apart by their keys, each file read once."""

from __future__ import annotations

from typing import Literal

from core.data.reading.tree import Tree

Kind = Literal["coco", "labelme", "createml", "labelstudio", "other"]


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
        return "coco" if has("images", "annotations", "categories") else "other"
    if first != "[":
        return "other"
    if has("data", "result") or has("original_width") or has("annotator", "image"):
        return "labelstudio"
    if (has("image") or has("imagefilename")) and (has("coordinates") or has("annotation") or has("annotations")):
        return "createml"
    return "other"
