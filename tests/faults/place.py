"""A small workspace in use, made without a training, in which faults are tried."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from core.data.importing.from_upload import import_dataset
from core.lab.experiment import Experiment, LabState, Status, TransferSettings, save_experiment
from core.training.records.rebuilding import forget_note
from core.training.store import Run, RunStore, State
from core.workspace import Workspace
from tests.evaluation.stored_runs import detector_run
from tests.tiny import write_yolo_folder

DATASET, OTHER = "tiny", "other"
RUNS = ("found", "weaker")
RESTING = "resting"
EXPERIMENTS = ("asked-000001", "asked-000002")


@dataclass(frozen=True)
class Place:
    """A folder with a workspace, and beside it what is brought in and what is written out."""

    folder: Path

    @property
    def workspace(self) -> Workspace:
        return Workspace.open(self.folder / "workspace")

    @property
    def dataset(self) -> Path:
        return self.folder / "workspace" / "datasets" / DATASET

    @property
    def run(self) -> Path:
        return self.folder / "workspace" / "runs" / RUNS[0]

    @property
    def experiment(self) -> Path:
        return self.folder / "workspace" / "lab" / EXPERIMENTS[0]

    def words(self, *texts: str) -> list[str]:
        """Return the words of a command with {given}, {out}, {picture} and {table} filled in."""
        runs = sorted((self.folder / "workspace" / "runs").glob("*"))
        picture = next(iter(sorted((self.dataset / "images" / "val").glob("*"))), self.dataset / "gone.png")
        places = {
            "given": self.folder / "given", "out": self.folder / "out", "picture": picture,
            "table": self.folder / "sites.csv", "run": runs[0].name if runs else "none",
        }  # fmt: skip
        return [text.format(**places) for text in texts]


def make_place(folder: Path) -> Place:
    """Make the workspace: two datasets, two judged runs and one that rests, two experiments that have ended."""
    given = write_yolo_folder(folder / "given")
    label = next(iter(sorted((given / "labels" / "train").glob("*.txt"))))
    label.write_text(label.read_text().splitlines()[0] + "\n" + label.read_text())  # an object labelled twice
    (folder / "out").mkdir()
    workspace = Workspace.open(folder / "workspace")
    for name in (DATASET, OTHER):
        made = import_dataset(workspace, given, name=name)
        made.root.rename(workspace.datasets / name)
        made.id, made._root = name, workspace.datasets / name
        made.save()
        if name == DATASET:
            for run_id, found in zip(RUNS, (0.9, 0.4), strict=True):
                detector_run(workspace, made, run_id, found)
            rows = "".join(f"{item.file.rsplit('/', 1)[-1]},Basel\n" for item in made.labelled("val"))
            (folder / "sites.csv").write_text("file,site\n" + rows)
    shutil.copytree(workspace.run(RUNS[0]), workspace.run(RESTING))
    RunStore(workspace).add(
        Run(id=RESTING, name=RESTING, state=State.PAUSED, dataset=DATASET, dataset_name=DATASET, task="detect",
            model="yolo11n", strategy="fine-tune", device="cpu", created=datetime.now(UTC))
    )  # fmt: skip
    for identifier in EXPERIMENTS:
        settings = TransferSettings(model="yolo11n", epochs=1)
        made_up = Experiment(id=identifier, name=identifier, dataset=DATASET, dataset_name=DATASET, task="detect",
                             settings=settings)  # fmt: skip
        save_experiment(workspace, made_up).write_status(Status(state=LabState.FINISHED, sentences=["It pays."]))
    forget_note(workspace)
    return Place(folder)


def copy_of(place: Place, folder: Path) -> Place:
    """Return a copy that one fault may spoil."""
    shutil.copytree(place.folder, folder, dirs_exist_ok=True)
    return Place(folder)
