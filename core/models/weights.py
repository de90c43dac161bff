"""Where pre-trained weights come from: the workspace's `weights/` folder, the official download, a file of the user's.

Official files are the release assets of the ultralytics/assets repository on GitHub. Nothing is downloaded unless the
user asks for it. What is loaded as weights is loaded safely (`ULTRALYTICS_SAFE_LOAD`, see core/models/isolation.py):
a checkpoint is a pickle, and a pickle can run commands.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from core.data.dataset import Task
from core.errors import GraftError, InputError
from core.models.catalog import Model, find_model, model_for_task
from core.models.isolation import isolated_environment
from core.workspace import Workspace, slug

OFFICIAL_RELEASE = "https://github.com/ultralytics/assets/releases/download/v8.4.0/"
"""The release the pinned Ultralytics version takes its files from (`attempt_download_asset`)."""

OFFICIAL_SHA256 = {
    "yolo11n.pt": "0ebbc80d4a7680d14987a577cd21342b65ecfd94632bd9a8da63ae6417644ee1",
    "yolo26n.pt": "9b09cc8bf347f0fc8a5f7657480587f25db09b34bf33b0652110fb03a8ad4fef",
}
"""Digests known beforehand; others are recorded at their first download."""


@dataclass(frozen=True)
class WeightsFile:
    """A checkpoint that is there."""

    path: Path
    sha256: str
    official: bool
    """True when the digest is the known one of the official file"""

    @property
    def origin(self) -> str:
        """Where it comes from, in words."""
        if self.official:
            return "the official file (its digest is the known one)"
        return "a file placed in the workspace (its digest is not one of the official files known to Graft)"


def locate(workspace: Workspace, model: str, task: Task) -> WeightsFile | None:
    """Find the weights of a catalogue model (in the variant for `task`) or of a .pt path; None when not there yet.

    Raises InputError when `model` is neither in the catalogue nor a file.
    """
    path = Path(model).expanduser()
    if model.endswith(".pt") and path.is_file():
        return _described(path.resolve())
    if find_model(model) is None and (workspace.weights / f"{Path(model).stem}.pt").is_file():
        return _described(workspace.weights / f"{Path(model).stem}.pt")
    if find_model(model) is None and (model.endswith(".pt") or os.sep in model):
        raise InputError(f"There is no weights file {model}; give the path of a .pt file or a name like yolo26n.")
    path = workspace.weights / model_for_task(model, task).file
    return _described(path) if path.is_file() else None


def missing_words(model: Model) -> str:
    """Say in a sentence that a model's weights are not there and what can be done about it."""
    return (
        f"The weights of {model.name} are not on this machine yet: put {model.file} into the workspace's weights "
        f"folder, download it (about {model.download_bytes / 1e6:.0f} MB), or train from scratch (strategy scratch)."
    )


def download(
    workspace: Workspace, model: Model, progress: Callable[[int, int], None] | None = None, attempts: int = 4
) -> WeightsFile:
    """Download a model's official checkpoint into the workspace, because the user asked for it.

    `progress(done, total)` is called in bytes. An interrupted download goes on where it stopped. Raises GraftError when
    the site can't be reached, or when a digest that is known differs.
    """
    target = workspace.weights / model.file
    part = target.with_suffix(".pt.part")
    for attempt in range(attempts):
        try:
            _fetch(OFFICIAL_RELEASE + model.file, part, progress)
            break
        except (OSError, urllib.error.URLError) as error:
            if attempt == attempts - 1:
                reason = getattr(error, "reason", error)
                raise GraftError(
                    f"{model.file} could not be downloaded: the download site can't be reached ({reason}). Bring the "
                    f"file on a USB stick and drop it in, or train from scratch."
                ) from error
            time.sleep(0.5 * 2**attempt)
    known = OFFICIAL_SHA256.get(model.file)
    if known and _sha256(part) != known:
        part.unlink()
        raise GraftError(
            f"{model.file} arrived damaged or altered (its digest is not the official one); it was removed."
        )
    os.replace(part, target)
    return _described(target)


def _fetch(url: str, part: Path, progress: Callable[[int, int], None] | None) -> None:
    done = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={done}-"} if done else {})  # noqa: S310
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
        if done and answer.status != 206:
            done = 0  # the server starts anew
        total = done + int(answer.headers.get("Content-Length") or 0)
        with part.open("ab" if done else "wb") as file:
            while block := answer.read(1 << 18):
                file.write(block)
                done += len(block)
                if progress:
                    progress(done, total)
    if total and done < total:
        raise OSError(f"only {done} of {total} bytes arrived")


def import_file(workspace: Workspace, source: Path, name: str | None = None) -> WeightsFile:
    """Take a .pt file of the user's into the workspace's weights after checking that it loads safely.

    `name` is the file name to keep (default: the source's own); an existing file of that name with other content gets
    a number. Raises InputError for a file that is no checkpoint, that would run code, or that Ultralytics doesn't know.
    """
    check_checkpoint(source)
    stem = slug(Path(name or source.name).stem, "weights")
    target = workspace.weights / f"{stem}.pt"
    digest, number = _sha256(source), 1
    while target.exists() and _sha256(target) != digest:
        number += 1
        target = workspace.weights / f"{stem}-{number}.pt"
    if not target.exists():
        part = target.with_suffix(".pt.part")
        shutil.copyfile(source, part)
        os.replace(part, target)
    return _described(target)


def check_checkpoint(path: Path) -> None:
    """Load a checkpoint in a child process with weights-only unpickling; raise InputError when that is refused.

    Nothing the file holds is run: torch's weights-only unpickler with Ultralytics' allow-list raises at the first
    thing that is no tensor, number, text or known layer (docs: pytorch.org/docs/stable/generated/torch.load.html).
    """
    if not path.is_file():
        raise InputError(f"There is no file {path}.")
    if not zipfile.is_zipfile(path):
        raise InputError(f"{path.name} is not a PyTorch checkpoint (.pt) or is cut off: get it again from its source.")
    child = subprocess.run(
        [sys.executable, "-m", "core.models.checkpoint", str(path.resolve())],
        capture_output=True,
        text=True,
        timeout=180,
        env=isolated_environment(),
        cwd=Path(__file__).resolve().parents[2],
        stdin=subprocess.DEVNULL,
    )
    if child.returncode != 0:
        reason = (child.stdout.strip().splitlines() or ["it can't be loaded"])[-1]
        raise InputError(f"{path.name} is refused: {reason}")


def _described(path: Path) -> WeightsFile:
    digest = _sha256(path)
    return WeightsFile(path, digest, OFFICIAL_SHA256.get(path.name) == digest)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
