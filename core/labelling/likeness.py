"""More pictures like one: the waiting pictures by how near their features lie to those of the one that is looked at.

The features are those of the backbone that was last asked for proposals (core.delivery.propose); they are kept in
labelling/features.npz, of every picture it looked at.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from core.data.dataset import Dataset
from core.errors import InputError
from core.files.whole_files import replaced_whole
from core.labelling.label import State
from core.labelling.labelling import Labelling, Picture
from core.labelling.settings import FOLDER

LIKE = "like the one asked for"


def features_path(dataset: Dataset) -> Path:
    """Return where the features of a dataset's pictures lie."""
    return dataset.root / FOLDER / "features.npz"


def save_vectors(dataset: Dataset, vectors: Mapping[str, NDArray[np.float32]]) -> None:
    """Replace the features by picture id, each (features,)."""
    with replaced_whole(features_path(dataset)) as part, part.open("wb") as file:
        table = np.stack(list(vectors.values())).astype(np.float32)
        np.savez(file, ids=np.array(list(vectors)), vectors=table)


def read_vectors(dataset: Dataset) -> dict[str, NDArray[np.float32]]:
    """Return the features by picture id, {} where no model was asked yet or the file is damaged."""
    path = features_path(dataset)
    try:
        return _read(path, path.stat().st_mtime_ns)
    except (OSError, ValueError, KeyError, BadZipFile):
        return {}


@lru_cache(maxsize=4)
def _read(path: Path, _stamp: int) -> dict[str, NDArray[np.float32]]:
    with np.load(path, allow_pickle=False) as stored:
        return dict(zip(stored["ids"].tolist(), stored["vectors"], strict=True))


def nearest_first(like: str, others: list[str], vectors: Mapping[str, NDArray[np.float32]]) -> list[tuple[str, float]]:
    """Return `others` with their distances to `like`, the nearest first; each feature counts by its own spread."""
    if not others:
        return []
    table = np.stack([vectors[item] for item in [like, *others]])
    spread = np.stack(list(vectors.values())).std(axis=0)
    scaled = table / np.where(spread > 1e-6, spread, np.inf)  # one that is the same everywhere tells nothing
    away = np.sqrt(((scaled[1:] - scaled[0]) ** 2).sum(axis=1))
    order = np.lexsort((np.array(others), away))
    return [(others[row], float(away[row])) for row in order]


def more_like(work: Labelling, picture: str) -> list[tuple[Picture, str]]:
    """Return the open pictures of the training part, the one most like a picture first, each with LIKE as its reason.

    Pictures to check on are not among them: chosen by what they show, they would be no fair sample. Those that came
    since a model was asked are not either. Raises InputError where the picture has no features yet.
    """
    asked, vectors = work.picture(picture), read_vectors(work.dataset)
    if asked.id not in vectors:
        since = " since this picture came" if vectors else ""
        raise InputError(
            f"No model has looked at these pictures{since}: ask one for proposals first (“Shall a model help?”, or "
            f"`python -m core propose {work.dataset.id} RUN`)."
        )
    states = work.states()
    waiting = [
        item.id
        for item in work.pictures.values()
        if item.split == "train" and states[item.id] is State.OPEN and item.id != asked.id and item.id in vectors
    ]
    return [(work.pictures[item], LIKE) for item, _ in nearest_first(asked.id, waiting, vectors)]


def find_picture(work: Labelling, file: str) -> Picture:
    """Return the picture that a person calls so: by its whole name in the dataset or source, else by its last part.

    Raises InputError when there is none, or several.
    """
    exact = [item for item in work.pictures.values() if file in (item.source, item.file, item.id)]
    found = exact or [item for item in work.pictures.values() if Path(item.source).name == Path(file).name]
    if len(found) != 1:
        which = "has no picture" if not found else f"has {len(found)} pictures"
        raise InputError(
            f"{work.dataset.name} {which} called {file}: `python -m core label-queue {work.dataset.id}` lists those "
            "that are open."
        )
    return found[0]
