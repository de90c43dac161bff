"""Child process of the benchmarks: one training in-process, one JSON line per epoch.

    python -m bench.trainer_child '{"trainer": "stock", "weights": "yolo26n.pt", "task": "detect", "arguments": {...}}'

`trainer`: stock (Ultralytics' own), fast (core.ultralytics.trainers.fast) or cached (core.ultralytics.trainers.frozen).
`seconds` count from the start of the process, imports included.
"""

from __future__ import annotations

import json
import sys
import time

BEGAN = time.time()


def main(asked: dict) -> None:
    from core.ultralytics.offline import enter_isolation

    enter_isolation()
    import ultralytics.data.utils as data_utils
    import ultralytics.engine.trainer as trainer_module
    from ultralytics import YOLO

    data_utils.check_font = lambda *_arguments, **_options: None
    trainer_module.check_amp = lambda _model: False
    arguments = dict(asked["arguments"])
    if asked["trainer"] == "fast":
        from core.ultralytics.trainers.fast import fast_trainer

        arguments["trainer"] = fast_trainer(asked["task"])
    elif asked["trainer"] == "cached":
        from core.ultralytics.trainers.frozen import frozen_trainer

        arguments["trainer"] = frozen_trainer(asked["task"])
    model, marks = YOLO(asked["weights"]), {}

    def start(_trainer) -> None:
        marks["start"] = time.time()

    def learnt(trainer) -> None:
        marks["learnt"], marks["fresh"] = time.time(), getattr(trainer.train_loader, "fresh", None)

    def whole(trainer) -> None:
        if trainer.epoch + 1 > trainer.epochs:
            return
        images = len(trainer.train_loader.dataset)
        line = {
            "epoch": trainer.epoch + 1,
            "seconds": round(time.time() - BEGAN, 2),
            "train_seconds": round(marks["learnt"] - marks["start"], 3),
            "images": images,
            "fresh": marks["fresh"],
            "metrics": {name: float(value) for name, value in trainer.metrics.items() if name.startswith("metrics/")},
        }
        print("EPOCH " + json.dumps(line), flush=True)

    model.add_callback("on_train_epoch_start", start)
    model.add_callback("on_train_epoch_end", learnt)
    model.add_callback("on_fit_epoch_end", whole)
    model.train(**arguments)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
