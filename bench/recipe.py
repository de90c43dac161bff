"""One change of the recipe at a time: the balanced plan of a set, trained with it and without, everything else alike.

    python -m bench.recipe [--sets bccd deeppcb] [--model yolo11n] [--seeds 2] [--changes none held average ...]
        [--set untransformed=0]

`--set` gives an argument to all of them, as the command line's does: the plan before a share of the pictures was left
as it is was that with `untransformed=0`. A line of JSON per training: the best and the last epoch by the figure that
the best epoch is chosen by (Ultralytics' validator), and the whole curve. All train the plan's number of epochs;
`seconds` is what they took.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.sets import bring_in
from core.data.dataset import Dataset
from core.planning.plan import complete_spec
from core.planning.speed import measure_speed
from core.spec import TrainingSpec
from core.training.arguments import parse_setting
from core.training.trainer_selection import number_format, trainer_class
from core.ultralytics.offline import enter_isolation
from core.ultralytics.trainers.schedule import falling_epochs, remembered
from core.workspace import Workspace


def hold(trainer: Any) -> None:
    """Hold the rate, and let it fall in equal steps over the last epochs."""
    fall, lowest = falling_epochs(trainer.epochs), trainer.args.lrf
    begins = trainer.epochs - fall

    def share(epoch: float) -> float:
        fallen = (epoch - begins + 1) / (fall + 1)
        return 1.0 if epoch < begins else float(lowest + (1 - lowest) * (1 - fallen))

    trainer.lf = share
    trainer.scheduler.lr_lambdas = [share] * len(trainer.scheduler.lr_lambdas)


def reach_back(trainer: Any) -> None:
    """Let the average of the weights reach back over a share of the steps."""
    trainer.ema.decay = remembered


CHANGES: dict[str, tuple[list[Callable[[Any], None]], dict[str, float]]] = {
    "none": ([], {}),
    "every picture warped": ([], {"untransformed": 0.0}),
    "half as they are": ([], {"untransformed": 0.5}),
    "held": ([hold], {}),
    "average": ([reach_back], {}),
    "held, average": ([hold, reach_back], {}),
    "held, average, half the collages": ([hold, reach_back], {"mosaic": 0.5}),
    "held, average, no collages": ([hold, reach_back], {"mosaic": 0.0}),
}
"""What is done to a trainer that has been set up, and which arguments are given otherwise."""


def trained(
    workspace: Workspace, dataset: Dataset, model: str, seed: int, change: str, extra: dict[str, Any]
) -> dict[str, Any]:
    """Train once; return what came of it."""
    from ultralytics import YOLO

    asked = TrainingSpec(dataset=dataset.id, task=dataset.task, model=model, seed=seed, device="cpu", extra=extra)
    spec = complete_spec(workspace, dataset, asked)
    done, given = CHANGES[change]
    curve: list[float] = []

    def begin(trainer: Any) -> None:
        for change_it in done:
            change_it(trainer)

    def keep(trainer: Any) -> None:
        if len(curve) < spec.epochs:  # it is called once more at the end
            curve.append(round(float(trainer.fitness), 4))

    yolo = YOLO(workspace.weights / f"{model}.pt")
    yolo.add_callback("on_train_start", begin)
    yolo.add_callback("on_fit_epoch_end", keep)
    began = time.monotonic()
    yolo.train(
        trainer=trainer_class(spec),
        **{"workers": 0, **number_format(workspace, spec, "cpu", dataset.images["train"]), **spec.extra, **given},
        data=str(dataset.train_data), epochs=spec.epochs, imgsz=spec.imgsz, batch=spec.batch, seed=seed, device="cpu",
        patience=spec.epochs, max_det=spec.max_det, project=str(workspace.root / "recipe"), name="train",
        exist_ok=True, plots=False, verbose=False,
    )  # fmt: skip
    told = {"set": dataset.name, "model": model, "seed": seed, "change": change, "best": max(curve), "last": curve[-1]}
    return told | {"seconds": round(time.monotonic() - began), "curve": curve}


def main() -> None:
    """Train with every change on every set with every seed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", nargs="+", default=["bccd", "deeppcb"])
    parser.add_argument("--model", default="yolo11n")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--changes", nargs="+", choices=list(CHANGES), default=list(CHANGES))
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", dest="extra")
    given = parser.parse_args()
    extra = dict(parse_setting(text) for text in given.extra)
    with tempfile.TemporaryDirectory() as folder:
        workspace = Workspace.open(Path(folder) / "workspace")
        measure_speed(workspace)
        enter_isolation()
        for name in given.sets:
            dataset = bring_in(workspace, name)
            for seed in range(given.seeds):
                for change in given.changes:
                    told = trained(workspace, dataset, given.model, seed, change, extra)
                    print(json.dumps(told), flush=True)


if __name__ == "__main__":
    main()
