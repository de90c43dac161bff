"""The files of an upload and what a format reads in them, before a picture is decoded or anything is written."""

from __future__ import annotations

import os
import shutil
import time
from collections import Counter
from pathlib import Path

from core.data.checks.splits import numbered_groups
from core.data.dataset import list_datasets
from core.data.formats import Format, detect_format, layouts, pictures
from core.data.formats.known import name_layout
from core.data.images.video import is_video
from core.data.importing.settings import ImportSettings
from core.data.importing.video_frames import LEFT_FREE, with_frames
from core.data.reading.archives import FOREIGN_ARCHIVES, extract, is_archive
from core.data.reading.choices import AS_BEFORE, Choices, Earlier, Option, Undecided
from core.data.reading.door import readable
from core.data.reading.encodings import composed
from core.data.reading.json_labels import strays
from core.data.reading.source_dataset import SourceDataset
from core.data.reading.tree import Tree, is_junk, merge_trees, read_folder
from core.errors import InputError
from core.jobs import Progress, Report
from core.words import count, thousands
from core.workspace import Workspace, read_json, write_json_atomic

MOST_NAMED = 3
"""Sources that are named one by one."""
GROUPS = "groups"
"""The choice whether patients or parts that file names name are kept together."""
CHOSEN = "reading-chosen"
"""The finding that says what was taken where several readings fitted."""


LABEL_SUFFIXES = (".csv", ".tsv", ".xlsx", ".xls", ".json", ".jsonl", ".ndjson", ".xml", ".txt", ".yaml", ".yml")
"""Files that can hold labels, or name classes, and are nothing without pictures."""


class Meter:
    """Passes progress on at most ten times per second and estimates the time left from the stage's own pace."""

    def __init__(self, report: Report | None) -> None:
        self.report = report
        self.stage = ""
        self.started = self.last = 0.0

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Say that `done` of `total` of a stage are done."""
        if self.report is None:
            return
        now = time.monotonic()
        if stage != self.stage:
            self.stage, self.started, self.last = stage, now, 0.0
        if now - self.last < 0.1 and done < total:
            return
        self.last = now
        passed = now - self.started
        left = passed / done * (total - done) if done and passed > 0.5 else None
        self.report(Progress(stage, done, total, left))


def gather(
    workspace: Workspace,
    sources: list[Path],
    stage: Path,
    meter: Meter,
    settings: ImportSettings,
    *,
    keep: bool = False,
) -> tuple[Tree, bool]:
    """Return the files of all sources and whether they are our own unpacked copies, which may be moved.

    Archives are unpacked in `stage`, and frames of videos are written there. With `keep` what was unpacked there is
    listed, and taken as it lies the next time, until `forget_unpacked`.
    """
    trees = []
    loose: list[Path] = []
    for number, source in enumerate(sources):
        if not source.exists():
            raise InputError(f"{source} does not exist: check the name.")
        if source.is_dir():
            if workspace.root.is_relative_to(source.resolve()):
                raise InputError(f"{source} contains the workspace itself: name the folder with your pictures.")
            trees.append(read_folder(source))
        elif is_archive(source):
            trees.append(_unpack(workspace, source, stage, number, meter, keep))
        elif not is_junk(source.name):
            loose.append(source)
    if loose:
        trees.append(Tree(_loose_names(loose), label="files"))
    merged = merge_trees(trees)
    room = max(0, workspace.free_bytes() - LEFT_FREE)
    named = {source for source in sources if source.is_file()}
    merged = with_frames(merged, named, stage, settings, room, lambda done, total: meter("Taking frames", done, total))
    merged.label = source_words(sources)  # what the user knows; used in messages from here on
    if not merged.files:
        raise InputError(f"{merged.label} is empty: there is nothing to import.")
    own = [is_archive(source) or is_video(source.name) for source in sources]
    return merged, all(own) and not any(source.is_dir() for source in sources)


def _loose_names(files: list[Path]) -> dict[str, Path]:
    """Return loose files by their names, with as much of their folders as tells two of one name apart."""
    whole = {file.resolve(): file for file in files}
    names = {composed(file.name): file for file in whole.values()}
    if len(names) < len(whole):
        top = os.path.commonpath([file.parent for file in whole])
        names = {composed(path.relative_to(top).as_posix()): file for path, file in whole.items()}
    return dict(sorted(names.items()))


def _unpack(workspace: Workspace, source: Path, stage: Path, number: int, meter: Meter, keep: bool) -> Tree:
    folder, listing = stage / f"unpacked{number}", stage / f"unpacked{number}.json"
    if keep and listing.exists():
        told = read_json(listing)
        files = {name: folder / place for name, place in told["files"].items()}
        return Tree(files, told["junk"], told["links"], told["label"], bare=told.get("bare", []))
    if folder.exists():
        shutil.rmtree(folder)  # what an attempt that was stopped left there
    tree = extract(source, folder, workspace.free_bytes(), lambda done, total: meter("Unpacking", done, total))
    if keep:
        files = {name: place.relative_to(folder).as_posix() for name, place in tree.files.items()}
        told = {"files": files, "junk": tree.junk, "links": tree.links, "label": tree.label, "bare": tree.bare}
        write_json_atomic(listing, told, durable=False)
    return tree


def forget_unpacked(stage: Path) -> None:
    """Take the lists of what was unpacked away: the files are about to be moved."""
    for listing in (*stage.glob("unpacked*.json"), *stage.glob("frames.json")):
        listing.unlink()


def chosen_earlier(workspace: Workspace, sources: list[Path]) -> dict[str, Earlier]:
    """Return what the user chose when files of the same names were last imported, by the keys of the choices."""
    found: dict[str, Earlier] = {}
    source = source_words(sources)
    for dataset in reversed(list_datasets(workspace)):  # the newest last
        if dataset.source == source:
            found |= {
                item.key: Earlier(item.question, item.taken, frozenset(item.options), dataset.name)
                for item in dataset.choices
                if not item.why or item.why.startswith(AS_BEFORE)
            }
    return found


def source_words(sources: list[Path]) -> str:
    """Return how a dataset's record calls what it was made from: names, no machine path; of many files the first."""
    names = ", ".join(item.name for item in sources[:MOST_NAMED])
    more = len(sources) - MOST_NAMED
    return readable(f"{names} and {count(more, 'more file')}" if more > 0 else names)


