"""The faults that take a moment, by kind; each is tried by test_moments.py and told by `make faults`."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

from tests.faults.case import Case
from tests.faults.place import EXPERIMENTS, RESTING, RUNS, Place

RUN = RUNS[0]
Do = Callable[[Place], None]


def cut(file: Callable[[Place], Path]) -> Do:
    """Return what leaves the first half of a file."""

    def do(place: Place) -> None:
        path = file(place)
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])

    return do


def scribble(file: Callable[[Place], Path]) -> Do:
    """Return what fills a file with bytes that mean nothing."""

    def do(place: Place) -> None:
        file(place).write_bytes(b"\xff\x00 nothing that can be read \xfe" * 40)

    return do


def remove(file: Callable[[Place], Path]) -> Do:
    """Return what deletes a file or a folder."""

    def do(place: Place) -> None:
        path = file(place)
        shutil.rmtree(path) if path.is_dir() else path.unlink()

    return do


def write(file: Callable[[Place], Path], text: str) -> Do:
    """Return what writes a text in a file's place."""

    def do(place: Place) -> None:
        file(place).write_text(text)

    return do


def both(*parts: Do) -> Do:
    """Return what does one thing after the other."""

    def do(place: Place) -> None:
        for part in parts:
            part(place)

    return do


def link_to_itself(place: Place) -> None:
    """Put a link that leads to itself and a pipe that nobody writes into among the pictures to bring in."""
    folder = place.folder / "given" / "images" / "train"
    (folder / "loop.png").symlink_to(folder / "loop.png")
    os.mkfifo(folder / "pipe.png")


def a_log_beside(place: Place) -> None:
    """Let the list of runs hold a change that is in its log alone, as after a kill."""
    import sqlite3

    file = place.workspace.database
    spare = place.folder / "spare"
    spare.mkdir()
    database = sqlite3.connect(file, isolation_level=None)
    database.execute("PRAGMA wal_autocheckpoint=0")
    database.execute(f"UPDATE runs SET name = 'in the log' WHERE id = '{RUN}'")
    for ending in ("", "-wal"):
        shutil.copyfile(f"{file}{ending}", spare / f"graft.db{ending}")
    database.close()
    for path in spare.iterdir():
        shutil.move(path, file.with_name(path.name))
    spare.rmdir()


def a_vanished_worker(place: Place) -> None:
    """Let the list of runs tell of a worker that is gone."""
    from core.training.store import RunStore, State

    RunStore(place.workspace).change(RESTING, state=State.RUNNING, pid=2**22 + 1, identity="another boot:1")


def started(seconds: float) -> Do:
    """Return what lets a run have been claimed, without a process, so many seconds after now."""

    def do(place: Place) -> None:
        from datetime import UTC, datetime, timedelta

        from core.training.store import RunStore, State

        moment = datetime.now(UTC) + timedelta(seconds=seconds)
        RunStore(place.workspace).change(RESTING, state=State.RUNNING, started=moment, pid=None, identity=None)

    return do


def a_driver_of_tomorrow(place: Place) -> None:
    """Let an experiment wait for a driver that was started when the clock was a day ahead."""
    from core.lab.experiment import LabState, Status, read_experiment

    experiment = read_experiment(place.workspace, EXPERIMENTS[0])
    experiment.write_status(Status(state=LabState.RUNNING))
    lines = [f"{time.time() + 86_400:.1f}\n", *[f"{time.time() - 60:.1f}\n"] * 5, f"{time.time() + 86_400:.1f}\n"]
    (experiment.folder / "starts").write_text("".join(lines))


