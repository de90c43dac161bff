"""Child process: load one model, predict on the pictures of a JSON request (standard input), print one JSON answer."""

from __future__ import annotations

import contextlib
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from core.data.images import UnreadableImage, load_rgb
from core.models.isolation import enter_isolation


def answer_request(request: dict[str, Any]) -> dict[str, Any]:
    """Predict on every picture of the request; a picture that can't be read gets its reason instead of objects."""
    enter_isolation()
    from ultralytics import YOLO

    model: Any = YOLO(request["weights"])
    options = {"conf": request["confidence"], "verbose": False}
    if request["imgsz"]:
        options["imgsz"] = request["imgsz"]
    pictures = []
    for name in request["pictures"]:
        entry: dict[str, Any] = {"file": name, "error": None}
        try:
            picture = load_rgb(Path(name))
        except (UnreadableImage, OSError) as error:
            pictures.append(entry | {"objects": [], "error": f"can't be read: {error}"})
            continue
        # Ultralytics takes arrays as blue, green, red
        result = model.predict(np.ascontiguousarray(np.asarray(picture.convert("RGB"))[:, :, ::-1]), **options)[0]
        pictures.append(entry | _described(result))
    return {"task": model.task, "pictures": pictures}


def _described(result: Any) -> dict[str, Any]:
    names = result.names
    if result.probs is not None:
        scores = result.probs.data.tolist()
        return {"objects": [], "probabilities": {names[index]: round(score, 5) for index, score in enumerate(scores)}}
    boxes = result.obb if result.obb is not None else result.boxes
    objects = []
    for index in range(len(boxes)):
        item: dict[str, Any] = {
            "class": names[int(boxes.cls[index])],
            "confidence": round(float(boxes.conf[index]), 5),
            "box": [round(value, 2) for value in boxes.xyxy[index].tolist()],
        }
        if result.obb is not None:
            item["corners"] = [[round(x, 2), round(y, 2)] for x, y in boxes.xyxyxyxy[index].tolist()]
        if result.masks is not None:
            item["polygon"] = [[round(float(x), 2), round(float(y), 2)] for x, y in result.masks.xy[index]]
        if result.keypoints is not None:
            item["keypoints"] = [
                [round(value, 3) for value in point] for point in result.keypoints.data[index].tolist()
            ]
        objects.append(item)
    return {"objects": objects}


if __name__ == "__main__":
    with contextlib.redirect_stdout(sys.stderr):  # Ultralytics prints; standard output carries the answer alone
        reply = answer_request(json.load(sys.stdin))
    print(json.dumps(reply))
