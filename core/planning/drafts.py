"""The training being planned for a dataset, kept in the workspace: a reload, another tab or a restart find it again.

`datasets/<id>/plan.json` holds the specification and what was typed for it, by the name of each setting.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from core.spec import TrainingSpec
from core.workspace import Workspace, read_json, write_json_atomic


@dataclass(frozen=True)
class Draft:
    """A planned training, and what the user chose or typed to get there."""

    spec: TrainingSpec
    typed: dict[str, Any] = field(default_factory=dict)
    """plain JSON values by setting; what is not in it follows the plan"""


def load_draft(workspace: Workspace, dataset_id: str) -> Draft | None:
    """Return what is planned for a dataset, None when nothing is, or it was planned with settings of other versions."""
    stored = read_json(_path(workspace, dataset_id))
    try:
        return Draft(TrainingSpec.model_validate(stored["spec"]), dict(stored["typed"]))
    except (KeyError, TypeError, ValueError, ValidationError):
        return None


def save_draft(workspace: Workspace, draft: Draft) -> None:
    """Keep what is planned for its dataset; a workspace that can't be written to keeps what it has."""
    path = _path(workspace, draft.spec.dataset)
    content = {"spec": draft.spec.model_dump(mode="json", exclude_unset=True), "typed": draft.typed}
    if path.parent.is_dir() and content != read_json(path):
        try:
            write_json_atomic(path, content, durable=False)
        except OSError:
            return  # read-only or full: the browser's session still has it


def drop_draft(workspace: Workspace, dataset_id: str) -> None:
    """Forget what is planned for a dataset."""
    try:
        _path(workspace, dataset_id).unlink(missing_ok=True)
    except OSError:
        return  # read-only: it stays


def _path(workspace: Workspace, dataset_id: str) -> Path:
    return workspace.dataset(dataset_id) / "plan.json"