DAMAGE = {
    "spec": Case(
        "spec.json of a run is cut off",
        ("notebook", RUN, "{out}/n.ipynb"),
        ("spec.json",),
        2,
        cut(lambda p: p.run / "spec.json"),
    ),
    "events": Case(
        "events.jsonl of a run is scribbled over",
        ("show", RUN),
        (RUN, "finished"),
        0,
        scribble(lambda p: p.run / "events.jsonl"),
    ),
    "operating-point": Case(
        "operating_point.json is cut off",
        ("evaluate", RUN),
        ("operating_point.json", "choose the line"),
        2,
        write(lambda p: p.run / "operating_point.json", '{"confi'),
    ),
    "calibration": Case(
        "calibration.json is damaged",
        ("evaluate", RUN),
        ("calibration.json",),
        2,
        write(lambda p: p.run / "calibration.json", "["),
    ),
    "derived": Case(
        "the figures kept beside the answers are damaged: worked out anew",
        ("evaluate", RUN),
        ("Finds",),
        0,
        write(lambda p: p.run / "evaluation" / "derived_val.json", "{"),
    ),
    "weights-gone": Case(
        "best.pt of a finished run is gone",
        ("report", RUN, "{out}/report.html"),
        ("no trained model",),
        2,
        remove(lambda p: p.run / "train" / "weights" / "best.pt"),
    ),
    "run-folder": Case(
        "the folder of a listed run is gone: the others stay", ("runs",), (RUNS[1], RESTING), 0, remove(lambda p: p.run)
    ),
    "run-folder-asked": Case(
        "the same, and the run is asked for", ("evaluate", RUN), (RUN,), 2, remove(lambda p: p.run)
    ),
    "list-and-copy": Case(
        "graft.db and its copy are damaged: made anew from the folders",
        ("runs",),
        (*RUNS, RESTING),
        0,
        both(scribble(lambda p: p.workspace.database), scribble(lambda p: p.workspace.root / "graft.backup.db")),
    ),
    "labels": Case(
        "a label file of a dataset is scribbled over",
        ("check", "tiny"),
        ("labels",),
        2,
        scribble(lambda p: next((p.dataset / "labels" / "train").glob("*.txt"))),
    ),
    "copies": Case(
        "the list of copies in a dataset is damaged",
        ("check", "tiny"),
        ("tiny", "detect"),
        0,
        scribble(lambda p: p.dataset / "copies.parquet"),
    ),
    "sites": Case(
        "the table of sites and devices is damaged",
        ("evaluate", RUN),
        ("attributes.parquet",),
        2,
        scribble(lambda p: p.dataset / "attributes.parquet"),
    ),
    "plan": Case(
        "the planned training of a dataset is damaged",
        ("plan", "tiny"),
        ("tiny",),
        0,
        write(lambda p: p.dataset / "plan.json", '{"spec": 3'),
    ),
    "speed": Case(
        "what is known of this machine's speed is damaged",
        ("plan", "tiny"),
        ("tiny",),
        0,
        scribble(lambda p: p.workspace.root / "speed.json"),
    ),
    "library": Case(
        "the record of a kept model is damaged",
        ("models",),
        ("model",),
        0,
        write(lambda p: _made(p.workspace.root / "library" / "kept-000001" / "model.json"), "{"),
    ),
    "experiment": Case(
        "experiment.json is damaged: named, the others stay",
        ("lab",),
        ("experiment.json", EXPERIMENTS[1]),
        0,
        cut(lambda p: p.experiment / "experiment.json"),
    ),
    "experiment-asked": Case(
        "the same, and the experiment is asked for",
        ("lab", EXPERIMENTS[0]),
        ("experiment.json",),
        2,
        scribble(lambda p: p.experiment / "experiment.json"),
    ),
    "status": Case(
        "status.json of an experiment is cut off",
        ("lab", EXPERIMENTS[0]),
        ("status.json", "ask the question"),
        1,
        cut(lambda p: p.experiment / "status.json"),
    ),
    "password": Case(
        "access.json is damaged: nothing is served beyond this machine",
        ("serve", "--host", "0.0.0.0", "--behind-proxy"),
        ("password",),
        2,
        write(lambda p: p.workspace.root / "access.json", '{"salt": 1}'),
    ),
    "given-cut": Case(
        "the archive to bring in is cut off",
        ("import", "{given}.zip"),
        ("given.zip",),
        2,
        both(lambda p: _zipped(p), cut(lambda p: p.folder / "given.zip")),
    ),
    "given-odd": Case(
        "a link to itself and a pipe lie among the pictures", ("import", "{given}"), ("pictures:",), 0, link_to_itself
    ),
    "given-gone": Case("what is to be brought in is not there", ("import", "{given}/nowhere"), ("nowhere",), 2),
    "file-in-the-way": Case(
        "a file stands where the folder of runs belongs",
        ("runs",),
        ("can't be written to",),
        2,
        both(remove(lambda p: p.folder / "workspace" / "runs"), write(lambda p: p.folder / "workspace" / "runs", "")),
    ),
}
"""Damaged and missing files: one sentence, for that thing alone."""