def read_upload(tree: Tree, settings: ImportSettings, earlier: dict[str, Earlier] | None = None) -> SourceDataset:
    """Return what the upload holds, read as the settings and the user's choices wish, else as `earlier` ones did.

    Raises InputError when the layout is unknown or can't be used, Undecided when a choice is the user's to make.
    """
    if earlier := {key: item for key, item in (earlier or {}).items() if key not in settings.choices}:
        try:
            return _read_upload(tree, settings, earlier)
        except Undecided:
            raise
        except InputError:
            pass  # what was chosen then doesn't fit this upload, or the upload can't be read at all: see below
    return _read_upload(tree, settings, {})


def _read_upload(tree: Tree, settings: ImportSettings, earlier: dict[str, Earlier]) -> SourceDataset:
    tree.choices = Choices(dict(settings.choices), earlier=earlier)
    module = layout_of(tree, settings)
    with strays() as noted:
        found: SourceDataset = (pictures.unlabelled if settings.pictures_alone else module.read)(tree, settings.task)
    for (file, key), number in noted.found.items():
        found.problems.note("bad-row", f"{file}: {number} under “{key}” that are no objects", count=number)
    if settings.task and found.task != settings.task:
        raise InputError(
            f"{tree.label} can't be read as {settings.task}: its labels ({module.LAYOUT}) make it {found.task}. "
            "Leave the task empty or label the pictures accordingly."
        )
    for image in found.images:
        image.group = tree.groups.get(image.name, image.group)
    _ask_for_groups(tree, found, settings)
    tree.choices.check_all_asked()
    for code, example, number in tree.noted:
        found.problems.note(code, example, count=number)
    if not found.images:
        raise InputError(f"{tree.label} holds no picture that can be used.")
    if found.drop_unused:
        _drop_unused(found)
    _note_leftovers(tree, found)
    _note_choices(tree.choices, found)
    return found


def _note_choices(choices: Choices, found: SourceDataset) -> None:
    """Note what was taken by itself where several readings fitted; of groups the checks of the split tell."""
    taken = [
        choice
        for choice in choices.made.values()
        if choice.why and len(choice.options) > 1 and (choice.key, choice.taken) != (GROUPS, "apart")
    ]
    told = [f"{choice.question} {choice.meaning}" for choice in taken]
    for sentence in told:
        found.problems.note(CHOSEN, sentence, more="; ".join(told))


