"""What a model proposes for pictures nobody has labelled yet, and in which order they are best looked at.

Both stand in labelling/proposals.json, written at once by who asked the model (core.delivery.propose); a proposal is no
label until somebody takes it over.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from core.data.dataset import Dataset
from core.labelling.label import Shape
from core.labelling.settings import FOLDER
from core.workspace import read_json, write_json_atomic

SAME = 0.6
"""IoU above which two proposals are of one thing."""


class Proposed(Shape):
    """An object a model proposes, or (without a place) a class for the whole picture."""

    confidence: float = Field(ge=0, le=1)


class Proposals(BaseModel):
    """The content of labelling/proposals.json."""

    model_config = ConfigDict(extra="ignore")

    model: str = Field(description="the id of a run, library:<id>, or the path of a .pt file")
    title: str
    at: str
    line: float = Field(description="confidence from which taking over saves most, else from which findings count")
    pictures: dict[str, list[Proposed]] = Field(description="by the picture's id")
    order: list[tuple[str, str]] = Field(default_factory=list, description="id and reason, the doubtful ones first")
    left_out: dict[str, int] = Field(default_factory=dict, description="findings by a class that is not named here")

    @property
    def count(self) -> int:
        """How many objects or classes are proposed, at or above the line."""
        return sum(len(self.sure(picture)) for picture in self.pictures)

    def sure(self, picture: str) -> list[Proposed]:
        """Return what is proposed for a picture at or above the line; what is less sure is shown when asked for."""
        return [item for item in self.pictures.get(picture, []) if item.confidence >= self.line]


def one_per_thing(found: list[Proposed]) -> list[Proposed]:
    """Return the surest of proposals that overlap by more than SAME, whatever their classes, the surest first."""
    kept: list[Proposed] = []
    for item in sorted(found, key=lambda shape: -shape.confidence):
        if all(overlap(item, other) <= SAME for other in kept):
            kept.append(item)
    return kept


def overlap(one: Shape, other: Shape) -> float:
    """Return the IoU of the upright boxes around two shapes; 0 where one has no place."""
    if not one.has_place or not other.has_place:
        return 0.0
    (al, at, ar, ab), (bl, bt, br, bb) = one.edges(), other.edges()
    shared = max(0.0, min(ar, br) - max(al, bl)) * max(0.0, min(ab, bb) - max(at, bt))
    whole = (ar - al) * (ab - at) + (br - bl) * (bb - bt) - shared
    return shared / whole if whole > 0 else 0.0


def proposals_path(dataset: Dataset) -> Path:
    """Return where a dataset's proposals lie."""
    return dataset.root / FOLDER / "proposals.json"


def read_proposals(dataset: Dataset) -> Proposals | None:
    """Return the latest proposals, None where there are none."""
    path = proposals_path(dataset)
    try:
        return _read(path, path.stat().st_mtime_ns)
    except (FileNotFoundError, ValidationError):
        return None


@lru_cache(maxsize=8)
def _read(path: Path, _stamp: int) -> Proposals:
    return Proposals.model_validate(read_json(path))


def save_proposals(dataset: Dataset, proposals: Proposals) -> None:
    """Replace the proposals of a dataset."""
    content: dict[str, Any] = proposals.model_dump(mode="json", by_alias=True, exclude_none=True)
    write_json_atomic(proposals_path(dataset), content, durable=False)