CLOCK = {
    "ahead": Case(
        "a run was claimed when the clock was two hours ahead", ("runs",), ("resting: interrupted",), 0, started(7_200)
    ),
    "behind": Case(
        "the clock jumped ahead by a day meanwhile", ("runs",), ("resting: interrupted",), 0, started(-86_400)
    ),
    "driver": Case(
        "a driver of the Lab was started when the clock was a day ahead",
        ("lab", EXPERIMENTS[0]),
        ("ended 5 times without a word",),
        1,
        a_driver_of_tomorrow,
    ),
    "vanished": Case(
        "a worker is gone, as after a power cut or for want of memory",
        ("runs",),
        ("resting: interrupted",),
        0,
        a_vanished_worker,
    ),
}
"""Clocks that jump, and processes that are not what the list says."""

FULL = {
    "import": Case("full disk: an import begins", ("import", "{given}"), ("full",), 2),
    "import-midway": Case("the disk fills up during an import", ("import", "{given}"), ("full",), 2, room=60_000),
    "fix": Case("full disk: a finding is mended", ("check", "tiny", "--fix", "duplicate-box"), ("full",), 1),
    "fix-midway": Case(
        "the disk fills up while a finding is mended",
        ("check", "tiny", "--fix", "duplicate-box"),
        ("full",),
        1,
        room=20_000,
    ),
    "table": Case("full disk: the table of sites", ("describe", "tiny", "{table}"), ("full",), 1),
    "report": Case("full disk: a report", ("report", RUN, "{out}/report.html"), ("No space left",), 2, room=100_000),
    "card": Case(
        "full disk: a model card", ("report", RUN, "{out}/card.html", "--kind", "card"), ("No space left",), 2
    ),
    "evaluate": Case("full disk: figures are worked out and shown", ("evaluate", RUN), ("Finds",), 0),
    "train": Case(
        "full disk: a training is asked for",
        ("train", "tiny", "--model", "starter", "--epochs", "1", "--detach"),
        ("free",),
        2,
        again=False,
    ),
    "question": Case(
        "full disk: a question is asked in the Lab",
        ("transfer", "tiny", "--model", "starter", "--detach"),
        ("full",),
        1,
        again=False,
    ),
    "stop": Case(
        "full disk: a resting run is given up; the room kept for it takes it",
        ("stop", RESTING),
        ("cancelled",),
        0,
        again=False,
    ),
    "vanished": Case(
        "full disk: a worker has vanished, and the runs are listed",
        ("runs",),
        ("resting: interrupted",),
        0,
        a_vanished_worker,
    ),
    "rebuild": Case(
        "full disk: the list of runs is damaged; made anew in the room kept for it",
        ("runs",),
        (*RUNS, RESTING),
        0,
        scribble(lambda p: p.workspace.database),
        again=False,
    ),
}
"""A disk with no room: a sentence, nothing half-written taken for whole, and it works once there is room."""

