"""YOLO text labels: Ultralytics' and Roboflow's folders, bare pairs, labels beside the pictures, split lists."""

from __future__ import annotations

from collections.abc import Iterator

from core.data.findings.problems import Problems
from core.data.reading.named_classes import unique_names
from core.data.reading.source_dataset import SPLIT_NAMES, SourceDataset, SourceImage, split_of
from core.data.reading.tree import Tree, stem_of
from core.data.reading.yaml_settings import DataYaml, find_data_yaml
from core.data.reading.yolo_rows import Rows, guess_task, looks_like_rows, objects_of, read_rows, strip_predictions
from core.tasks import Task

NAME = "yolo"
LAYOUT = "YOLO text labels (images and labels folders, with or without data.yaml; Ultralytics, Roboflow)"
NAME_LISTS = ("classes.txt", "obj.names", "labels.txt", "_darknet.labels", "classes.names", "names.txt")
MENU = "predefined_classes.txt"
"""LabelImg's list of the classes it offers; the numbers in its label files count lines of it."""
MENU_AS_SHIPPED = ("dog", "person", "cat", "tv", "car", "meatballs", "marinara sauce", "tomato soup")
"""How LabelImg's own list begins, which names somebody else's classes."""


def detect(tree: Tree) -> float:
    """Return how sure it is: 0.9 when text files pair with pictures and read as rows, 0.6 with a data.yaml only."""
    pairs = [label for name in tree.pictures if (label := label_of(tree, name))]
    if not pairs:
        yaml_there = any(name.lower().endswith((".yaml", ".yml")) for name in tree.files)
        labels_there = any("labels" in name.lower().split("/")[:-1] for name in tree.with_suffix(".txt"))
        return 0.3 if yaml_there and labels_there and tree.pictures else 0.0
    step = max(1, len(pairs) // 40)
    sample = [tree.text(label) for label in pairs[::step]]
    filled = [text for text in sample if text.strip()]
    if not filled:
        return 0.5
    return 0.9 if sum(map(looks_like_rows, filled)) * 2 >= len(filled) else 0.0


def label_of(tree: Tree, picture: str) -> str | None:
    """Return the label text of a picture: `images` -> `labels`, beside it, or the only text with its stem.

    A text named after the whole picture (p.png.txt) goes before one named after its stem (p.txt).
    """
    own = picture.rsplit("/", 1)[-1]
    stem = stem_of(own)
    for name in (f"{own}.txt", f"{stem}.txt"):
        if name.lower() not in tree.basenames or name.lower() in NAME_LISTS:
            continue
        for parts in _places(picture):
            found = tree.by_lower_name.get("/".join([*parts, name]).lower())
            if found:
                return found
    return None


def _places(picture: str) -> Iterator[list[str]]:
    """Give the folders in which the label text of a picture may lie, likeliest first."""
    lower = picture.lower().split("/")[:-1]
    for position in range(len(lower) - 1, -1, -1):
        if lower[position] in ("images", "imgs", "img", "image", "jpegimages"):
            for other in ("labels", "label", "annotations"):
                yield [*lower[:position], other, *lower[position + 1 :]]
    yield lower
    yield [*lower, "labels"]
    for position in range(len(lower) + 1):
        yield [*lower[:position], "labels", *lower[position:]]
        yield [*lower[:position], "labels", *lower[position + 1 :]]


def read(tree: Tree, task: Task | None = None) -> SourceDataset:
    """Read pictures, splits, classes and rows; `task` overrides what the rows look like."""
    problems = Problems()
    settings = find_data_yaml(tree, problems)
    splits, used = _splits(tree, settings, problems)
    images: list[SourceImage] = []
    texts: list[tuple[SourceImage, str, Rows]] = []
    owners: dict[str, list[str]] = {}
    for name in tree.pictures:
        split = splits.get(name) if splits is not None else split_of(name)
        image = SourceImage(tree.files[name], name, split)
        images.append(image)
        label = label_of(tree, name)
        if label is None:
            image.labelled = False
            continue
        owners.setdefault(label, []).append(name)
        texts.append((image, label, read_rows(tree.text(label))))
    for label, names in owners.items():
        if len(names) > 1:
            problems.note("label-shared", f"{label}: {', '.join(names)}")
    paired = set(owners)
    label_folders = {label.rpartition("/")[0] for label in paired}
    for label in tree.with_suffix(".txt"):
        if label in paired or label in used or label.rpartition("/")[2].lower() in (*NAME_LISTS, MENU):
            continue
        folder = label.rpartition("/")[0]
        if "labels" in folder.lower().split("/") or (folder in label_folders and looks_like_rows(tree.text(label))):
            problems.note("image-missing", label)
            used.add(label)
    hint = task or (settings.task if settings else "")
    shape = settings.keypoint_shape if settings and hint in ("", "pose") else None
    strip_predictions([(label, rows) for _, label, rows in texts], shape, problems)
    guessed, shape, assumed = guess_task([rows for _, _, rows in texts], shape, "" if hint == "pose" else hint)
    for image, label, rows in texts:
        image.objects = objects_of(rows, guessed, shape, label, problems)
    classes, names_file = _classes(tree, settings, images, problems)
    if names_file:
        used.add(names_file)
    if settings:
        used.add(settings.name)
    flip = settings.flip_idx if settings and guessed == "pose" else None
    mapping = {name: number for number, name in enumerate(classes)}
    return SourceDataset(NAME, guessed, classes, images, problems, mapping, shape, flip, assumed, used | paired)


def _classes(
    tree: Tree, settings: DataYaml | None, images: list[SourceImage], problems: Problems
) -> tuple[list[str], str]:
    """Return the class names in id order and the file they are from; drop rows of ids the list does not know."""
    highest = max((item.class_id for image in images for item in image.objects), default=-1)
    names: list[str] = []
    source = ""
    if settings and settings.names:
        names = [settings.names.get(number, f"class_{number}") for number in range(max(settings.names) + 1)]
        source = settings.name
    else:
        for name in sorted(tree.files, key=lambda item: (item.count("/"), item)):
            if name.rpartition("/")[2].lower() in NAME_LISTS:
                names = [line.strip() for line in tree.text(name).splitlines() if line.strip()]
                source = name
                break
        else:
            menu = next((name for name in tree.files if name.lower().rsplit("/", 1)[-1] == MENU), None)
            listed = [line.strip() for line in tree.text(menu).splitlines() if line.strip()] if menu else []
            if menu and tuple(listed[: len(MENU_AS_SHIPPED)]) != MENU_AS_SHIPPED and len(listed) > highest:
                names, source = listed, menu
                problems.note("names-from-list", menu, more=menu)
    if not names and highest >= 0:
        highest = min(highest, 9_999)
        names = [f"class_{number}" for number in range(highest + 1)]
        used = {item.class_id for image in images for item in image.objects}
        problems.note("no-class-names", ", ".join(str(number) for number in sorted(used)[:20]), count=len(used))
    for image in images:
        kept = [item for item in image.objects if 0 <= item.class_id < len(names)]
        if len(kept) != len(image.objects):
            for item in image.objects:
                if not 0 <= item.class_id < len(names):
                    problems.note("class-out-of-range", f"{image.name}: class {item.class_id} of {len(names)}")
            image.objects = kept
    return unique_names(names), source


def _splits(tree: Tree, settings: DataYaml | None, problems: Problems) -> tuple[dict[str, str] | None, set[str]]:
    """Return picture -> split from data.yaml or from lists, and the list files used; None: look at folder names."""
    used: set[str] = set()
    assigned: dict[str, str] = {}
    shared: set[str] = set()
    missing = False
    if settings and settings.splits:
        for split, paths in settings.splits.items():
            members: list[str] = []
            for path in paths:
                found = _members(tree, settings, path, used, problems)
                if found is None:
                    problems.note("yaml-path-missing", f"{split}: {path}")
                    missing = missing or split != "test"
                    continue
                members += found
            if members and sum(1 for name in members if name in assigned) * 2 > len(members):
                shared.add(split)
            for name in members:
                assigned.setdefault(name, split)
        if shared:
            problems.note("splits-share-folder", ", ".join(sorted(shared)), count=1 + len(shared))
            return dict.fromkeys(assigned, "train"), used
        if assigned and not missing:
            return assigned, used
    lists = [name for name in tree.with_suffix(".txt") if stem_of(name).lower() in SPLIT_NAMES and name not in used]
    listed: dict[str, str] = {}
    for name in lists:
        members = _list_members(tree, name, problems)
        if members:
            used.add(name)
            for member in members:
                listed.setdefault(member, SPLIT_NAMES[stem_of(name).lower()])
    return (listed or None), used


def _members(tree: Tree, settings: DataYaml, path: str, used: set[str], problems: Problems) -> list[str] | None:
    """Return the pictures below a path of data.yaml, found by its longest tail that exists; None when none does."""
    base = settings.name.split("/")[:-1]
    own = [part for part in path.replace("\\", "/").split("/") if part not in ("", ".")]
    root = [part for part in settings.root.replace("\\", "/").split("/") if part not in ("", ".")]
    wanted = [part for part in [*root, *own] if part != ".."]
    if path.lower().endswith(".txt"):
        for name in tree.with_suffix(".txt"):
            if name.lower().split("/")[-1] == own[-1].lower():
                used.add(name)
                return _list_members(tree, name, problems)
        return None
    if not own or own == ["."]:
        return tree.pictures
    folders = {folder.lower(): folder for folder in sorted(tree.folders, key=lambda name: (name.count("/"), name))}
    # Of `../valid/images` the tail `images` alone would find train/images.
    least = min(len([part for part in own if part != ".."]), 2)
    for start in range(len(wanted) - least + 1):
        tail = "/".join(wanted[start:]).lower()
        exact = ["/".join([*base, tail]).lower(), tail]
        ends = [name for name in folders if name.endswith(f"/{tail}")]
        for name in [*exact, *ends]:
            inside = [picture for picture in tree.pictures if picture.startswith(f"{folders.get(name, chr(0))}/")]
            if inside:
                return inside
    return None


def _list_members(tree: Tree, name: str, problems: Problems) -> list[str]:
    """Return the pictures that a list names; its paths may be another machine's."""
    members = []
    for line in tree.text(name).splitlines():
        if not line.strip():
            continue
        picture = tree.find_picture(line.strip(), name)
        if picture is None:
            problems.note("list-entry-missing", f"{name}: {line.strip()[:120]}")
        else:
            members.append(picture)
    return members
