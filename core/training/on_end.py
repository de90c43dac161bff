"""What a laboratory wants done when a training has ended: a command of its own, a call to a program of this machine.

Done by a process of its own (`python -m core.training.on_end FOLDER STATE`), so that the run is at rest meanwhile.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import urllib.request
from pathlib import Path

from core.processes.lifetime import start_child
from core.settings import load_settings
from core.spec import SPEC_FILE, read_spec
from core.training.records.events import final_event, last_attempt, read_events
from core.training.store import Run
from core.workspace import Workspace

SECONDS = 60.0
"""A command may take so long."""
WEBHOOK_SECONDS = 10.0


def begin_on_end(workspace: Workspace, run: Run) -> None:
    """Start what the settings want at the end of a run, where they were set on this machine; a pause is no end."""
    settings = load_settings(workspace)
    final = final_event(last_attempt(read_events(run.events_path)[0]))
    if final is None or final["kind"] == "paused" or not settings.ends_here:
        return
    if settings.on_end_command or settings.on_end_webhook:
        try:
            start_child("core.training.on_end", str(run.folder), final["kind"], log=run.log_path)
        except OSError as error:
            print(f"What was to be done at the end could not be started: {error}")


def do_on_end(folder: Path, state: str) -> None:
    """Run the command and call the address that the settings name for the run in `folder`; print what goes wrong."""
    settings = load_settings(Workspace.open(folder.parents[1]))
    name = read_spec(folder).name if (folder / SPEC_FILE).is_file() else ""
    facts = {"run": folder.name, "run_name": name or folder.name, "state": state, "run_folder": str(folder)}
    if settings.on_end_command:
        environment = os.environ | {f"GRAFT_{name.upper()}": value for name, value in facts.items()}
        try:
            subprocess.run(shlex.split(settings.on_end_command), env=environment, timeout=SECONDS, check=True)
        except (OSError, subprocess.SubprocessError) as error:
            print(f"The command for the end of a training did not work: {error}")
    if settings.on_end_webhook:
        request = urllib.request.Request(  # noqa: S310 - the settings take addresses of this machine only
            settings.on_end_webhook, json.dumps(facts).encode(), {"Content-Type": "application/json"}
        )
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirect)
        try:
            with opener.open(request, timeout=WEBHOOK_SECONDS):
                print("The webhook for the end of a training was called.")
        except (OSError, ValueError) as error:
            print(f"The webhook for the end of a training did not work: {error}")


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: it could lead away from this machine."""

    def redirect_request(self, *_: object, **__: object) -> None:
        """Return no request to go on with."""
        return


if __name__ == "__main__":
    do_on_end(Path(sys.argv[1]), sys.argv[2])
