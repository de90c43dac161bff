"""Ask a model what it sees in pictures nobody has labelled yet, and which of them it doubts most.

A job (core.jobs) in `proposing/<dataset>/` of the workspace: torch is in the child alone. The answers go to the
dataset's labelling/proposals.json (core.labelling.proposals).
"""

from __future__ import annotations

import sys
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core import jobs
from core.data.dataset import Dataset, load_dataset
from core.delivery.predict.entry import FoundIn, FoundObject
from core.delivery.propose.saving import line_that_saves
from core.errors import GraftError, InputError
from core.jobs import JobState, Progress, Report
from core.labelling.label import State
from core.labelling.labelling import open_labelling
from core.labelling.likeness import save_vectors
from core.labelling.proposals import Proposals, Proposed, one_per_thing, save_proposals
from core.labelling.queue import doubtful_first
from core.tasks import TASKS
from core.workspace import Workspace

MOST_LABELLED = 500
"""Labelled pictures whose features are looked at, to order the others by how unlike them they are."""
CLEAR = 3
"""Findings of a picture whose doubt counts, the most doubtful ones."""
NO_FINDING = 0.4
"""Uncertainty of a picture in which nothing is found: it may be empty, or full of what the model doesn't know yet."""


def job_folder(workspace: Workspace, dataset_id: str) -> Path:
    """Return the folder of the job that proposes for a dataset, whether there is one or not."""
    return workspace.root / "proposing" / workspace.dataset(dataset_id).name


def start_proposing(workspace: Workspace, dataset: Dataset, model: str) -> Path:
    """Start the child that asks a model; return the job's folder.

    Raises InputError for a model that is not there or of another task than the labels, or when one is being asked.
    """
    from core.delivery.predict.model.chosen_model import choose_model

    work = open_labelling(dataset)
    chosen = choose_model(workspace, model)
    if chosen.task and chosen.task != work.settings.task:
        raise InputError(
            f"{chosen.title} learned to {TASKS[chosen.task].to_do}; the labels here are to "
            f"{TASKS[work.settings.task].to_do}."
        )
    folder = job_folder(workspace, dataset.id)
    folder.mkdir(parents=True, exist_ok=True)
    job = {"workspace": str(workspace.root), "dataset": dataset.id, "model": model}
    return jobs.start_job(folder, "core.delivery.propose.proposing", job)


def read_proposing(workspace: Workspace, dataset_id: str) -> JobState:
    """Look how far the asking is; its result has how many `pictures` were looked at and the `proposals`."""
    return jobs.read_job(job_folder(workspace, dataset_id), "The asking")


def propose(workspace: Workspace, dataset: Dataset, model: str, progress: Report | None = None) -> dict[str, Any]:
    """Ask a model and wait: {"pictures", "proposals"}. Raises as `start_proposing`, GraftError when it stumbled."""
    return jobs.wait_job(start_proposing(workspace, dataset, model), progress)


