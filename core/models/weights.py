"""Weights on this machine: the official ones, the starter, files of the user's; where they come from, what they are.

Official files are the release assets of the ultralytics/assets repository on GitHub; nothing is downloaded unless the
user asks for it. What is loaded as weights is loaded safely (`ULTRALYTICS_SAFE_LOAD`, see core/processes/isolation.py):
a checkpoint is a pickle, and a pickle can run commands.
"""

from __future__ import annotations

import os
import shutil
import zipfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

from core.errors import GraftError, InputError
from core.files.digests import file_sha256
from core.files.fetching import Moved, NotThere, Unreachable, fetch
from core.models.catalog import STARTER, Model, models_for
from core.models.starter.checkpoint import CHECKPOINT, STARTER_WORDS
from core.processes.children import run_child
from core.settings import load_settings, refuse_unless_allowed
from core.tasks import Task
from core.ultralytics.checkpoints import CheckpointFacts
from core.words import megabytes
from core.workspace import Workspace, read_json, slug, write_json_atomic

OFFICIAL_RELEASE = "https://github.com/ultralytics/assets/releases/download/v8.4.0/"
"""The release the pinned Ultralytics version takes its files from (`attempt_download_asset`)."""

OFFICIAL_SHA256 = {
    "yolo11n.pt": "0ebbc80d4a7680d14987a577cd21342b65ecfd94632bd9a8da63ae6417644ee1",
    "yolo26n.pt": "9b09cc8bf347f0fc8a5f7657480587f25db09b34bf33b0652110fb03a8ad4fef",
}
"""Digests known beforehand; others are recorded at their first download."""

RECORDED = "digests.json"
"""In the workspace's weights folder: digests of official files recorded at their first download."""
READING_SECONDS = 180
"""Opening a checkpoint takes seconds; a file that takes this long holds something else."""
OWN_FILE = "a file of your own, none of the official ones known to Graft"
"""The origin of a checkpoint that was brought in."""
ARRIVING = ".arriving"
"""In the workspace's weights folder: downloads that are not whole yet."""


@dataclass(frozen=True)
class WeightsFile:
    """A checkpoint that is there."""

    path: Path
    sha256: str
    origin: str
    """where it comes from, in words"""
    official: bool = False
    """True when the digest is the known one of the official file"""

    def record(self, name: str) -> dict[str, str]:
        """Return what a run keeps of its starting point: what it was called, where it came from, its digest."""
        return {"name": name, "origin": self.origin, "sha256": self.sha256}


def default_model(workspace: Workspace, task: Task) -> str:
    """Return what to start from unless told otherwise: the smallest model whose weights are here, else the starter.

    Without either (the starter is for detection only) it is the smallest of the newest family, to be downloaded.
    """
    here = [model for model in models_for(task) if is_here(workspace, model)]
    smallest = [model for model in here if model.size == "n"] or here
    if smallest:
        return smallest[0].name
    return STARTER.name if STARTER in models_to_choose(task) else models_for(task)[0].name


def weights_here(workspace: Workspace) -> dict[str, WeightsFile]:
    """Return what pre-trained weights are on this machine, by name: the starter, then the files of the workspace."""
    here = {}
    if CHECKPOINT.is_file():
        here[STARTER.name] = WeightsFile(CHECKPOINT, file_sha256(CHECKPOINT), STARTER_WORDS)
    for path in sorted(workspace.weights.glob("*.pt")):
        here[path.stem] = described_file(workspace, path)
    return here


def models_to_choose(task: Task) -> tuple[Model, ...]:
    """Return the models of the catalogue for a task and, where it ships and fits, the starter as the last."""
    return (*models_for(task), STARTER) if task == STARTER.task and CHECKPOINT.is_file() else models_for(task)


def is_here(workspace: Workspace, model: Model) -> bool:
    """Say whether a model's weights are on this machine."""
    return CHECKPOINT.is_file() if model is STARTER else (workspace.weights / model.file).is_file()


def missing_words(model: Model) -> str:
    """Say in a sentence that a model's weights are not there and what can be done about it."""
    others = "or train from scratch (strategy scratch)"
    if model.task == STARTER.task and CHECKPOINT.is_file():
        others = "start from the starter that ships with Graft (model starter), or train from scratch"
    return (
        f"The weights of {model.name} are not on this machine yet: put {model.file} into the workspace's weights "
        f"folder, download it (about {megabytes(model.download_bytes)}), {others}."
    )


