"""Find things in pictures with this model.

    python predict.py PICTURE...      (needs: pip install ultralytics)

Prints one JSON object per picture, or per page of a file with several; boxes are x1, y1, x2, y2 in pixels of the
picture. Of turned boxes the four corners are told as well, of outlines the corners of the polygon, of key points x, y
and how sure each is. A picture that can't be read is named on standard error, and the exit code is 2.
"""

import json
import os
import sys
from pathlib import Path

import numpy as np
from PIL import Image
from PIL.Image import open as plain_open

os.environ.update(YOLO_OFFLINE="1", YOLO_VERBOSE="false")  # nothing leaves this machine; answers alone are printed
from pictures import answer, named_first
from ultralytics import YOLO

Image.open = plain_open  # Ultralytics' own blames a missing HEIC package for whatever is damaged
HERE = Path(__file__).resolve().parent
SETTINGS = json.loads((HERE / "model.json").read_text(encoding="utf-8"))
MODEL = YOLO(HERE / "model.pt", task=SETTINGS["task"])


def find(picture):
    """Return what the model finds in an RGB PIL picture, as `pictures.pages` gives it: a list of objects."""
    pixels = np.ascontiguousarray(np.asarray(picture)[:, :, ::-1])  # Ultralytics takes arrays as blue, green, red
    result = MODEL.predict(
        pixels,
        imgsz=SETTINGS["imgsz"],
        conf=SETTINGS["confidence"],
        iou=SETTINGS["nms_iou"],
        max_det=SETTINGS["max_det"],
        verbose=False,
    )[0]
    if result.probs is not None:
        found = [{"class": result.names[i], "confidence": float(result.probs.data[i])} for i in result.probs.top5]
        return named_first(found, SETTINGS)
    boxes = result.obb if result.obb is not None else result.boxes
    columns = {
        "class": [result.names[int(index)] for index in boxes.cls.tolist()],
        "confidence": boxes.conf.tolist(),
        "box": boxes.xyxy.tolist(),
    }
    if result.obb is not None:
        columns["corners"] = result.obb.xyxyxyxy.tolist()
    if result.masks is not None:
        columns["polygon"] = [outline.tolist() for outline in result.masks.xy]
    if result.keypoints is not None:
        columns["keypoints"] = result.keypoints.data.tolist()
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    if sys.argv[1] in ("-h", "--help"):
        print(__doc__)
        sys.exit(0)
    sys.exit(answer(sys.argv[1:], SETTINGS["window"], find))
