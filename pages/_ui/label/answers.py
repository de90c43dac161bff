"""The answers to what the label editor asks (pages/_ui/label/routes.py); loaded at the first question."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import ValidationError

from core.data.dataset import load_dataset
from core.data.images.decoding import load_rgb
from core.data.label_export import export_labels
from core.data.palette import CLASS_COLOURS
from core.errors import InputError
from core.labelling.label import Label
from core.labelling.labelling import Conflict, Labelling, Picture, open_labelling
from core.labelling.likeness import more_like
from core.labelling.proposals import read_proposals
from core.labelling.queue import queue
from core.labelling.settings import add_class
from core.labelling.snapping import snapped
from core.tasks import TASKS
from core.workspace import Workspace

HISTORY = 200
"""Earlier labels of a picture that can be undone after a reload."""

Answer = dict[str, Any]


def answer(what: str, request: Answer) -> tuple[int, Answer]:
    """Return the status and the content of the answer to one of ANSWERS; `request` names the `dataset`."""
    try:
        return 200, ANSWERS[what](_work(request["dataset"]), request)
    except Conflict as conflict:
        change = conflict.change
        return 409, {"label": change.after.as_json(), "number": change.number, "error": str(conflict)}
    except InputError as error:
        return 422, {"error": str(error)}
    except (KeyError, ValueError, TypeError, ValidationError):
        return 400, {"error": "That is no label."}


def picture_path(dataset_id: str, picture_id: str) -> Path:
    """Return where a picture's file lies. Raises InputError when there is none."""
    work = _work(dataset_id)
    return work.path(work.picture(picture_id))


def export(dataset_id: str, layout: str) -> tuple[Path, str]:
    """Write a zip in a folder of its own in staging; return its path and what to call it. Raises InputError."""
    workspace = Workspace.current()
    dataset = load_dataset(workspace, dataset_id)
    folder = workspace.lasting_staging("labels")
    try:
        return export_labels(dataset, layout, folder / "labels.zip"), f"{dataset.id}-{layout}.zip"
    except InputError:
        folder.rmdir()
        raise


def _work(dataset_id: str) -> Labelling:
    return open_labelling(load_dataset(Workspace.current(), dataset_id))


def pictures(work: Labelling, _request: Answer) -> Answer:
    """Answer what is learned and every picture with its state."""
    settings, states = work.settings, work.states()
    proposals = read_proposals(work.dataset)
    return {
        **settings.model_dump(mode="json", include={"task", "classes", "keypoints", "skeleton"}),
        "colours": list(CLASS_COLOURS),
        "line": proposals.line if proposals else 0.5,
        "doubted": bool(proposals and proposals.order),
        "orders": {
            "next": [item.id for item, _ in queue(work, states=states)],
            "random": [item.id for item, _ in queue(work, random=True, states=states)],
        },
        "pictures": [
            {
                "id": picture.id,
                "source": picture.source,
                "split": picture.split,
                "width": picture.width,
                "height": picture.height,
                "state": states[picture.id].value,
            }
            for picture in work.pictures.values()
        ],
    }


def label(work: Labelling, request: Answer) -> Answer:
    """Answer a picture's label, the number of its last change, and what it was before."""
    picture = work.picture(request["picture"])
    changes = work.journal.of_picture(picture.id)
    return {
        "label": work.label(picture).as_json(),
        "number": changes[-1].number if changes else 0,
        "history": [change.before.as_json() for change in changes[-HISTORY:]],
        "proposals": _proposals(work, picture),
    }


def _proposals(work: Labelling, picture: Picture) -> list[Answer]:
    """Return what a model proposes for a picture that nobody has labelled yet; once it is, only labels are shown."""
    proposals = read_proposals(work.dataset)
    if proposals is None or work.state(picture).learned_from:
        return []
    found = proposals.pictures.get(picture.id, [])
    return [item.model_dump(mode="json", by_alias=True, exclude_none=True) for item in found]


def set_label(work: Labelling, request: Answer) -> Answer:
    """Take a label and answer it as it is kept, once it is on the disk."""
    said, by = Label.model_validate(request["label"]), " ".join(str(request.get("by", "")).split())[:80]
    change = work.set(request["picture"], said, since=int(request["since"]), by=by)
    return {"label": change.after.as_json(), "number": change.number}


def name_class(work: Labelling, request: Answer) -> Answer:
    """Take a class and answer all there are."""
    return {"classes": add_class(work.dataset, str(request["name"])).classes}


def like(work: Labelling, request: Answer) -> Answer:
    """Answer the ids of the open pictures to learn from, the one most like a picture first, or what to do before."""
    picture = work.picture(request["picture"])
    try:
        return {"order": [item.id for item, _ in more_like(work, picture.id)], "first": ""}
    except InputError as error:  # no mistake: a model has to be asked first
        return {"order": [], "first": str(error)}


def snap(work: Labelling, request: Answer) -> Answer:
    """Answer the thing in a box (left, top, width, height) as a shape of the task, null where none stands out."""
    picture = work.picture(request["picture"])
    left, top, width, height = (float(value) for value in request["box"])
    image = np.asarray(load_rgb(work.path(picture)))
    return {"shape": snapped(image, (left, top, width, height), TASKS[work.settings.task].shape)}


ANSWERS: dict[str, Callable[[Labelling, Answer], Answer]] = {
    "pictures": pictures,
    "label": label,
    "set_label": set_label,
    "name_class": name_class,
    "snap": snap,
    "like": like,
}
