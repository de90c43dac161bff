"""Which model looks at new pictures, and how: the weights, the size, the window and the line of its training."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from core.data.dataset import load_dataset
from core.data.images.windows import Window
from core.delivery.predict.entry import Entry
from core.errors import InputError
from core.evaluation.figures.operating_point import FALLBACK_CONFIDENCE, load_line_of
from core.evaluation.predict.novelty import FEATURES_FILE, features_path
from core.models.library import get_model
from core.spec import USUAL_MAX_DET
from core.tasks import TASKS
from core.training.runs import get_run
from core.training.starting_points import locate
from core.words import score
from core.workspace import Workspace

LOWEST_CONFIDENCE = 0.05
"""Answers are kept from here on, so that the line can be moved without asking the model again."""


@dataclass(frozen=True)
class ChosenModel:
    """A model and the conditions under which it was trained and judged; new pictures get the same."""

    name: str
    """the id of a run, library:<id>, or the path of a .pt file"""
    title: str
    weights: Path
    imgsz: int | None = None
    """pixels the longer side is scaled to; None: what the checkpoint itself says"""
    confidence: float = FALLBACK_CONFIDENCE
    chosen_line: bool = False
    """whether `confidence` was chosen on the validation pictures"""
    positive: str = ""
    """of a classifier of two classes: the one it names from `confidence` on; "" where it names the likelier"""
    window: str = "auto"
    dataset: str | None = None
    """id of the dataset it was trained on; None when unknown or deleted"""
    base: Path | None = None
    """the pre-trained checkpoint it started from, where that is on this machine"""
    from_scratch: bool = False
    task: str = ""
    """empty for a .pt file, whose task is known once it is loaded"""
    max_det: int = USUAL_MAX_DET
    """findings kept of a picture, at most"""
    tile: int | None = None
    """pixels of the tiles it learned from, of bigger pictures; None where it learned from whole ones"""
    run_folder: Path | None = None
    """of the run it is the best model of"""
    features: Path | None = None
    """where it is kept what the model saw in its training pictures (core.evaluation.predict.novelty), if it is yet"""

    @property
    def is_run(self) -> bool:
        """Whether it is the best model of a run of this workspace."""
        return not self.name.endswith(".pt") and not self.name.startswith("library:")

    @property
    def lowest(self) -> float:
        """The confidence (0 to 1) from which answers are kept: well below the line, and never above 0.05."""
        return max(0.001, min(LOWEST_CONFIDENCE, self.confidence / 2))

    def at_line(self, entry: Entry) -> Entry:
        """Return the entry of a classified picture with the class it gets at the line, any other as it is."""
        likely = entry.get("probabilities", {})
        if self.positive not in likely or len(likely) != 2:
            return entry
        [other] = set(likely) - {self.positive}
        return {**entry, "named": self.positive if likely[self.positive] >= self.confidence else other}

    def words(self, imgsz: int | None = None) -> str:
        """Say in a sentence or two what is used; `imgsz` is the checkpoint's own size where it is known by now."""
        size = self.imgsz or imgsz
        scaled = f"Pictures are scaled to {size} pixels" if size else "Pictures are scaled as the file itself says"
        if self.tile:
            scaled = f"Bigger pictures are looked at in tiles of {self.tile} pixels, each scaled to {size}"
        trained = ", as in its training" if self.imgsz else ""
        window = "each by its own levels (automatic)" if self.window == "auto" else f"by the window {self.window}"
        words = f"{scaled}{trained}; pictures of more than 8 bits are brought to 8 {window}."
        if self.positive:
            return (
                f"{words} A picture gets the class “{self.positive}” from a confidence of {score(self.confidence)} in "
                "it: the operating point of the model."
            )
        if self.task and not TASKS[self.task].finds_objects:
            return words  # the likeliest class is the answer, there is no line
        line = (
            "the operating point of the model"
            if self.chosen_line
            else "a usual value, not chosen for this model; its evaluation finds a better one"
        )
        return f"{words} A finding counts from a confidence of {score(self.confidence)}: {line}."


def choose_model(workspace: Workspace, name: str) -> ChosenModel:
    """Return the model named by the id of a run, library:<id>, or the path of a .pt file.

    A checkpoint is not opened here: the child that predicts loads it safely (weights only). Raises InputError for an
    unknown run, a run without a model, or a file that is not there.
    """
    if name.startswith("library:"):
        kept = get_model(workspace, name.removeprefix("library:"))
        line = FALLBACK_CONFIDENCE if kept.confidence is None else kept.confidence
        window = Window.parse(kept.window).name
        chosen = kept.confidence is not None
        return ChosenModel(
            name, kept.name, kept.path, kept.imgsz, line, chosen, kept.positive, window, task=kept.task,
            max_det=kept.max_det, features=kept.folder / FEATURES_FILE,
        )  # fmt: skip
    if name.endswith(".pt"):
        path = Path(name).expanduser()
        if not path.is_file():
            raise InputError(f"There is no file {path}.")
        return ChosenModel(name, path.name, path.resolve())
    run = get_run(workspace, name)
    if run.best_weights is None:
        raise InputError(f"The run {run.id} has no trained model yet (it is {run.state}).")
    point = load_line_of(run.folder, run.best_weights)
    try:
        dataset = load_dataset(workspace, run.dataset)
        window, dataset_id, tile = dataset.window_setting, dataset.id, dataset.tile
    except InputError:
        window, dataset_id, tile = "auto", None, None  # deleted meanwhile
    return ChosenModel(
        run.id,
        run.name,
        run.best_weights,
        run.spec.imgsz,
        point.confidence if point else FALLBACK_CONFIDENCE,
        point is not None,
        point.positive if point else "",
        Window.parse(window).name,
        dataset_id,
        _base(workspace, run.spec.model, run.spec.task),
        not run.spec.strategy.reuses,
        run.task,
        run.spec.max_det,
        tile,
        run.folder,
        features_path(run.folder),
    )


def _base(workspace: Workspace, model: str, task: str) -> Path | None:
    try:
        found = locate(workspace, model, task)  # type: ignore[arg-type]
    except InputError:
        return None  # trained from a file that is gone
    return found.path if found else None