def layout_of(tree: Tree, settings: ImportSettings) -> Format:
    """Return the format an upload is read by. Raises InputError when none knows it."""
    if settings.pictures_alone and tree.pictures:
        return pictures
    module = detect_format(tree)
    if (module is None or module is pictures) and (told := name_layout(tree)):
        raise InputError(f"{tree.label}: {told}")
    if module is None:
        if not tree.pictures:
            raise InputError(_no_pictures(tree))
        raise InputError(f"{tree.label} is not a layout I know yet; these are: " + "; ".join(layouts()) + ".")
    return module


def _no_pictures(tree: Tree) -> str:
    """Return the sentence for an upload without a single picture: what it holds instead, and what to do."""
    inner = [name for name in tree.files if is_archive(Path(name)) or name.lower().endswith(FOREIGN_ARCHIVES)]
    if inner and len(inner) == len(tree.files) == 1 and inner[0] == tree.label:
        return f"{inner[0]} is an archive that can't be opened here: unpack it and pack the folder as a zip file."
    if inner:
        return (
            f"{tree.label} holds no pictures but {'another archive' if len(inner) == 1 else 'other archives'} "
            f"({', '.join(inner[:3])}), and those are not opened: unpack them first, or import them themselves."
        )
    if list(tree.files) == [tree.label]:
        if tree.label.lower().endswith(LABEL_SUFFIXES):
            return f"{tree.label} may hold labels, but there are no pictures with it: give both together."
        return (
            f"{tree.label} is neither an archive nor a picture: give pictures, with their labels or without, a folder "
            "with them, or a zip or tar file."
        )
    files = "one other file" if len(tree.files) == 1 else count(len(tree.files), "other file")
    return f"{tree.label} holds no pictures ({files}): add the pictures that the labels belong to, and import again."


def _ask_for_groups(tree: Tree, found: SourceDataset, settings: ImportSettings) -> None:
    """Ask whether the patients or parts that file names name are to be kept together, where the split is ours to make.

    Nobody has to answer: numbers may start anew in each folder, so nothing is taken for a group by itself.
    """
    there = {image.split for image in found.images} if settings.keep_source_split and not settings.split else set()
    if settings.group_by or {"train", "val"} <= there or any(image.group for image in found.images):
        return
    names = numbered_groups([image.name for image in found.images])
    several = sorted(name for name, number in Counter(names).items() if name and number > 1)
    if not several:
        return
    named = count(len(set(names) - {""}), "patient or part", "patients or parts")
    question = (
        f"The file names name {named}, {thousands(len(several))} of them in several pictures (such as {several[0]}): "
        "are the pictures of each kept together in one part of the split?"
    )
    options = (
        Option("apart", "no: each picture may go to any part"),
        Option("together", "yes: else a model may recognise the patient or part instead of the finding"),
    )
    why = "Numbers in file names may start anew in each folder."
    if tree.choices.ask(GROUPS, question, options, "apart", why) == "together":
        for image, name in zip(found.images, names, strict=True):
            image.group = name


def _drop_unused(found: SourceDataset) -> None:
    """Leave classes without objects out of the class list; the order of the others stays."""
    used = {item.class_id for image in found.images for item in image.objects}
    unused = [number for number in range(len(found.classes)) if number not in used]
    if not unused or not used:
        return
    new = {old: number for number, old in enumerate(sorted(used))}
    for number in unused:
        found.problems.note("unused-class-dropped", found.classes[number])
    for image in found.images:
        for item in image.objects:
            item.class_id = new[item.class_id]
    found.classes = [found.classes[old] for old in sorted(used)]
    found.source_mapping = {name: new[old] for name, old in found.source_mapping.items() if old in new}


def _note_leftovers(tree: Tree, found: SourceDataset) -> None:
    problems = found.problems
    for name in tree.junk:
        problems.note("archive-junk", name)
    for name in tree.links:
        problems.note("link-not-followed", name)
    listed = {image.name for image in found.images} | found.used
    for name in tree.files:
        if name not in listed:
            archive = is_archive(Path(name)) or name.lower().endswith(FOREIGN_ARCHIVES)
            problems.note("nested-archive" if archive else "other-files", name)
    if found.assumed:
        problems.note("task-assumed", more=found.assumed)
