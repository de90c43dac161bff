"""What the label editor asks the server: which pictures there are, a picture, its label; and what it tells it.

The guard before the app (core.serving.guard) stands before these addresses as well. A change is taken from a page of
this very server only: it must be JSON, which a page from elsewhere can't send unasked, and name this host as origin.
The answers themselves (pages/_ui/label/answers.py) are loaded at the first question, so that the server starts sooner.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from core.errors import InputError

PREFIX = "/labelling"
MOST_BYTES = 4_000_000
"""Of one change: some 5,000 objects."""


def _answering(what: str) -> Callable[[Request], Any]:
    def find(request: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        from pages._ui.label.answers import answer

        return answer(what, request)

    async def endpoint(request: Request) -> Response:
        body: dict[str, Any] = {}
        if request.method == "POST":
            origin, kind = request.headers.get("origin", ""), request.headers.get("content-type", "")
            if kind.partition(";")[0] != "application/json" or not _is_own(origin, request):
                return JSONResponse({"error": "Changes are taken from Graft's own page."}, 403)
            if int(request.headers.get("content-length") or MOST_BYTES + 1) > MOST_BYTES:
                return JSONResponse({"error": "That is more than one picture can hold."}, 413)
            try:
                body = {**await request.json()}
            except (ValueError, TypeError):
                return JSONResponse({"error": "That is no JSON object."}, 400)
        status, content = await run_in_threadpool(find, {**body, **request.path_params})
        return JSONResponse(content, status)

    return endpoint


def _is_own(origin: str, request: Request) -> bool:
    hosts = {request.headers.get("host", ""), request.headers.get("x-forwarded-host", "")}
    return bool(origin) and urlsplit(origin).netloc.lower() in {host.lower() for host in hosts if host}


async def picture(request: Request) -> Response:
    """Answer a picture's file; it never changes under its digest, so the browser may keep it."""

    def find() -> Path:
        from pages._ui.label.answers import picture_path

        return picture_path(request.path_params["dataset"], request.path_params["picture"])

    try:
        path = await run_in_threadpool(find)
    except InputError as error:
        return JSONResponse({"error": str(error)}, 404)
    return FileResponse(path, headers={"cache-control": "private, max-age=86400, immutable"})


async def exported(request: Request) -> Response:
    """Answer a zip with the dataset's pictures and its labels in a layout of core.data.label_export."""

    def write() -> tuple[Path, str]:
        from pages._ui.label.answers import export

        return export(request.path_params["dataset"], request.path_params["layout"])

    try:
        path, name = await run_in_threadpool(write)
    except InputError as error:
        return JSONResponse({"error": str(error)}, 422)
    return FileResponse(path, filename=name, background=BackgroundTask(shutil.rmtree, path.parent))


ROUTES = [
    Route(f"{PREFIX}/{{dataset}}/export/{{layout}}", exported),
    Route(f"{PREFIX}/{{dataset}}/pictures", _answering("pictures")),
    Route(f"{PREFIX}/{{dataset}}/picture/{{picture}}", picture),
    Route(f"{PREFIX}/{{dataset}}/label/{{picture}}", _answering("label"), methods=["GET"]),
    Route(f"{PREFIX}/{{dataset}}/label/{{picture}}", _answering("set_label"), methods=["POST"]),
    Route(f"{PREFIX}/{{dataset}}/like/{{picture}}", _answering("like")),
    Route(f"{PREFIX}/{{dataset}}/snap/{{picture}}", _answering("snap"), methods=["POST"]),
    Route(f"{PREFIX}/{{dataset}}/classes", _answering("name_class"), methods=["POST"]),
]