TRAINED = {
    "evaluate": Case("predictions of a part", ("evaluate", "{run}", "--split", "train"), ("full",), 1, room=8_000),
    "predict": Case(
        "pictures are predicted into tables",
        ("predict", "{run}", "{given}/images", "--out", "{out}/p"),
        ("full",),
        1,
        room=8_000,
    ),
    "export": Case("an export", ("export", "{run}", "torchscript"), ("full",), 1, room=1_000_000),
    "bundle": Case("a bundle", ("bundle", "{run}", "{out}/bundle.zip"), ("full",), 1, room=1_000_000),
    "keep": Case("a model is kept in the library", ("keep", "{run}"), ("full",), 1, room=1_000_000),
}
"""The same with a trained model, which takes longer."""

LOOKING = {
    "datasets": Case("read only: the datasets", ("datasets",), ("tiny",)),
    "runs": Case("read only: the runs", ("runs",), (RUN, RESTING)),
    "show": Case("read only: a run", ("show", RUN), (RUN,)),
    "check": Case("read only: the findings of a dataset", ("check", "tiny"), ("tiny",)),
    "plan": Case("read only: a plan", ("plan", "tiny"), ("tiny",)),
    "evaluate": Case("read only: the figures of a run", ("evaluate", RUN), ("Finds",)),
    "compare": Case("read only: a comparison", ("compare", *RUNS), ("better",)),
    "lab": Case("read only: an experiment", ("lab", EXPERIMENTS[0]), ("It pays.",)),
    "models": Case("read only: the library", ("models",), ("model",)),
    "look": Case("read only: what a folder would be read as", ("import", "{given}", "--dry-run"), ("read as",)),
    "formats": Case("read only: the formats of an export", ("export", RUN, "formats"), ("onnx",)),
    "log": Case(
        "read only, with a change in the log of graft.db alone", ("runs", "--json"), ("in the log",), 0, a_log_beside
    ),
    "vanished": Case("read only: a worker has vanished", ("runs",), ("resting: interrupted",), 0, a_vanished_worker),
    "import": Case("read only: an import", ("import", "{given}"), ("can be read only",), 2),
    "fix": Case(
        "read only: a finding is mended", ("check", "tiny", "--fix", "duplicate-box"), ("can be read only",), 2
    ),
    "stop": Case("read only: a run is given up", ("stop", RESTING), ("can be read only",), 1),
    "train": Case(
        "read only: a training", ("train", "tiny", "--model", "starter", "--epochs", "1"), ("can be read only",), 2
    ),
    "question": Case(
        "read only: a question of the Lab",
        ("transfer", "tiny", "--model", "starter", "--detach"),
        ("can be read only",),
        2,
    ),
    "report": Case("read only: a report is written elsewhere", ("report", RUN, "{out}/report.html"), ("Written",)),
    "rebuild": Case(
        "read only: the list of runs is damaged",
        ("runs",),
        ("can be read only",),
        1,
        scribble(lambda p: p.workspace.database),
    ),
}
"""A workspace that can be read only: what is there is shown, a sentence where something would have to be written."""

FOREIGN = {
    "runs": Case("somebody else's workspace: the runs", ("runs",), (RUN,)),
    "evaluate": Case("somebody else's workspace: the figures of a run", ("evaluate", RUN), ("Finds",)),
    "stop": Case("somebody else's workspace: a run is given up", ("stop", RESTING), ("can be read only",), 1),
    "report": Case("a report into a folder of somebody else's", ("report", RUN, "{out}/report.html"), ("denied",), 2),
    "closed": Case(
        "a dataset that may not be opened",
        ("check", "tiny"),
        ("tiny",),
        2,
        lambda p: (p.dataset / "dataset.json").chmod(0),
    ),
    "given": Case(
        "pictures that may not be opened",
        ("import", "{given}", "--dry-run"),
        ("given",),
        2,
        lambda p: (p.folder / "given").chmod(0),
    ),
}
"""Folders and files of another user."""


def _made(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def _zipped(place: Place) -> None:
    shutil.make_archive(str(place.folder / "given"), "zip", place.folder / "given")
