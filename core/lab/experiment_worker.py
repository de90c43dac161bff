"""Child process: drive one experiment to its end.

    python -m core.lab.experiment_worker EXPERIMENT_FOLDER

Small and detached: it trains nothing itself and imports no torch. It starts ordinary runs, waits and judges. A lock
makes sure that there is only one per experiment, so whoever looks may start another without harm.
"""

from __future__ import annotations

import os
import sqlite3
import sys
import traceback
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path

from core.errors import GraftError
from core.lab.experiment import DRIVES, ENDED, Experiment, LabState, read_experiment
from core.lab.experiment_runs import ExperimentRuns
from core.processes.lifetime import process_identity
from core.workspace import Workspace, write_json_atomic


def main(folder: Path) -> int:
    """Drive the experiment in `folder`; return the exit code."""
    lock = sqlite3.connect(folder / "driver.lock", timeout=0, isolation_level=None)
    try:
        lock.execute("BEGIN EXCLUSIVE")  # the system gives it back when this process ends, however it ends
    except sqlite3.OperationalError:
        return 0  # another driver is at it
    workspace = Workspace.open(folder.parents[1])
    experiment = read_experiment(workspace, folder.name)
    if experiment.status.state in ENDED:
        return 0
    write_json_atomic(folder / "driver.json", {"pid": os.getpid(), "identity": process_identity(os.getpid())})
    try:
        own_runs = ExperimentRuns(workspace, experiment)
        _drive(own_runs)
    except GraftError as error:
        _fail(experiment, str(error))
        return 1
    except Exception as error:  # the one place where a failure of whatever kind becomes words for the user
        traceback.print_exc()
        _fail(experiment, f"Something unforeseen went wrong ({type(error).__name__}: {error}). See driver.log.")
        return 1
    own_runs.status.state = LabState.STOPPED if own_runs.stopping else LabState.FINISHED
    if own_runs.stopping and own_runs.status.sentences:
        own_runs.status.sentences.append("You stopped it: not everything was trained to its end.")
    own_runs.status.ended = datetime.now(UTC)
    own_runs.say("")
    return 0


def _drive(own_runs: ExperimentRuns) -> None:
    import_module(DRIVES[own_runs.experiment.settings.kind]).drive(own_runs)


def _fail(experiment: Experiment, cause: str) -> None:
    stopped = (experiment.folder / "request").exists()
    status = experiment.status
    status.state = LabState.STOPPED if stopped else LabState.FAILED
    status.cause, status.message, status.ended = cause, "", datetime.now(UTC)
    experiment.write_status(status)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
