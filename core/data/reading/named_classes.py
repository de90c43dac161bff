"""For layouts that name classes object by object: collect first, number the names at the end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from core.data.findings.problems import Problems
from core.data.reading.json_labels import load_json
from core.data.reading.shapes import settle_task
from core.data.reading.skeletons import Skeletons
from core.data.reading.source_dataset import SourceDataset, SourceImage, SourceObject, split_of
from core.data.reading.tree import Tree, stem_of
from core.errors import InputError
from core.tasks import TASKS, Task


@dataclass
class NamedClasses:
    """Pictures and their objects with the class as text; `classes` is the source's own order where it has one."""

    tree: Tree
    problems: Problems = field(default_factory=Problems)
    classes: list[str] = field(default_factory=list)
    images: dict[str, SourceImage] = field(default_factory=dict)
    objects: dict[str, list[tuple[str, SourceObject]]] = field(default_factory=dict)
    whole: dict[str, str] = field(default_factory=dict)
    """picture -> its one class, for classification"""
    left_out: set[str] = field(default_factory=set)
    """pictures that must not come along, with a finding of their own: their labels can't be read or used"""
    used: set[str] = field(default_factory=set)
    skeletons: Skeletons = field(default_factory=Skeletons)

    def picture(
        self, reference: str, beside: str, declared: tuple[int, int] | None = None, split: str | None = None
    ) -> str | None:
        """Find the picture a label refers to and list it; None (and a finding) when it is not in the upload."""
        name = self.tree.find_picture(reference, beside, split=split) if reference else None
        if name is None:
            self.problems.note("image-missing", f"{beside}: {reference or 'no picture named'}")
            return None
        if name not in self.images:
            self.images[name] = SourceImage(
                self.tree.files[name], name, split or split_of(name), unit="pixel", declared=declared
            )
            self.objects[name] = []
        return name

    def embedded(
        self, name: str, holder: str, content: Callable[[], bytes], declared: tuple[int, int] | None = None,
        split: str | None = None,
    ) -> str:  # fmt: skip
        """List a picture that lies within the file `holder`; `content` gives its bytes when they are wanted."""
        if name not in self.images:
            self.images[name] = SourceImage(
                self.tree.files[holder], name, split or split_of(name), unit="pixel", declared=declared, inside=content
            )
            self.objects[name] = []
        return name

    def add(self, picture: str, label: object, item: SourceObject) -> None:
        """Add one object of a picture that is listed."""
        text = clean(label)
        if not text:
            self.problems.note("bad-row", f"{picture}: an object without a class")
            return
        self.objects[picture].append((text, item))

    def leave_out(self, picture: str) -> None:
        """Keep a picture out whose labels can't be read: it would be learnt as one with nothing on it."""
        self.left_out.add(picture)
        self.used.add(picture)

    def opened(self, name: str, *, holds: str = "") -> dict[str, Any] | None:
        """Return the JSON object in the label file of one picture, which is used then.

        None where there is none, or no list under the key it `holds`: it is noted, and its picture left out.
        """
        self.used.add(name)
        try:
            content = load_json(self.tree, name)
        except InputError:
            content = None
        if isinstance(content, dict) and (not holds or isinstance(content.get(holds), list)):
            return content
        self.problems.note("unreadable-label", name)
        if picture := self.tree.find_picture(stem_of(name), name):
            self.leave_out(picture)
        return None

    def classify(self, picture: str, label: object) -> None:
        """Say what the whole picture shows; a second, other class is noted and left out."""
        text = clean(label)
        if text and self.whole.setdefault(picture, text) != text:
            self.problems.note("several-labels", f"{picture}: {self.whole[picture]}, {text}")

    def finish(self, name: str, task: Task | None, *, rest: bool = True) -> SourceDataset:
        """Number the classes and return the set; pictures that no label mentions come along when `rest`."""
        if (task and TASKS[task].names_pictures) or (task is None and self.whole and not any(self.objects.values())):
            return self._finish_classify(name)
        found = {label for items in self.objects.values() for label, _ in items}
        classes = [label for label in self.classes if label] or []
        classes += sorted(found - set(classes))
        index = {label: number for number, label in enumerate(classes)}
        images = []
        for picture, image in self.images.items():
            for label, item in self.objects.pop(picture):  # a million of them are not held twice
                item.class_id = index[label]
                image.objects.append(item)
            images.append(image)
        if rest:
            images += [
                SourceImage(self.tree.files[other], other, split_of(other), unit="pixel", labelled=False)
                for other in self.tree.pictures
                if other not in self.images and other not in self.left_out
            ]
        shape, flip = self.skeletons.settle()
        chosen = settle_task(images, task, self.problems)
        if not TASKS[chosen].has_keypoints:
            shape = flip = None
        clean_names = unique_names(classes)
        return SourceDataset(name, chosen, clean_names, images, self.problems, index, shape, flip, used=self.used)

    def _finish_classify(self, name: str) -> SourceDataset:
        found = {label.replace("/", "-").replace("\\", "-") for label in self.whole.values()}
        classes = sorted(found, key=in_order)
        if self.classes and found <= set(self.classes):
            classes = [label for label in self.classes if label in found]
        index = {label: number for number, label in enumerate(classes)}
        images = []
        for picture, label in self.whole.items():
            image = self.images[picture]
            image.objects = [SourceObject(index[label.replace("/", "-").replace("\\", "-")])]
            images.append(image)
        for other in self.tree.pictures:
            if other not in self.whole and other not in self.left_out:
                self.problems.note("missing-class", other)
                self.used.add(other)
        return SourceDataset(name, "classify", classes, images, self.problems, dict(index), used=self.used)


def in_order(label: str) -> tuple[float, str]:
    """Return what sorts labels: numbers by their size, before all names."""
    try:
        return float(label), ""
    except ValueError:
        return float("inf"), label


def clean(label: object) -> str:
    """Return a class name as one line of text, '' for none."""
    return " ".join(str(label).split())[:200] if label is not None else ""


def unique_names(names: list[str]) -> list[str]:
    """Return the names with repeats numbered (`dent`, `dent (2)`), so that a name is one class."""
    seen: dict[str, int] = {}
    result = []
    for name in names:
        name = " ".join(name.split()) or "unnamed"
        seen[name] = seen.get(name, 0) + 1
        result.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return result
