"""A dataset is found by its id or its name."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.data.dataset import load_dataset
from core.data.importing import import_dataset
from core.errors import InputError
from core.workspace import Workspace
from tests.tiny import write_yolo_folder


def test_a_dataset_in_a_folder_of_another_name_is_still_found_by_its_id(workspace: Workspace, tmp_path: Path) -> None:
    made = import_dataset(workspace, write_yolo_folder(tmp_path / "set"), name="Dents")
    made.root.rename(workspace.datasets / "moved-by-hand")
    for wanted in (made.id, "Dents"):
        assert load_dataset(workspace, wanted).root.name == "moved-by-hand"
    with pytest.raises(InputError, match="no dataset"):
        load_dataset(workspace, "scratches")
