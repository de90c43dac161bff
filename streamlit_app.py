"""The app `streamlit run streamlit_app.py` serves; what is on screen starts in pages/_app.py."""

import contextlib
import importlib
import os
import sys
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import streamlit as st
from starlette.middleware import Middleware
from streamlit import net_util
from streamlit.runtime.pages_manager import PagesManager
from streamlit.runtime.scriptrunner import RerunData, ScriptRunner

ROOT = Path(__file__).resolve().parent
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))  # pages and core are imported by their full names

from pages._ui.label.routes import ROUTES  # noqa: E402  (after the path is set)

AHEAD_AFTER = 6.0
"""Seconds after the start, by which the first page stands."""

# Otherwise Streamlit may run a page of the pages/ folder alone, without its frame, for the first visitor.
PagesManager.uses_pages_directory = False

# Otherwise Streamlit asks a server on the Internet for this machine's address whenever a page from elsewhere knocks.
net_util.get_external_ip = lambda: None

run_script = ScriptRunner._run_script


def run_unless_left(runner: ScriptRunner, asked: RerunData) -> None:
    """Run a script, but no part of a page that was left meanwhile.

    A part that draws itself anew by a timer may ask for it while the server already draws the next page. Streamlit
    would draw that part, and its browser half would take the session back to the page left: the new one is emptied.
    """
    if asked.fragment_id_queue and asked.page_script_hash != runner._pages_manager.current_page_script_hash:
        return
    run_script(runner, asked)


ScriptRunner._run_script = run_unless_left  # type: ignore[method-assign]


@contextlib.asynccontextmanager
async def lifespan(_: st.App) -> AsyncIterator[None]:
    """Reclaim what a crash left in the workspace, and look its list of runs over, before the first page is shown."""
    from core.training.store import RunStore
    from core.workspace import Workspace

    workspace = Workspace.current()
    workspace.sweep_staging()
    RunStore(workspace).check()
    ahead = threading.Timer(AHEAD_AFTER, load_ahead)
    ahead.daemon = True
    ahead.start()
    yield
    ahead.cancel()


def load_ahead() -> None:
    """Load what the pages after the first need, while whoever opened it reads."""
    for module in ("plotly.graph_objects", "core.evaluation.evaluation", "core.lab.jobs", "pages._ui.common.charts"):
        importlib.import_module(module)


def guard() -> Middleware:
    """Return what stands before the app; beyond this machine a login. Ends the start where there is no password."""
    from core.errors import InputError
    from core.files.answering import check_answers
    from core.serving.address import PROXY, door_for
    from core.serving.guard import Guard
    from core.workspace import Workspace, named_folder

    try:
        check_answers(named_folder())
        door = door_for(Workspace.current(), st.get_option("server.address"))
    except InputError as error:
        print(error, file=sys.stderr)
        os._exit(2)  # Streamlit imports this file in its server, which would go on after an exception
    proxy, tls = bool(os.environ.get(PROXY)), bool(st.get_option("server.sslCertFile"))
    hosts = st.get_option("server.allowedHosts") or ()
    return Middleware(Guard, door=door, proxy=proxy, tls=tls or proxy, hosts=hosts)


def tell(error: Exception) -> bool:
    """Say in a sentence what ended a page."""
    from pages._ui.common.unforeseen import show_unforeseen

    return show_unforeseen(error)


app = st.App(ROOT / "pages" / "_app.py", lifespan=lifespan, middleware=[guard()], routes=ROUTES, on_script_error=tell)
