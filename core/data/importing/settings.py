"""How an upload is read: one model for the widgets of the page, the options of the command line and the record."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from core.tasks import Task

CHOICES = "choices"
"""The one field without a widget and an option of its own: what there is to choose depends on the upload."""


class ImportSettings(BaseModel):
    """How an upload is read; every field has a default that suits most sets."""

    model_config = ConfigDict(extra="forbid")

    task: Task | None = Field(
        default=None,
        title="What the labels are (task)",
        description="What the labels are; left empty, it is read from the labels themselves.",
    )
    pictures_alone: bool = Field(
        default=False,
        title="Take the pictures alone, without their labels",
        description="Labels that come along are not read: to label anew, or to look at the pictures.",
    )
    split: str | None = Field(
        default=None,
        title="How to divide them (split, in %)",
        examples=["70/20/10"],
        description="Shares of train, val and test in percent, such as 70/20/10. Left empty, the source's own split is "
        "kept, or 80/20 made when it has none.",
    )
    keep_source_split: bool = Field(
        default=True,
        title="Keep the division they come with (split)",
        description="Use the split that comes with the pictures.",
    )
    group_by: str | None = Field(
        default=None,
        title="Never divide a patient or part (group)",
        examples=["patient(\\d+)"],
        description="A pattern (regular expression) that finds the patient or part in a file name, such as "
        "patient(\\d+); or dicom:PatientID. Pictures of one group never straddle the split.",
    )
    keep_duplicates_together: bool = Field(
        default=True,
        title="Keep copies in one part (near-duplicates)",
        description="When a split is made, copies and near-copies go to the same part.",
    )
    lock_test: bool = Field(
        default=False,
        title="Lock the test part",
        description="Test stays closed until you open it on the evaluation page; the opening is recorded.",
    )
    window: str = Field(
        default="auto",
        title="Grey levels to show (window)",
        description="For pictures of more than 8 bits: auto, lung, bone, brain, soft-tissue, or two levels, 0,4095.",
    )
    pages: Literal["all", "first"] = Field(
        default="all",
        title="Files of several pages or frames",
        description="Files of several pages or frames (TIFF, DICOM): take each as a picture, or the first only.",
    )
    frame_seconds: float = Field(
        default=0.5,
        ge=0.02,
        le=3600,
        title="Seconds between two frames of a video",
        description="Of a video, one frame is looked at every so many seconds; what shows the same as the frame before "
        "it is left out.",
    )
    most_frames: int = Field(
        default=300,
        ge=2,
        le=5_000,
        title="Most frames of a video",
        description="Of a longer video the frames lie further apart, evenly.",
    )
    seed: int = Field(
        default=0,
        ge=0,
        le=2**31 - 1,
        title="Number of the draw (seed)",
        description="Which picture goes where is drawn by lot; the same number draws the same division again.",
    )
    choices: dict[str, str] = Field(
        default_factory=dict,
        title="Where several readings fit",
        description="Which reading is meant where several fit, by the name of the choice.",
    )

    @field_validator("split", "group_by", mode="before")
    @classmethod
    def _blank_is_none(cls, value: object) -> object:
        return None if isinstance(value, str) and not value.strip() else value