def propose_job(job: dict[str, Any], report: Report) -> dict[str, Any]:
    """Child: look at every open picture, and at labelled ones for how like them the others are."""
    from core.data.images.decoding import load_rgb
    from core.delivery.predict.model.answering import described
    from core.delivery.predict.model.chosen_model import choose_model
    from core.evaluation.predict.pooled_features import feature_layers, features_of, watched
    from core.evaluation.predict.predictor import Predictor

    workspace = Workspace.open(job["workspace"])
    dataset = load_dataset(workspace, job["dataset"])
    work, model = open_labelling(dataset), choose_model(workspace, job["model"])
    task, names = work.settings.task, set(work.settings.classes)
    predictor = Predictor()
    predictor.load(str(model.weights))
    if predictor.model.task != task:
        raise InputError(f"{model.title} is for the task {predictor.model.task}, the labels here are for {task}.")
    states = work.states()
    waiting = [picture for picture in work.pictures.values() if states[picture.id] in (State.OPEN, State.UNSURE)]
    labelled = [picture for picture in work.pictures.values() if states[picture.id].learned_from][:MOST_LABELLED]
    if not waiting:
        raise InputError(f"Every picture of {dataset.name} is labelled: there is nothing to propose.")
    found: dict[str, list[Proposed]] = {}
    unsure: dict[str, float] = {}
    vectors: dict[str, NDArray[np.float32]] = {}
    left_out: Counter[str] = Counter()
    layers = feature_layers(predictor)
    for done, picture in enumerate([*waiting, *labelled]):
        report(Progress("Looking at the pictures", done, len(waiting) + len(labelled)))
        path = work.path(picture)
        try:
            image = np.asarray(load_rgb(path))
        except OSError as error:
            raise GraftError(f"{path} can't be read any more: {error}") from error
        if states[picture.id].learned_from:
            vectors[picture.id] = features_of(predictor, image, model.imgsz, layers)
            continue
        with watched(predictor, layers) as seen:
            result = described(predictor.result(image, model.imgsz, model.lowest, model.max_det))
        vectors[picture.id] = seen.features(image.shape[:2])
        unsure[picture.id] = uncertainty(result, model.confidence)
        shapes = proposed(result, model.lowest)
        left_out.update(shape.name for shape in shapes if shape.name not in names)
        found[picture.id] = one_per_thing([shape for shape in shapes if shape.name in names])
    learn = {item: doubt for item, doubt in unsure.items() if work.pictures[item].split == "train"}
    proposals = Proposals(
        model=model.name,
        title=model.title,
        at=datetime.now(UTC).isoformat(timespec="seconds"),
        line=line_that_saves(model.run_folder if TASKS[task].finds_objects else None, model.confidence),
        pictures=found,
        order=doubtful_first(learn, vectors, [picture.id for picture in labelled]),
        left_out=dict(left_out),
    )
    save_proposals(dataset, proposals)
    save_vectors(dataset, vectors)
    return {"pictures": len(found), "proposals": proposals.count, "left_out": dict(left_out)}


def uncertainty(found: FoundIn, line: float) -> float:
    """Return how unsure a model is of a picture, 0 to 1.

    Of a classified picture, how near the second class comes to the first (margin sampling, Scheffer et al. 2001); of
    one with objects, how near the most doubtful findings lie to the line from which findings count.
    """
    if "probabilities" in found:
        best = sorted(found["probabilities"].values(), reverse=True)
        return 1 - (best[0] - best[1]) if len(best) > 1 else 0.0
    doubts = []
    for item in found["objects"]:
        away = abs(item["confidence"] - line) / max(line if item["confidence"] < line else 1 - line, 1e-6)
        doubts.append(1 - min(away, 1.0))
    return float(np.mean(sorted(doubts, reverse=True)[:CLEAR])) if doubts else NO_FINDING


def proposed(found: FoundIn, lowest: float) -> list[Proposed]:
    """Return what was found as shapes of the editor, the surest first; of a classified picture its likeliest class."""
    if "probabilities" in found:
        name, share = max(found["probabilities"].items(), key=lambda item: item[1])
        return [Proposed(name=name, confidence=share)]
    objects = sorted(found["objects"], key=lambda item: -item["confidence"])
    return [shape for item in objects if item["confidence"] >= lowest and (shape := _shape(item)) is not None]


def _shape(item: FoundObject) -> Proposed | None:
    made = Proposed(name=item["class"], confidence=item["confidence"])
    if "corners" in item:
        made.points = [(round(x, 2), round(y, 2)) for x, y in item["corners"]]
        return made
    if "polygon" in item:
        import cv2

        outline = np.array(item["polygon"], dtype=np.float32).reshape(-1, 1, 2)
        points = cv2.approxPolyDP(outline, 0.75, True).reshape(-1, 2) if len(outline) else outline
        if len(points) < 3:
            return None
        made.points = [(round(float(x), 2), round(float(y), 2)) for x, y in points]
        return made
    left, top, right, bottom = item["box"]
    made.box = (round(left, 2), round(top, 2), round(right - left, 2), round(bottom - top, 2))
    if "keypoints" in item:
        made.keypoints = [(round(x, 2), round(y, 2), 2 if sure > 0.5 else 0) for x, y, sure in item["keypoints"]]
    return made


if __name__ == "__main__":
    sys.exit(jobs.run_job(Path(sys.argv[1]), propose_job))
