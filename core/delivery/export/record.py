"""What is recorded of an export in its `export.json`, and of the job that makes it."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from core.spec import USUAL_MAX_DET

Head = Literal["as-evaluated", "nms-free"]
OUTCOMES = {
    "verified": "exported and verified",
    "unverified": "exported, not verifiable here",
    "differs": "exported, but it answers differently",
    "failed": "failed",
}


class ExportJob(BaseModel):
    """What the child is asked for: the content of job.json."""

    run: str
    """the run's folder"""
    format: str
    head: Head
    half: bool
    asked: Literal["auto", "as-evaluated", "nms-free"]
    """the head as the user asked for it"""


class ExportedFile(BaseModel):
    """One file of an export, named within its folder."""

    name: str
    bytes: int
    sha256: str


class Milliseconds(BaseModel):
    """How long one picture takes with each, in milliseconds."""

    checkpoint: float
    exported: float


class ExportCheck(BaseModel):
    """The exported file beside the checkpoint on the same pictures; differences are exported minus checkpoint."""

    pictures: int
    part: str
    compared: int
    """pictures compared box by box"""
    metric: Literal["mAP50-95", "top-1", "mIoU"]
    checkpoint: float
    exported: float
    difference: float
    head_cost: float | None = None
    """what the NMS-free head costs in the metric, None when it was not chosen"""
    box_difference: float | None = None
    """pixels at most, None without a pair of boxes"""
    typical_box_difference: float | None = None
    """pixels, the median"""
    boxes: int
    boxes_without_partner: int
    pixels_apart: float | None = None
    """share of pixels that get another class, None where pixels have none"""
    confidence_difference: float | None = None
    milliseconds: Milliseconds


class ExportRecord(BaseModel):
    """How an export went: the content of `export.json`."""

    model_config = ConfigDict(extra="ignore")

    format: str
    title: str = ""
    outcome: Literal["verified", "unverified", "differs", "failed"] = "failed"
    reason: str = ""
    created: str = ""
    """when, in UTC as ISO 8601"""
    seconds: float = 0.0
    head: Head | Literal[""] = ""
    half: bool = False
    dynamic: bool = False
    """whether it takes pictures of any shape"""
    imgsz: int = 0
    max_det: int = USUAL_MAX_DET
    """findings kept per picture, at most"""
    files: list[ExportedFile] = Field(default_factory=list)
    check: ExportCheck | None = None
    weights_sha256: str = ""
    machine: str = ""
    versions: dict[str, str] = Field(default_factory=dict)
    has_nms_free: bool | None = None
    """whether the model has an NMS-free head, None where it was not looked at"""
    outdated: bool = Field(default=False, exclude=True)
    """whether the weights have changed since; found out when it is read"""

    def stored(self) -> dict[str, Any]:
        """Return what is written to `export.json`."""
        known = self.model_dump(mode="json")
        if self.has_nms_free is None:
            del known["has_nms_free"]
        return known
