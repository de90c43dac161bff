"""New pictures beside those the model learned from: what is kept to compare them with, and what that says in words.

`core.evaluation.predict.novelty` measures; here it is found for a chosen model and told with every answer.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from core.delivery.predict.entry import ComparedWith, Entry
from core.evaluation.predict.novelty import FEWEST_VALIDATION, TrainingFeatures, load_features
from core.files.digests import file_sha256
from core.words import count, percent

TOO_LITTLE = f"that takes {FEWEST_VALIDATION} validation pictures at least, and the run of the model in this workspace"
"""Why nothing is said of a picture, where nothing went wrong."""


def not_compared_words(reason: str = "") -> str:
    """Say that unlike pictures are not told: silence would be taken for a good sign."""
    return f"Pictures were not compared with those it learned from: {(reason or TOO_LITTLE).rstrip('.')}."


def kept_features(path: Path | None, weights: Path) -> TrainingFeatures | None:
    """Return what is kept at `path` for the checkpoint at `weights`, None where there is nothing for it."""
    if path is None or not path.is_file():
        return None
    return _read(path, path.stat().st_mtime_ns, weights, weights.stat().st_mtime_ns)


@lru_cache(maxsize=4)
def _read(path: Path, _changed: int, weights: Path, _weights_changed: int) -> TrainingFeatures | None:
    return load_features(path, file_sha256(weights))


def compared_with(features: TrainingFeatures | None) -> ComparedWith | None:
    """Return what new pictures are compared with as plain values, None where there is nothing."""
    if features is None:
        return None
    return {"training": len(features.vectors), "validation": features.validation, "share": features.share}


def is_unlike(entry: Entry) -> bool:
    """Say whether a picture lies further from the training pictures than the limit."""
    return entry.get("unlike", False)


def mark(entry: Entry) -> str:
    """Return what to write behind the answer for a picture that is unlike the training pictures, "" for others."""
    return ", unlike what the model learned from" if is_unlike(entry) else ""


def unlike_words(unlike: int, pictures: int, known: ComparedWith) -> str:
    """Say in plain words how many pictures are unlike the training pictures, and what that is worth."""
    usual = f"of pictures of the same kind about {percent(known['share'])} are marked so"
    if not unlike:
        these = "The picture is not" if pictures == 1 else f"None of the {count(pictures, 'picture')} is"
        return f"{these} unlike those this model learned from ({usual})."
    these = "The picture is" if pictures == 1 else f"{unlike} of {count(pictures, 'picture')} {_are(unlike)}"
    return (
        f"{these} unlike those this model learned from: don't rely on its answer there, look yourself ({usual}; the "
        "figures of its evaluation don't hold for other kinds)."
    )


def _are(number: int) -> str:
    return "is" if number == 1 else "are"
