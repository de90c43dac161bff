"""Child process: let any checkpoint look at named pictures and say what it finds of the wanted classes, by name.

The request holds weights, imgsz, device, pictures {file: path} and classes. The answer holds `task`, `known` (wanted
class -> the model's own name for it) and `pictures`: for each the objects found as [wanted class, confidence, x1, y1,
x2, y2] in pixels, or for a classifier {wanted class: probability}.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from core.evaluation.predict.predictions import MIN_CONFIDENCE
from core.evaluation.predict.predictor import Predictor, pictures_in
from core.jobs import Progress, Report
from core.processes.children import answer
from core.spec import USUAL_MAX_DET


def same_names(wanted: list[str], names: list[str]) -> dict[str, str]:
    """Return which wanted classes a model knows, {wanted: its own name}: case, plural s, - and _ don't matter."""
    by_word = {_word(name): name for name in reversed(names)}
    return {name: by_word[_word(name)] for name in wanted if _word(name) in by_word}


def _word(name: str) -> str:
    plain = " ".join(name.casefold().replace("-", " ").replace("_", " ").split())
    return plain[:-1] if len(plain) > 3 and plain.endswith("s") and not plain.endswith("ss") else plain


def predict_pictures(request: dict[str, Any], report: Report) -> dict[str, Any]:
    """Look at the pictures of a request."""
    predictor = Predictor(request["device"])
    predictor.load(request["weights"])
    names = {int(number): str(name) for number, name in predictor.model.names.items()}
    known = same_names(request["classes"], list(names.values()))
    wanted = {own: name for name, own in known.items()}
    found: dict[str, Any] = {}
    if known:
        for number, (file, path) in enumerate(request["pictures"].items()):
            report(Progress("Looking at the pictures", number, len(request["pictures"])))
            pixels = next(pictures_in(Path(path)))
            result = predictor.result(pixels, request["imgsz"], MIN_CONFIDENCE, request.get("max_det", USUAL_MAX_DET))
            if result.probs is not None:
                scores = result.probs.data.tolist()
                found[file] = {wanted[names[i]]: score for i, score in enumerate(scores) if names[i] in wanted}
                continue
            boxes = result.boxes if result.obb is None else result.obb
            found[file] = [
                [wanted[names[int(kind)]], float(sure), *box]
                for kind, sure, box in zip(boxes.cls.tolist(), boxes.conf.tolist(), boxes.xyxy.tolist(), strict=True)
                if names[int(kind)] in wanted
            ]
    return {"task": predictor.model.task, "known": known, "pictures": found}


if __name__ == "__main__":
    answer(predict_pictures)
