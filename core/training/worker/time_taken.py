"""What a training took against what was expected of it: kept for the plans of this machine."""

from __future__ import annotations

from statistics import fmean

from core.data.dataset import Dataset
from core.planning.facts import MachineFacts
from core.planning.plan import expected_seconds
from core.planning.speed import known_speed
from core.planning.taken import keep_time
from core.planning.time import slowdown
from core.processes.cores import usable_cores
from core.training.records.events import read_events
from core.training.store import Run
from core.workspace import Workspace


def expected_of(run: Run, dataset: Dataset, machine: MachineFacts, epochs: int) -> float:
    """Return the seconds expected of `epochs` of a run by the work of its steps and the cores it had.

    Where other programs kept cores from it that is counted in, so that the next plan is not made for them.
    """
    trained = run.spec.model_copy(update={"epochs": epochs})
    pictures = dataset.images
    expected = expected_seconds(machine, trained, train=pictures.get("train", 0), val=pictures.get("val", 0))
    steps = [event for event in read_events(run.events_path)[0] if event["kind"] == "batch" and event.get("cores")]
    slower = [slowdown(event["cores"], event["cores_available"]) for event in steps]
    return expected * (fmean(slower) if slower else 1.0)


def remember_time(workspace: Workspace, run: Run, dataset: Dataset, epochs: int, seconds: float) -> None:
    """Keep what `epochs` took of a run that went from its start to its end in one go; `run.spec` is complete."""
    device = run.device if run.device in ("cpu", "mps") else "cuda"
    speed = known_speed(workspace) if device == "cpu" else None
    expected = expected_of(run, dataset, MachineFacts(device=device, cores=usable_cores(), speed=speed), epochs)
    keep_time(workspace, device=device, task=run.task, expected=expected, seconds=seconds)
