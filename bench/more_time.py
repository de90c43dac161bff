"""How often more epochs brought a run what was expected of them: the interval of `more_brings`, looked back at.

    python -m bench.more_time WORKSPACE...

For every run of the workspaces and every epoch from the fifth on: what the epochs so far promise of half as many again,
against what those then brought. Epochs in which a held rate falls are left out, see `core.training.advice`. A line of
JSON per run, and how often the interval held in all.
"""

from __future__ import annotations

import argparse
import json
import statistics
from pathlib import Path

from core.planning.learning_curve import more_brings
from core.training.advice import FURTHER, held_figures
from core.training.records.progress import read_progress
from core.training.runs import list_runs
from core.workspace import Workspace

FIRST = 5


def looks_ahead(figures: list[float]) -> list[tuple[bool, float]]:
    """Return per look whether the interval held, and how wide it was."""
    looks = []
    for done in range(FIRST, len(figures)):
        further = max(1, round(done * FURTHER))
        if done + further > len(figures):
            break
        told = more_brings(figures[:done], range(1, done + 1), further)
        if told is not None and told.low is not None and told.high is not None:
            rise = figures[done + further - 1] - figures[done - 1]
            looks.append((told.low <= rise <= told.high, told.high - told.low))
    return looks


def main() -> None:
    """Look back at all runs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("workspaces", nargs="+", type=Path)
    everything: list[tuple[bool, float]] = []
    runs = 0
    for folder in parser.parse_args().workspaces:
        for run in list_runs(Workspace.open(folder)):
            looks = looks_ahead(held_figures(run, read_progress(run))[1])
            if looks:
                runs, everything = runs + 1, everything + looks
                told = {"run": run.id, "looks": len(looks), "held": sum(held for held, _ in looks)}
                print(
                    json.dumps(told | {"width": round(statistics.median(width for _, width in looks), 3)}), flush=True
                )
    if everything:
        held = sum(held for held, _ in everything)
        print(f"{runs} runs, {len(everything)} looks ahead: the interval held in {held} ({held / len(everything):.2f})")


if __name__ == "__main__":
    main()
