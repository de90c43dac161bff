"""How long the evaluation takes on 5,000 pictures with 50,000 objects: first figures with intervals, and one threshold.

    python bench/evaluation_speed.py [PICTURES] [OBJECTS]

Predictions are made up (seeded): as many hits as objects times 0.8, twice as many false alarms, 5 classes.
Aims: 1,000 resamples in under 5 s, a threshold in under 300 ms; a later opening reads what the first worked out.
Prints wall and CPU seconds: the latter say more on a machine that is busy with other things.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from core.evaluation.detection import Detector
from core.evaluation.figures.cached_figures import digest_of, load_cached_figures, save_cached_figures
from core.evaluation.review import find_cases, worst_first


def made_up(pictures: int, objects: int, classes: int = 5) -> tuple[pd.DataFrame, pd.DataFrame, dict]:
    """Return predictions, truth and meta as `core.evaluation.predict.predictions` stores them."""
    random = np.random.default_rng(0)
    files = np.array([f"val/{index:06d}.jpg" for index in range(pictures)], dtype=object)
    where = np.sort(random.integers(0, pictures, objects))
    corner = random.uniform(0, 500, (objects, 2))
    size = random.uniform(10, 120, (objects, 2))
    first = np.searchsorted(where, where)
    truth = pd.DataFrame({"file": files[where], "object": np.arange(objects) - first,
                          "class_id": random.integers(0, classes, objects), "x1": corner[:, 0], "y1": corner[:, 1],
                          "x2": corner[:, 0] + size[:, 0], "y2": corner[:, 1] + size[:, 1]})  # fmt: skip
    hit = random.random(objects) < 0.8
    level = random.integers(1, 11, objects)
    bits = np.where(hit, (1 << level) - 1, 0)
    found = truth.assign(confidence=random.beta(4, 2, objects), tp=bits, task_tp=bits,
                         truth=np.where(hit, truth["object"], -1), same_truth=truth["object"],
                         same_iou=np.where(hit, 0.8, 0.3), other_truth=-1, other_iou=0.0)  # fmt: skip
    wrong = found.sample(2 * objects, replace=True, random_state=0).assign(
        file=files[random.integers(0, pictures, 2 * objects)], confidence=random.beta(1, 4, 2 * objects), tp=0,
        task_tp=0, truth=-1, same_truth=-1, same_iou=0.0,
    )  # fmt: skip
    images = [{"file": file, "width": 640, "height": 640, "group": "", "brightness": 100.0} for file in files]
    meta = {"task": "detect", "classes": [f"class {index}" for index in range(classes)], "images": images}
    predictions = pd.concat([found, wrong], ignore_index=True).drop(columns="object")
    return predictions, truth, meta


def timed(words: str, work: Callable[[], Any]) -> Any:
    """Do something and print what it cost."""
    wall, cpu = time.perf_counter(), time.process_time()
    result = work()
    print(f"{words:<62} {time.perf_counter() - wall:6.2f} s wall {time.process_time() - cpu:6.2f} s CPU")
    return result


def main() -> None:
    """Print the times."""
    pictures, objects = (int(value) for value in (*sys.argv[1:3], 5000, 50000)[:2])
    predictions, truth, meta = made_up(pictures, objects)
    print(f"{pictures} pictures, {objects} objects, {len(predictions)} predictions, 1,000 resamples")
    detector = timed("first time: areas, intervals, curves, error costs", lambda: Detector(predictions, truth, meta))
    with tempfile.TemporaryDirectory() as folder:
        tables = [Path(folder) / name for name in ("predictions.parquet", "truth.parquet", "meta.json")]
        predictions.to_parquet(tables[0])
        truth.to_parquet(tables[1])
        tables[2].write_text(json.dumps(meta))
        stored = Path(folder) / "derived.json"
        save_cached_figures(stored, detector.cached, digest_of(*tables))

        def opened() -> Detector:
            cached = load_cached_figures(stored, digest_of(*tables))
            assert cached is not None
            kept = json.loads(tables[2].read_text())
            return Detector(pd.read_parquet(tables[0]), pd.read_parquet(tables[1]), kept, cached)

        detector = timed("every later time: read tables and stored figures", opened)
    for confidence in (0.25, 0.5):
        timed(f"all figures at confidence {confidence}", lambda at=confidence: detector.at(at))
        timed("every single case, for gallery", lambda at=confidence: worst_first(find_cases(detector.arrays, at)))


if __name__ == "__main__":
    main()
