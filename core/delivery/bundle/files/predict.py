"""Find things in pictures with this model.   python predict.py PICTURE...   (needs: pip install ultralytics)"""

import json
import os
import sys
from pathlib import Path

os.environ.update(YOLO_OFFLINE="1", YOLO_VERBOSE="false")  # nothing leaves this machine; answers alone are printed
from ultralytics import YOLO

here = Path(__file__).resolve().parent
settings = json.loads((here / "model.json").read_text(encoding="utf-8"))
model = YOLO(here / "model.pt", task=settings["task"])
for file in sys.argv[1:]:
    result = model.predict(
        file, imgsz=settings["imgsz"], conf=settings["confidence"], iou=settings["nms_iou"], verbose=False
    )[0]
    if result.probs is not None:
        found = [{"class": result.names[i], "confidence": float(result.probs.data[i])} for i in result.probs.top5]
    else:
        boxes = result.obb if result.obb is not None else result.boxes
        rows = zip(boxes.cls.tolist(), boxes.conf.tolist(), boxes.xyxy.tolist(), strict=True)
        found = [{"class": result.names[int(name)], "confidence": sure, "box": box} for name, sure, box in rows]
    print(json.dumps({"file": file, "objects": found}))
