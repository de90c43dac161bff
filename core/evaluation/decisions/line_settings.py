"""How the line (operating point) is drawn: by what matters most, or by hand."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from core.evaluation.decisions.settings import read_share

AnyAim = Literal["balanced", "recall", "precision", "sensitivity", "specificity", "cost"]
AIM_WORDS: dict[AnyAim, str] = {
    "balanced": "Balanced",
    "recall": "Miss as few as possible",
    "sensitivity": "Miss as few as possible",
    "precision": "Few false alarms",
    "specificity": "Few false alarms",
    "cost": "By what mistakes cost",
}


class LineSettings(BaseModel):
    """How a line is drawn; with neither `line` nor `aim` the one that is stored stands."""

    model_config = ConfigDict(extra="forbid")

    line: float | None = Field(
        default=None,
        ge=0,
        le=1,
        title="Draw the line by hand",
        description="The confidence from which a finding counts; of a classifier of two classes, from which a picture "
        "gets the class that is looked for. 0 to 1.",
    )
    aim: AnyAim | None = Field(
        default=None,
        title="What matters most",
        description="Draw the line by it, on the validation part: balanced or cost; for findings also recall (miss as "
        "few as possible) or precision (few false alarms), for a classifier of two classes sensitivity or specificity.",
    )
    at_least: float = Field(
        default=0.9,
        gt=0,
        le=1,
        title="At least",
        description="The share that the aim has to reach, such as 95 %: of what is there found, or of what is reported "
        "right; of a classifier, of the pictures that hold what is looked for flagged, or of the others left alone.",
    )
    miss_cost: float = Field(
        default=5.0, ge=0, le=1e6, title="A miss costs", description="In the same money as a false alarm."
    )
    alarm_cost: float = Field(
        default=1.0, ge=0, le=1e6, title="A false alarm costs", description="In the same money as a miss."
    )
    positive: str = Field(
        default="",
        title="Which class is looked for",
        description="For a classifier of two classes. Left empty, the one whose name doesn't say that nothing is "
        "wrong (good, ok, normal, negative, ...).",
    )

    @field_validator("at_least", mode="before")
    @classmethod
    def _read_share(cls, value: object) -> object:
        return read_share(value) if isinstance(value, str) else value

    @property
    def options(self) -> dict[str, float]:
        """The numbers that the aim needs, as they are kept beside the line."""
        if self.aim == "cost":
            return {"miss_cost": self.miss_cost, "alarm_cost": self.alarm_cost}
        return {"at_least": self.at_least} if self.aim not in (None, "balanced") else {}
