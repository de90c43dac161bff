"""Child process that holds one model and answers requests: a line of JSON in, a line of JSON out.

    python -m core.delivery.predict.model.server

Every request names its `weights` and `do`:

    load       {"imgsz"}                          -> {"task", "classes", "imgsz"}, the model warmed up
    learn      {"run"}                            -> {"compared_with"}, see core.delivery.predict.model.unlike
    predict    {"imgsz", "confidence", "max_det", "picture", "window", "tiled", "tile", "features"}
                                                  -> {"task", "pictures": [one entry per page]}
    heat       {"imgsz", "picture", "out"}        -> {}, a JPEG written to `out` (EigenCAM)
    features   {"imgsz", "picture"}               -> {"layers": [...]}, see core.delivery.predict.model.features

A refusal is {"error": sentence, "input": whether what was given is to blame}. One model is held at a time; after
IDLE_SECONDS without a request the process ends and with it its memory. Standard error carries what Ultralytics prints.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np

from core.delivery.predict.entry import PixelEntry
from core.delivery.predict.model.answering import find_in, pages_of
from core.delivery.predict.model.features import draw_heat, layer_maps
from core.delivery.predict.model.unlike import compared_with, kept_features
from core.errors import InputError
from core.evaluation.predict.pooled_features import learn_run
from core.evaluation.predict.predictor import Predictor
from core.spec import USUAL_MAX_DET

IDLE_SECONDS = 900.0


def answer(predictor: Predictor, request: dict[str, Any]) -> dict[str, Any]:
    """Answer one request. Raises InputError for weights that are refused."""
    predictor.load(request["weights"])
    imgsz = request.get("imgsz")
    match request["do"]:
        case "load":
            side = imgsz or predictor.imgsz
            predictor.result(np.zeros((side, side, 3), np.uint8), imgsz, 0.9)  # the first pass is the slow one
            return {"task": predictor.model.task, "classes": predictor.classes, "imgsz": side}
        case "learn":
            return {"compared_with": compared_with(learn_run(Path(request["run"]), predictor))}
        case "predict":
            features = request.get("features")
            known = kept_features(Path(features), Path(request["weights"])) if features else None
            entries: list[PixelEntry] = []
            for entry in pages_of(Path(request["picture"]), request.get("window", "auto")):
                image = entry.pop("image", None)
                if image is not None:
                    most, tiled = request.get("max_det", USUAL_MAX_DET), bool(request.get("tiled"))
                    line = request["confidence"]
                    entry = {**entry, **find_in(predictor, image, imgsz, line, most, tiled=tiled,
                                                 tile=request.get("tile"), known=known)}  # fmt: skip
                entries.append(entry)
            return {"task": predictor.model.task, "pictures": entries}
        case "heat":
            draw_heat(predictor, Path(request["picture"]), imgsz or predictor.imgsz, Path(request["out"]))
            return {}
        case "features":
            return {"layers": layer_maps(predictor, Path(request["picture"]), imgsz or predictor.imgsz)}
    raise InputError(f"There is no request “{request['do']}”.")


def serve() -> None:
    """Answer requests on standard input until it closes or nothing was asked for a while."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # Ultralytics prints; the answers have the real standard output for themselves
    predictor = Predictor()
    idle = _leave_later()
    for line in sys.stdin:
        idle.cancel()
        try:
            reply = answer(predictor, json.loads(line))
        except InputError as error:
            reply = {"error": str(error), "input": True}
        except Exception as error:  # whatever the model raises on a picture is the answer; the process goes on
            reason = (str(error) or type(error).__name__).strip().splitlines()[0][:300]
            reply = {"error": f"the model stumbled: {reason}", "input": False}
        answers.write(json.dumps(reply) + "\n")
        answers.flush()
        idle = _leave_later()
    idle.cancel()


def _leave_later() -> threading.Timer:
    timer = threading.Timer(IDLE_SECONDS, os._exit, (0,))
    timer.daemon = True
    timer.start()
    return timer


if __name__ == "__main__":
    serve()
