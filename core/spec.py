"""What to train: one model that gives the widget its label, the command line its option, the run its record."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from core.errors import InputError
from core.strategies import Strategy
from core.strategies.fine_tune import FINE_TUNE
from core.tasks import Task

USUAL_MAX_DET = 300
"""Findings kept per picture at most where nothing else is said: Ultralytics' own default, and that of older runs."""

OWN_ARGUMENTS = frozenset(
    [
        "task",
        "mode",
        "model",
        "data",
        "epochs",
        "imgsz",
        "batch",
        "seed",
        "device",
        "patience",
        "project",
        "name",
        "exist_ok",
        "save_dir",
        "resume",
        "save",
        "plots",
        "pretrained",
        "split",
        "val",
        "cfg",
        "tracker",
        "source",
        "distill_model",
    ]
)
"""Ultralytics arguments that Graft sets itself: they can't be given as extra settings."""


def own_words(taken: list[str]) -> str:
    """Say that expert settings are Graft's own, and where they are given instead where that has another name."""
    words = f"{', '.join(taken)}: set by Graft itself, not as an expert setting"
    if "distill_model" in taken:
        words += "; give the model to learn from as `teacher` (--teacher run:<id>), where it is checked"
    return words


class TrainingSpec(BaseModel):
    """Everything that decides a training run; written once to the run's `spec.json`."""

    model_config = ConfigDict(extra="forbid", use_enum_values=False)

    dataset: str = Field(title="Dataset", description="The id of an imported dataset.")
    task: Task = Field(title="Task", description="Taken from the dataset.")
    model: str = Field(
        default="yolo26n",
        title="Pre-trained model",
        description="A model of the catalogue (yolo26n, yolo11s, ...), starter (ships with Graft), the path of a .pt "
        "file of your own, run:<id> or library:<id> to start from a model of your own.",
    )
    strategy: Strategy = Field(
        default=FINE_TUNE,
        title="Strategy",
        description="How much of what the model already knows is kept as it is.",
    )
    teacher: str = Field(
        default="",
        title="Learn from a larger model",
        description="A second, larger model that shows this one how it sees every training picture (distillation): "
        "run:<id> or library:<id> for one of your own, a model of the catalogue, or the name of a .pt file in the "
        "workspace's weights. The best teacher is a larger model that was trained on the same pictures: where it is "
        "sure of something, the smaller one is drawn to see as it does. One that knows other classes only is sure in "
        "the wrong places and may do harm.",
    )
    epochs: int = Field(
        default=30, ge=1, le=10_000, title="Epochs", description="How many times the model sees every training picture."
    )
    imgsz: int = Field(
        default=320,
        ge=32,
        le=4096,
        title="Image size (pixels)",
        description="Pictures are scaled so that their longer side has this many pixels. Larger finds smaller "
        "things and takes longer: twice the size, four times the time.",
    )
    batch: int = Field(
        default=8,
        ge=1,
        le=1024,
        title="Batch size",
        description="Pictures looked at together before the model is adjusted. More needs more memory. auto (or -1) "
        "takes what suits the number of pictures and fits into the memory, measured before the first epoch.",
    )
    seed: int = Field(
        default=0,
        ge=0,
        le=2**31 - 1,
        title="Seed",
        description="The start of the random numbers. The same seed and settings give the same run again.",
    )
    device: str = Field(
        default="auto",
        title="Device",
        description="auto takes the first GPU, or the CPU where there is none. cpu, 0, or 0,1 for two GPUs.",
    )
    patience: int = Field(
        default=15,
        ge=0,
        le=10_000,
        title="Stop early after (epochs)",
        description="Training ends when the result on the validation pictures has not improved for this many epochs. "
        "0 never stops early.",
    )
    max_det: int = Field(
        default=USUAL_MAX_DET,
        ge=1,
        le=30_000,
        title="Most findings per picture",
        description="How many findings are kept of one picture, the surest. Left open, three times as many as the "
        "fullest training picture has objects, and 300 at least. The same holds in evaluation, prediction and exports. "
        "An expert setting (--set max_det=500).",
    )
    budget: str = Field(
        default="balanced",
        title="Time",
        description="quick (a first answer in minutes), balanced, thorough, or a number of minutes: what is left open "
        "is planned to fit.",
    )
    goes_on: bool = Field(
        default=False,
        title="Go on while it pays",
        description="The rate is held and falls at the end only, and more epochs than planned are trained, four times "
        "as many at most, for as long as a minute more is expected to raise the result: by 3 points of 100 with quick, "
        "1 with balanced, 0.3 with thorough or minutes. It ends by itself. Not on several GPUs.",
    )
    extra: dict[str, Any] = Field(
        default_factory=dict,
        title="Expert settings",
        description="Ultralytics training arguments by name; see the expert fold or default.yaml.",
    )
    name: str = Field(default="", title="Name", description="What you want to call the run.", max_length=120)
    reasons: dict[str, str] = Field(
        default_factory=dict, title="Reasons", description="Why a setting has its value, one sentence per setting."
    )
    transfer: dict[str, str] = Field(
        default_factory=dict,
        title="Starting point",
        description="Name, origin (in words) and SHA-256 of the weights the run starts from; filled in at its start.",
    )
    teacher_weights: dict[str, str] = Field(
        default_factory=dict,
        title="Teacher",
        description="Name, origin (in words) and SHA-256 of the teacher's weights; filled in at the run's start.",
    )
    labels_version: int = Field(
        default=0,
        title="Version of the labels",
        description="Of the labels as they were drawn in Graft; 0 as they were imported. Filled in at the run's start.",
    )

    def frozen_layers(self, backbone: int) -> int | None:
        """Return Ultralytics' `freeze` for the strategy: as many first layers as set by hand, else the whole backbone.

        `backbone` is how many layers that has. None where the strategy freezes nothing (what `freeze` among the expert
        settings says holds then).
        """
        if not self.strategy.freezes:
            return None
        by_hand = self.extra.get("freeze")
        return by_hand if isinstance(by_hand, int) and by_hand > 0 else backbone

    @model_validator(mode="before")
    @classmethod
    def _automatic_batch_is_left_open(cls, values: Any) -> Any:
        """Treat batch -1 or auto as not given: then the plan chooses it, and the worker makes it fit."""
        if isinstance(values, dict) and values.get("batch") in (-1, "-1", "auto", None):
            return {name: value for name, value in values.items() if name != "batch"}
        return values

    @model_validator(mode="before")
    @classmethod
    def _most_findings_are_a_field(cls, values: Any) -> Any:
        """Take Ultralytics' `max_det` out of the expert settings: evaluation and prediction go by it, too."""
        if isinstance(values, dict) and "max_det" in (extra := values.get("extra") or {}):
            others = {name: value for name, value in extra.items() if name != "max_det"}
            return {"max_det": extra["max_det"], **values, "extra": others}
        return values

    @field_validator("extra")
    @classmethod
    def _no_own_arguments(cls, extra: dict[str, Any]) -> dict[str, Any]:
        taken = sorted(OWN_ARGUMENTS & extra.keys())
        if taken:
            raise ValueError(own_words(taken))
        share = extra.get("untransformed", 0)
        if share is not None and not (isinstance(share, int | float) and 0 <= share <= 1):
            raise ValueError(f"untransformed is a share of the pictures, from 0 to 1, not {share}")
        return extra

    @field_validator("device")
    @classmethod
    def _known_device(cls, device: str) -> str:
        cleaned = device.strip().lower().removeprefix("cuda:")
        if cleaned in ("auto", "cpu", "mps") or all(part.isdigit() for part in cleaned.split(",")):
            return cleaned
        raise ValueError(f"“{device}” is not a device: use auto, cpu, 0, or 0,1 for two GPUs")


SPEC_FILE = "spec.json"


def read_spec(run_folder: Path) -> TrainingSpec:
    """Return what was asked of a run, from its spec.json. Raises InputError when it is not there, or damaged."""
    path = run_folder / SPEC_FILE
    try:
        return TrainingSpec.model_validate_json(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise InputError(
            f"There is no run “{run_folder.name}” in this workspace; `python -m core runs` lists them."
        ) from error
    except (OSError, ValueError) as error:
        raise InputError(
            f"{path} can't be read: it is damaged. Bring it back from a copy, or delete the run."
        ) from error
