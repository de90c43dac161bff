"""What Graft can't know about a decision: how common the bad is in practice, and what "nothing is wrong" is called."""

from __future__ import annotations

import re
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_validator

GOOD_NAMES = frozenset(
    (
        "good",
        "ok",
        "okay",
        "normal",
        "negative",
        "healthy",
        "pass",
        "passed",
        "none",
        "clean",
        "intact",
        "benign",
        "fine",
    )
)
"""Names of classes that say that nothing is wrong."""
_UNITS = {"": 1.0, "%": 100.0, "‰": 1000.0, "ppm": 1e6}


class DecisionSettings(BaseModel):
    """What is stated about practice; each field may stay empty."""

    model_config = ConfigDict(extra="forbid")

    prevalence: float | None = Field(
        default=None,
        gt=0,
        le=1,
        title="How common is it in practice (prevalence, defect rate)",
        description="The share of units that are bad, or ill, where the model will be used: 2 %, 0.02 or 500 ppm. The "
        "pictures here can't tell it, since they were chosen.",
    )
    good: str = Field(
        default="",
        title="Which class means that nothing is wrong",
        description="For a classifier: the class of good parts, or of healthy patients. Left empty, it is taken by its "
        "name (good, ok, normal, negative, ...).",
    )
    unit: str = Field(
        default="",
        max_length=40,
        title="What is decided about",
        examples=["part", "patient"],
        description="What one decision is made about, several pictures of it together: the groups of the split. Left "
        "empty, a picture, or a unit where there are groups.",
    )

    @field_validator("prevalence", mode="before")
    @classmethod
    def _read_share(cls, value: Any) -> Any:
        return read_share(value) if isinstance(value, str) else value


def read_share(text: str) -> float | None:
    """Read `2 %`, `0.02`, `5 ‰` or `500 ppm` as a share; None for nothing. Raises ValueError for anything else."""
    if not text.strip():
        return None
    found = re.fullmatch(r"\s*([0-9][0-9,]*(?:\.[0-9]+)?|\.[0-9]+)\s*(%|‰|ppm)?\s*", text, re.IGNORECASE)
    share = float(found[1].replace(",", "")) / _UNITS[(found[2] or "").lower()] if found else -1.0
    if not 0 < share <= 1:
        raise ValueError(f"“{text}” is not a share above 0 and up to 1: write 2 %, 0.02 or 500 ppm")
    return share
