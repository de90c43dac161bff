"""The user's model library: best models of runs and checkpoints from elsewhere, kept under a name of the user's.

Each is a folder `library/<id>/` of the workspace with `model.pt` and `model.json`. What is kept is a copy: deleting the
run or the file it came from changes nothing. `library:<id>` names one wherever a model is asked for.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationError, field_validator

from core.errors import InputError
from core.files.digests import file_sha256
from core.models.catalog import STARTER, find_model
from core.models.weights import describe_weights, import_file
from core.spec import USUAL_MAX_DET
from core.tasks import Task
from core.workspace import ID_PATTERN, Workspace, folder_bytes, new_id, write_json_atomic

MODEL_FILE, RECORD_FILE = "model.pt", "model.json"
MOST_FILES = 200
"""Weights files taken in one go: each is loaded once, which takes seconds."""


class LibraryModel(BaseModel):
    """A model of the library: what the user says of it, what it is, where it comes from."""

    model_config = ConfigDict(extra="ignore", validate_assignment=True)

    id: str
    name: str = Field(min_length=1, max_length=120, title="Name", description="What you want to call the model.")
    tags: tuple[str, ...] = Field(default=(), title="Tags", description="Words to find it by.")
    note: str = Field(default="", max_length=10_000, title="Note", description="What it is for, what to mind.")
    kept: datetime
    task: Task
    classes: tuple[str, ...]
    architecture: str = Field(description="The Ultralytics model it is built as, such as yolo26n; empty when unknown.")
    parameters: int
    imgsz: int | None = Field(default=None, description="Image size it was trained at, in pixels, where it says so.")
    bytes: int
    sha256: str
    origin: str = Field(description="Where it comes from, in words.")
    run: str | None = Field(default=None, description="Id of the run it is the best model of.")
    dataset_name: str | None = None
    started_from: str = Field(default="", description="What that run started from.")
    figures: dict[str, float] = Field(default_factory=dict, description="Final figures of that run, on its val split.")
    confidence: float | None = Field(default=None, description="Operating point chosen for that run, 0 to 1.")
    positive: str = Field(default="", description="Of two classes, the one that is named from that confidence on.")
    window: str = Field(default="auto", description="Window by which its pictures were brought to 8 bits.")
    max_det: int = Field(default=USUAL_MAX_DET, description="Findings kept of a picture, at most.")
    _folder: Path = PrivateAttr()

    @field_validator("tags")
    @classmethod
    def _clean_tags(cls, tags: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(tag.strip()[:40] for tag in tags if tag.strip()))

    @field_validator("name")
    @classmethod
    def _clean_name(cls, name: str) -> str:
        cleaned = " ".join(name.split())
        if not cleaned:
            raise ValueError("a model needs a name")
        return cleaned

    @property
    def folder(self) -> Path:
        """Its folder in the workspace."""
        return self._folder

    @property
    def path(self) -> Path:
        """Its checkpoint."""
        return self._folder / MODEL_FILE


def library_folder(workspace: Workspace) -> Path:
    """Return the folder with one folder per kept model."""
    return workspace.root / "library"


def list_models(
    workspace: Workspace, *, query: str = "", tag: str | None = None, task: str | None = None
) -> list[LibraryModel]:
    """Return the kept models, newest first; `query` is looked for in name, note, tags, classes and dataset."""
    found = []
    for folder in library_folder(workspace).glob("*"):
        try:
            model = get_model(workspace, folder.name)
        except InputError:
            continue  # half-made or spoilt by hand: it can't be used
        words = " ".join((model.name, model.note, *model.tags, *model.classes, model.dataset_name or "", model.origin))
        if all(word in words.lower() for word in query.lower().split()) and (not tag or tag in model.tags):
            found.append(model)
    fitting = [model for model in found if not task or model.task == task]
    return sorted(fitting, key=lambda item: item.kept, reverse=True)


def get_model(workspace: Workspace, identifier: str) -> LibraryModel:
    """Return a kept model by its id, or by its name where only one has it. Raises InputError when there is none."""
    folder = library_folder(workspace) / identifier
    if ID_PATTERN.match(identifier) and (folder / RECORD_FILE).is_file():
        try:
            model = LibraryModel.model_validate_json((folder / RECORD_FILE).read_text(encoding="utf-8"))
        except (ValidationError, ValueError) as error:
            raise InputError(f"The record of the model {identifier} can't be read: keep the model again.") from error
        model._folder = folder
        if not model.path.is_file():
            raise InputError(f"The model {identifier} has lost its file {MODEL_FILE}: keep or import it again.")
        return model
    if not ID_PATTERN.match(identifier) or not folder.exists():
        named = [item for item in _all(workspace) if item.name.lower() == identifier.strip().lower()]
        if len(named) == 1:
            return named[0]
        if named:
            raise InputError(f"{len(named)} models are called “{identifier}”: give the id ({_ids(named)}).")
    raise InputError(f"There is no model “{identifier}” in the library; `python -m core models` lists what there is.")


def import_model(
    workspace: Workspace, source: Path, *, name: str = "", tags: tuple[str, ...] = (), note: str = "", origin: str = ""
) -> LibraryModel:
    """Take a .pt file from elsewhere into the library; it is loaded weights-only first, in a child process.

    `origin` is what the user says about where it comes from. The same file comes in once: a second time the first is
    returned. Raises InputError for a file that is no checkpoint, would run code, or has an unknown architecture.
    """
    if source.is_file():
        digest = file_sha256(source)
        for known in _all(workspace):
            if known.sha256 == digest and known.run is None:
                return known
    words = f"the file {source.name}" + (f" ({' '.join(origin.split())})" if origin.strip() else ", brought in by you")
    return keep_file(workspace, source, name or source.stem, tags, note, origin=words)


@dataclass(frozen=True)
class Arrival:
    """What became of one file of a folder of weights."""

    file: Path
    taken: bool
    words: str
    """where it went, or why it was refused"""


def import_weights(
    workspace: Workspace, path: Path, *, origin: str = "", progress: Callable[[int, int, str], None] | None = None
) -> list[Arrival]:
    """Take in one .pt file, or all below a folder (a USB stick): official ones as weights, others into the library.

    What an official file is goes by its name and task (yolo11s.pt); its digest then says whether it is the known one.
    Files are only read, links are not followed. `progress(done, total, file name)` is called before each. A refused
    file is among the answers with its reason; raises InputError when there is no such path, no .pt file below it, or
    too many.
    """
    path = path.expanduser()
    if not path.exists():
        raise InputError(f"There is no {path} on this machine: give the whole path of a .pt file or a folder.")
    files = [path] if path.is_file() else _weights_below(path)
    if not files:
        raise InputError(f"There is no weights file (.pt) in {path} or its folders.")
    arrivals = []
    for number, file in enumerate(files):
        if progress:
            progress(number, len(files), file.name)
        official = find_model(file.stem)
        try:
            if official not in (None, STARTER) and describe_weights(file)["task"] == official.task:
                taken = import_file(workspace, file, official.name, checked=True)
                arrivals.append(Arrival(file, True, f"{taken.path.name}: {taken.origin}"))
            else:
                model = import_model(workspace, file, origin=origin)
                arrivals.append(Arrival(file, True, f"in your library as “{model.name}” ({model.id})"))
        except InputError as error:
            arrivals.append(Arrival(file, False, str(error)))
    return arrivals


def _weights_below(folder: Path) -> list[Path]:
    found = []
    for where, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        found += [Path(where) / name for name in sorted(names) if name.endswith(".pt") and not name.startswith(".")]
        if len(found) > MOST_FILES:
            raise InputError(f"More than {MOST_FILES} weights files are below {folder}: name the folder more closely.")
    return [file for file in found if not file.is_symlink()]


def edit_model(
    workspace: Workspace,
    identifier: str,
    *,
    name: str | None = None,
    tags: tuple[str, ...] | None = None,
    note: str | None = None,
) -> LibraryModel:
    """Rename, tag or annotate a kept model. Raises InputError for an empty or too long name."""
    model = get_model(workspace, identifier)
    try:
        for field, value in (("name", name), ("tags", tags), ("note", note)):
            if value is not None:
                setattr(model, field, value)
    except ValidationError as error:
        first = error.errors()[0]
        raise InputError(f"{first['loc'][0]}: {first['msg'].removeprefix('Value error, ')}.") from error
    _write(model)
    return model


def delete_model(workspace: Workspace, identifier: str) -> int:
    """Delete a kept model; return the bytes freed. Runs that started from it stay as they are."""
    folder = get_model(workspace, identifier).folder
    size = folder_bytes(folder)
    shutil.rmtree(folder)
    return size


def keep_file(
    workspace: Workspace,
    source: Path,
    name: str,
    tags: tuple[str, ...],
    note: str,
    *,
    origin: str,
    run: str | None = None,
    dataset_name: str | None = None,
    started_from: str = "",
    imgsz: int | None = None,
    figures: dict[str, float] | None = None,
    confidence: float | None = None,
    positive: str = "",
    window: str = "auto",
    max_det: int = USUAL_MAX_DET,
) -> LibraryModel:
    """Copy a checkpoint into the library with what is known of it. Raises InputError when it is refused."""
    facts = describe_weights(source)
    with workspace.staging("library") as stage:
        shutil.copyfile(source, stage / MODEL_FILE)
        try:
            model = LibraryModel(
                id=new_id(name),
                name=name[:120],
                tags=tags,
                note=note,
                kept=datetime.now(UTC),
                task=facts["task"],
                classes=tuple(facts["classes"]),
                architecture=facts["architecture"],
                parameters=facts["parameters"],
                imgsz=imgsz or facts["imgsz"],
                bytes=(stage / MODEL_FILE).stat().st_size,
                sha256=file_sha256(stage / MODEL_FILE),
                origin=origin,
                run=run,
                dataset_name=dataset_name,
                started_from=started_from,
                figures=figures or {},
                confidence=confidence,
                positive=positive,
                window=window,
                max_det=max_det,
            )
        except ValidationError as error:
            first = error.errors()[0]
            raise InputError(f"{first['loc'][0]}: {first['msg'].removeprefix('Value error, ')}.") from error
        model._folder = stage
        _write(model)
        library_folder(workspace).mkdir(exist_ok=True)
        target = library_folder(workspace) / model.id
        target.mkdir()
        for file in (MODEL_FILE, RECORD_FILE):  # the record last: a model is there once its record is
            os.replace(stage / file, target / file)
        model._folder = target
    return model


def _write(model: LibraryModel) -> None:
    write_json_atomic(model.folder / RECORD_FILE, model.model_dump(mode="json"))


def _all(workspace: Workspace) -> list[LibraryModel]:
    return list_models(workspace)


def _ids(models: list[LibraryModel]) -> str:
    return ", ".join(model.id for model in models)