def download(workspace: Workspace, model: Model, progress: Moved | None = None, attempts: int = 4) -> WeightsFile:
    """Download a model's official checkpoint into the workspace, because the user asked for it.

    `progress(done, total)` is called in bytes. An interrupted download goes on where it stopped. The digest of a file
    that is not known beforehand is recorded at its first download, after it was loaded safely once. Raises Unreachable
    without a network, NotThere when the site has no such file, GraftError when a digest that is known differs.
    """
    refuse_unless_allowed(load_settings(workspace).fetch_weights, "pre-trained weights")
    target = workspace.weights / model.file
    part = workspace.weights / ARRIVING / model.file
    part.parent.mkdir(exist_ok=True)
    try:
        fetch(OFFICIAL_RELEASE + model.file, part, progress, attempts)
    except Unreachable as error:
        raise Unreachable(f"{error} Bring {model.file} on a USB stick and import it, or start without it.") from error
    except NotThere as error:
        raise NotThere(f"{error} Choose another model, or bring the file yourself.") from error
    digest, recorded = file_sha256(part), _recorded(workspace)
    known = OFFICIAL_SHA256.get(model.file) or recorded.get(model.file, {}).get("sha256")
    if known and digest != known:
        part.unlink()
        which = "the official one" if model.file in OFFICIAL_SHA256 else "the one recorded at the first download"
        raise GraftError(f"{model.file} arrived damaged or altered (its digest is not {which}); it was removed.")
    if not known:
        try:
            describe_weights(part)
        except InputError:
            part.unlink()
            raise
        recorded[model.file] = {"sha256": digest, "from": OFFICIAL_RELEASE, "on": datetime.now(UTC).date().isoformat()}
        write_json_atomic(workspace.weights / RECORDED, recorded)
    os.replace(part, target)
    return described_file(workspace, target)


def import_file(workspace: Workspace, source: Path, name: str | None = None, *, checked: bool = False) -> WeightsFile:
    """Take a .pt file of the user's into the workspace's weights after checking that it loads safely.

    `name` is the file name to keep (default: the source's own); an existing file of that name with other content gets
    a number. With `checked` it was described just now and is not loaded again. Raises InputError for a file that is no
    checkpoint, that would run code, or that Ultralytics doesn't know.
    """
    if not checked:
        describe_weights(source)
    stem = slug(Path(name or source.name).stem, "weights")
    target = workspace.weights / f"{stem}.pt"
    digest, number = file_sha256(source), 1
    while target.exists() and file_sha256(target) != digest:
        number += 1
        target = workspace.weights / f"{stem}-{number}.pt"
    if not target.exists():
        part = target.with_suffix(".pt.part")
        shutil.copyfile(source, part)
        os.replace(part, target)
    return described_file(workspace, target)


def describe_weights(path: Path) -> CheckpointFacts:
    """Load a checkpoint in a child process with weights-only unpickling; return what it says of itself.

    Nothing the file holds is run: torch's weights-only unpickler with Ultralytics' allow-list raises at the first
    thing that is no tensor, number, text or known layer (docs: pytorch.org/docs/stable/generated/torch.load.html).
    Raises InputError when the file is refused, saying why.
    """
    if not path.is_file():
        raise InputError(f"There is no file {path}.")
    if not zipfile.is_zipfile(path):
        raise InputError(f"{path.name} is not a PyTorch checkpoint (.pt) or is cut off: get it again from its source.")
    request, refused = {"path": str(path.resolve())}, f"{path.name} is refused"
    try:
        facts = run_child("core.models.checkpoint", request, timeout=READING_SECONDS, failure=refused)
        return cast(CheckpointFacts, facts)
    except InputError:
        raise
    except GraftError as error:  # a file that brings its reader down, or holds it up, is to blame itself
        raise InputError(str(error)) from error


def _recorded(workspace: Workspace) -> dict[str, dict[str, str]]:
    return read_json(workspace.weights / RECORDED)  # empty or spoilt by hand: recorded anew at the next download


def described_file(workspace: Workspace, path: Path) -> WeightsFile:
    """Return a checkpoint that lies at `path` with its digest and, in words, where it comes from."""
    digest = file_sha256(path)
    recorded = _recorded(workspace).get(path.name, {})
    if OFFICIAL_SHA256.get(path.name) == digest:
        return WeightsFile(path, digest, "the official file (its digest is the known one)", True)
    if recorded.get("sha256") == digest:
        words = f"downloaded from {recorded['from']} on {recorded['on']} (its digest was recorded then)"
        return WeightsFile(path, digest, words)
    return WeightsFile(path, digest, OWN_FILE)
