"""Step speed: Graft's trainer against Ultralytics' own with identical settings, everything trainable, on the CPU.

    python -m bench.step_speed [--set bccd] [--model yolo26n] [--imgsz 320] [--batch 8] [--epochs 3] [--rounds 2]
                              [--fp32]

Both train from the same weights with the same seed in processes of their own, in turns. Compared are images per second
of the epochs after the first (validation not counted) and the metric at the end. --fp32 leaves bfloat16 off: then the
losses are those of Ultralytics to rounding. On a shared machine look at the least times, not at the medians.
"""

from __future__ import annotations

import statistics
from typing import Any

from bench.sets import KEYS, asked_parser, bench_of


def main() -> None:
    parser = asked_parser(__doc__, imgsz=320, batch=8, epochs=3, rounds=2)
    parser.add_argument("--fp32", action="store_true")
    asked = parser.parse_args()
    speeds: dict[str, list[float]] = {"stock": [], "fast": []}
    finals: dict[str, list[float]] = {"stock": [], "fast": []}
    with bench_of(asked) as bench:
        for number in range(asked.rounds):
            for trainer in ("stock", "fast"):
                ours: dict[str, Any] = {} if trainer == "stock" else {"channels_last": True}
                if trainer == "fast" and not asked.fp32:
                    ours["amp"] = "bf16"
                if not bench.weights.is_file():
                    ours["pretrained"] = False
                epochs = bench.train(trainer, number, epochs=asked.epochs, close_mosaic=1, **ours)
                speeds[trainer] += [item["images"] / item["train_seconds"] for item in epochs[1:]]
                finals[trainer].append(epochs[-1]["metrics"].get(KEYS.get(bench.dataset.task, KEYS["detect"]), 0.0))
                latest = f"{speeds[trainer][-1]:.2f} images/s, final {finals[trainer][-1]:.4f}"
                print(f"round {number + 1}, {trainer}: {latest}", flush=True)
    bits = "32 bits" if asked.fp32 else "bfloat16"
    print(f"{asked.set}, {asked.model}, {asked.imgsz} px, batch {asked.batch}, {asked.epochs} epochs, {bits}")
    for words, pick in (("median", statistics.median), ("best", max)):
        stock, ours = pick(speeds["stock"]), pick(speeds["fast"])
        print(f"images/s, {words}: stock {stock:.2f}, Graft {ours:.2f}; ratio {ours / stock:.2f} (target 1.3)")
    print("final, by seed:   stock " + ", ".join(f"{value:.4f}" for value in finals["stock"])
          + "; Graft " + ", ".join(f"{value:.4f}" for value in finals["fast"]))  # fmt: skip


if __name__ == "__main__":
    main()
