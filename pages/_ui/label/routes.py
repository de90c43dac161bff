"""What the label editor asks the server: which pictures there are, a picture, its label; and what it tells it.

The guard before the app (core.serving.guard) stands before these addresses as well. A change is taken from a page of
this very server only: it must be JSON, which a page from elsewhere can't send unasked, and name this host as origin.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
from pydantic import ValidationError
from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from core.data.dataset import load_dataset
from core.data.images.decoding import load_rgb
from core.data.label_export import export_labels
from core.data.palette import CLASS_COLOURS
from core.errors import InputError
from core.labelling.label import Label
from core.labelling.labelling import Conflict, Labelling, Picture, open_labelling
from core.labelling.proposals import read_proposals
from core.labelling.queue import queue
from core.labelling.settings import add_class
from core.labelling.snapping import snapped
from core.tasks import TASKS
from core.workspace import Workspace

PREFIX = "/labelling"
MOST_BYTES = 4_000_000
"""Of one change: some 5,000 objects."""
HISTORY = 200
"""Earlier labels of a picture that can be undone after a reload."""

Answer = dict[str, Any]


def pictures(work: Labelling, _request: Answer) -> Answer:
    """Answer what is learned and every picture with its state."""
    settings = work.settings
    return {
        **settings.model_dump(mode="json", include={"task", "classes", "keypoints", "skeleton"}),
        "colours": list(CLASS_COLOURS),
        "orders": {
            "next": [item.id for item, _ in queue(work)],
            "random": [item.id for item, _ in queue(work, random=True)],
        },
        "pictures": [
            {
                "id": picture.id,
                "source": picture.source,
                "split": picture.split,
                "width": picture.width,
                "height": picture.height,
                "state": work.state(picture).value,
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


def snap(work: Labelling, request: Answer) -> Answer:
    """Answer the thing in a box (left, top, width, height) as a shape of the task, null where none stands out."""
    picture = work.picture(request["picture"])
    left, top, width, height = (float(value) for value in request["box"])
    image = np.asarray(load_rgb(work.path(picture)))
    return {"shape": snapped(image, (left, top, width, height), TASKS[work.settings.task].shape)}


def _answering(do: Callable[[Labelling, Answer], Answer]) -> Callable[[Request], Any]:
    async def endpoint(request: Request) -> Response:
        body: Answer = {}
        if request.method == "POST":
            origin, kind = request.headers.get("origin", ""), request.headers.get("content-type", "")
            if kind.partition(";")[0] != "application/json" or not _is_own(origin, request):
                return JSONResponse({"error": "Changes are taken from Graft's own page."}, 403)
            if int(request.headers.get("content-length") or MOST_BYTES + 1) > MOST_BYTES:
                return JSONResponse({"error": "That is more than one picture can hold."}, 413)
            try:
                body = await request.json()
                body = {**body}
            except (ValueError, TypeError):
                return JSONResponse({"error": "That is no JSON object."}, 400)
        try:
            return JSONResponse(await run_in_threadpool(_do, do, {**body, **request.path_params}))
        except Conflict as conflict:
            told = {"label": conflict.change.after.as_json(), "number": conflict.change.number, "error": str(conflict)}
            return JSONResponse(told, 409)
        except InputError as error:
            return JSONResponse({"error": str(error)}, 422)
        except (KeyError, ValueError, TypeError, ValidationError):
            return JSONResponse({"error": "That is no label."}, 400)

    return endpoint


def _do(do: Callable[[Labelling, Answer], Answer], request: Answer) -> Answer:
    return do(_work(request["dataset"]), request)


def _work(dataset_id: str) -> Labelling:
    return open_labelling(load_dataset(Workspace.current(), dataset_id))


def _is_own(origin: str, request: Request) -> bool:
    hosts = {request.headers.get("host", ""), request.headers.get("x-forwarded-host", "")}
    return bool(origin) and urlsplit(origin).netloc.lower() in {host.lower() for host in hosts if host}


async def picture(request: Request) -> Response:
    """Answer a picture's file; it never changes under its digest, so the browser may keep it."""

    def find() -> str:
        work = _work(request.path_params["dataset"])
        return str(work.path(work.picture(request.path_params["picture"])))

    try:
        path = await run_in_threadpool(find)
    except InputError as error:
        return JSONResponse({"error": str(error)}, 404)
    return FileResponse(path, headers={"cache-control": "private, max-age=86400, immutable"})


async def exported(request: Request) -> Response:
    """Answer a zip with the dataset's pictures and its labels in a layout of core.data.label_export."""
    layout = request.path_params["layout"]

    def write() -> tuple[Path, str]:
        workspace = Workspace.current()
        dataset = load_dataset(workspace, request.path_params["dataset"])
        folder = workspace.lasting_staging("labels")
        try:
            return export_labels(dataset, layout, folder / "labels.zip"), f"{dataset.id}-{layout}.zip"
        except InputError:
            folder.rmdir()
            raise

    try:
        path, name = await run_in_threadpool(write)
    except InputError as error:
        return JSONResponse({"error": str(error)}, 422)
    return FileResponse(path, filename=name, background=BackgroundTask(shutil.rmtree, path.parent))


ROUTES = [
    Route(f"{PREFIX}/{{dataset}}/export/{{layout}}", exported),
    Route(f"{PREFIX}/{{dataset}}/pictures", _answering(pictures)),
    Route(f"{PREFIX}/{{dataset}}/picture/{{picture}}", picture),
    Route(f"{PREFIX}/{{dataset}}/label/{{picture}}", _answering(label), methods=["GET"]),
    Route(f"{PREFIX}/{{dataset}}/label/{{picture}}", _answering(set_label), methods=["POST"]),
    Route(f"{PREFIX}/{{dataset}}/snap/{{picture}}", _answering(snap), methods=["POST"]),
    Route(f"{PREFIX}/{{dataset}}/classes", _answering(name_class), methods=["POST"]),
]
