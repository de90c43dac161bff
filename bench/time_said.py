"""How well the time said of a training fits what it took: beforehand, and while it ran.

    python -m bench.time_said WORKSPACE...

Looks back at all finished trainings that ran in one go, in the order in which they ran. Beforehand: the range that the
plan would have said, learnt from the trainings before it in the same workspace. While it ran: at every event, the time
so far and the time left that was said, against the time it took. A line of JSON per training, the summary at the end.
"""

from __future__ import annotations

import argparse
import json
import statistics
from collections import defaultdict
from itertools import pairwise
from pathlib import Path
from typing import Any

from core.data.dataset import load_dataset
from core.errors import InputError
from core.planning.facts import machine_facts
from core.planning.time import likely_seconds
from core.training.records.events import read_events
from core.training.records.progress import RunProgress, fold
from core.training.runs import list_runs
from core.training.store import Run, State
from core.training.worker.time_taken import expected_of
from core.workspace import Workspace

AT = (0.1, 0.25, 0.5, 0.75)
"""Shares of the time at which the time said then is told."""


def said_on_the_way(run: Run) -> list[tuple[float, float]]:
    """Return, at each event that comes with a time left: seconds so far, and seconds in all that were said."""
    progress, said = RunProgress(), []
    for event in read_events(run.events_path)[0]:
        fold(progress, event)
        left = progress.seconds_left
        if progress.final is None and left is not None and progress.phase != "finishing":
            said.append((progress.seconds, progress.seconds + left))
    return said


def looked_back(workspace: Workspace, run: Run, ratios: dict[str, list[float]]) -> dict[str, Any]:
    """Return what was said of a run and what it took; its ratio is added to those of its task."""
    dataset, machine = load_dataset(workspace, run.dataset), machine_facts(workspace, run.device)
    expected = expected_of(run, dataset, machine, run.epochs_done)
    told = likely_seconds(expected, ratios[run.task], measured=machine.speed is not None)
    ratios[run.task].append(run.seconds / expected)
    said = said_on_the_way(run)
    jumps = [abs(after[1] / before[1] - 1) for before, after in pairwise(said)]
    moments = [next((total for at, total in reversed(said) if at <= share * run.seconds), None) for share in AT]
    return {
        "run": run.id, "expected": round(told.value), "low": round(told.low), "high": round(told.high),
        "took": round(run.seconds), "held": told.low <= run.seconds <= told.high,
        "largest_jump": round(max(jumps, default=0.0), 3),
        "off": [round(total / run.seconds - 1, 3) if total else None for total in moments],
    }  # fmt: skip


def main() -> None:
    """Look back at all trainings."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("workspaces", nargs="+", type=Path)
    found: list[dict[str, Any]] = []
    for folder in parser.parse_args().workspaces:
        workspace, ratios = Workspace.open(folder), defaultdict[str, list[float]](list)
        for run in sorted(list_runs(workspace), key=lambda run: run.created):
            if run.state is not State.FINISHED or run.attempt != 1:
                continue
            try:
                found.append(looked_back(workspace, run, ratios))
            except InputError:  # its dataset was deleted
                continue
            print(json.dumps(found[-1]), flush=True)
    if found:
        held = sum(item["held"] for item in found)
        print(f"{len(found)} trainings: the range said beforehand held in {held} ({held / len(found):.2f}), its ends "
              f"{statistics.median(item['high'] / item['low'] for item in found):.2f} times apart")  # fmt: skip
        for index, share in enumerate(AT):
            off = [abs(item["off"][index]) for item in found if item["off"][index] is not None]
            print(f"after {share:.0%}: {statistics.median(off):.0%} off (median), {max(off):.0%} at most")
        print(f"largest jump: {statistics.median(item['largest_jump'] for item in found):.0%} (median)")


if __name__ == "__main__":
    main()
