"""The tasks a model can learn."""

from __future__ import annotations

from typing import Literal

Task = Literal["detect", "segment", "pose", "obb", "classify"]
