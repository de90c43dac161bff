"""What Graft's warm model costs beside Ultralytics' own predict: same checkpoint, picture, size and confidence.

    python -m bench.predict_speed WEIGHTS PICTURE [--imgsz 640] [--times 30] [--conf 0.25]

Both run in a child process of their own, asked in turns, so that a busy machine slows both; given are the medians and
their ratio. Ultralytics is handed the picture's path, as its documentation shows; Graft decodes it, predicts and sends
the findings back. The first answer of Graft is timed from nothing: process, imports, model, picture.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

from core.delivery.predict.model.chosen_model import ChosenModel
from core.delivery.predict.model.warm import WarmPredictor
from core.delivery.predict.predicting import predict_picture
from core.processes.isolation import isolated_environment

PLAIN = """
import sys, time
from ultralytics import YOLO
model = YOLO(sys.argv[1])
for line in sys.stdin:
    began = time.perf_counter()
    model.predict(sys.argv[2], imgsz=int(sys.argv[3]), conf=float(sys.argv[4]), verbose=False)
    print("TOOK", time.perf_counter() - began, flush=True)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("weights", type=Path)
    parser.add_argument("picture", type=Path)
    parser.add_argument("--imgsz", type=int, default=640)
    parser.add_argument("--times", type=int, default=30)
    parser.add_argument("--conf", type=float, default=0.25)
    given = parser.parse_args()
    plain = subprocess.Popen(
        [sys.executable, "-c", PLAIN, str(given.weights), str(given.picture), str(given.imgsz), str(given.conf)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=isolated_environment(),
    )  # fmt: skip
    assert plain.stdin is not None
    assert plain.stdout is not None

    def ask_plain() -> float:
        plain.stdin.write("\n")
        plain.stdin.flush()
        while not (line := plain.stdout.readline()).startswith("TOOK"):
            if not line:
                raise SystemExit("plain Ultralytics ended early")
        return float(line.split()[1])

    warm = WarmPredictor()
    model = ChosenModel("bench", "bench", given.weights.resolve(), given.imgsz)

    def ask_graft() -> float:
        began = time.perf_counter()
        entry = predict_picture(warm, model, given.picture, given.conf)[0]
        assert entry["error"] is None, entry["error"]
        return time.perf_counter() - began

    try:
        first = ask_graft()
        for _ in range(3):
            ask_plain()
            ask_graft()
        pairs = [(ask_plain(), ask_graft()) for _ in range(given.times)]
    finally:
        warm.close()
        plain.kill()
        plain.wait()
    medians = [statistics.median(column) for column in zip(*pairs, strict=True)]
    answer = {
        "first_answer_seconds": round(first, 2),
        "ultralytics_ms": round(medians[0] * 1000, 1),
        "graft_ms": round(medians[1] * 1000, 1),
        "ratio": round(medians[1] / medians[0], 3),
        "times": given.times,
        "imgsz": given.imgsz,
        "confidence": given.conf,
    }
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
