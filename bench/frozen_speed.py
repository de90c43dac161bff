"""Frozen backbone: training on cached features against Ultralytics' own `freeze`, same settings, on the CPU.

    python -m bench.frozen_speed [--set bccd] [--model yolo26n] [--imgsz 320] [--batch 8] [--epochs 9] [--rounds 1]

Compared are images per second, for the cached run over the epochs in which no features had to be computed (validation
not counted), for stock over those after the first; and the metric at the end of equally many epochs.
"""

from __future__ import annotations

import statistics

from bench.sets import KEYS, asked_parser, bench_of

BACKBONE = {"yolo26": 11, "yolo11": 11, "yolov8": 10}


def main() -> None:
    asked = asked_parser(__doc__, imgsz=320, batch=8, epochs=9, rounds=1, stock_epochs=0).parse_args()
    speeds: dict[str, list[float]] = {"stock": [], "cached": []}
    finals: dict[str, list[float]] = {"stock": [], "cached": []}
    with bench_of(asked) as bench:
        for number in range(asked.rounds):
            for trainer in ("stock", "cached"):
                ours = {"channels_last": True, "amp": "bf16"} if trainer == "cached" else {}
                count = (asked.stock_epochs or asked.epochs) if trainer == "stock" else asked.epochs
                freeze = BACKBONE[asked.model[:6]]
                epochs = bench.train(trainer, number, epochs=count, freeze=freeze, close_mosaic=3, **ours)
                fresh = [0] + [item["fresh"] or 0 for item in epochs]
                for before, item in zip(fresh, epochs, strict=False):
                    if (item["fresh"] == before) if trainer == "cached" else item["epoch"] > 1:
                        speeds[trainer].append(item["images"] / item["train_seconds"])
                finals[trainer].append(max(item["metrics"].get(KEYS["detect"], 0.0) for item in epochs))
                spent = sum(item["train_seconds"] for item in epochs)
                speed = statistics.median(speeds[trainer]) if speeds[trainer] else float("nan")
                print(f"round {number + 1}, {trainer}: {speed:.2f} images/s, {spent:.0f} s of training, "
                      f"best {finals[trainer][-1]:.4f}", flush=True)  # fmt: skip
    if not speeds["cached"]:
        print("no epoch ran on features alone: ask for more epochs")
        return
    ratio = statistics.median(speeds["cached"]) / statistics.median(speeds["stock"])
    print(f"{asked.set}, {asked.model}, {asked.imgsz} px, batch {asked.batch}, {asked.epochs} epochs: "
          f"cached / stock = {ratio:.2f} (target 3)")  # fmt: skip


if __name__ == "__main__":
    main()
