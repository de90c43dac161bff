"""The settings of a workspace: kept, read by what they are about, and the same on the page and the command line."""

from __future__ import annotations

import json
import sys
import threading
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from pydantic import ValidationError

from core.cli import main
from core.data.importing.public_sets import import_public_set
from core.errors import InputError
from core.models.catalog import find_model
from core.models.weights import download, is_here
from core.planning.facts import machine_facts
from core.processes.cores import chosen_cores
from core.settings import Settings, load_settings, save_settings
from core.storage import clean_up, clean_ups, rooms
from core.training.on_end import begin_on_end, do_on_end
from core.training.store import Run, RunStore, State
from core.workspace import SETTINGS_FILE, Workspace


def test_weights_are_looked_for_in_the_folder_of_the_settings(workspace: Workspace, tmp_path: Path) -> None:
    model = find_model("yolo26n")
    assert model is not None
    stick = tmp_path / "stick"
    stick.mkdir()
    (stick / model.file).write_bytes(b"weights")
    assert not is_here(workspace, model)
    save_settings(workspace, Settings(weights_folder=str(stick)))
    assert is_here(workspace, model)
    assert workspace.weights == stick
    stick.rename(tmp_path / "pulled out")
    assert workspace.weights == workspace.root / "weights"
    assert load_settings(workspace).weights_folder == ""


def test_the_number_of_cores_is_that_of_the_settings_unless_the_environment_says_one(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GRAFT_CORES", raising=False)
    assert chosen_cores() is None
    save_settings(workspace, Settings(cores=3))
    assert chosen_cores() == 3
    monkeypatch.setenv("GRAFT_CORES", "2")
    assert chosen_cores() == 2


def test_a_device_left_open_is_that_of_the_settings(workspace: Workspace) -> None:
    save_settings(workspace, Settings(device=" 1, 2"))
    assert load_settings(workspace).device == "1,2"
    assert machine_facts(workspace).device == "cuda"
    assert machine_facts(workspace, "cpu").device == "cpu"


def test_what_may_not_be_fetched_is_refused_before_anything_is_asked(workspace: Workspace) -> None:
    save_settings(workspace, Settings(fetch_weights=False, fetch_public_sets=False))
    model = find_model("yolo26n")
    assert model is not None
    with pytest.raises(InputError, match="turned off"):
        download(workspace, model)
    with pytest.raises(InputError, match="turned off"):
        import_public_set(workspace, "coco8")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("on_end_webhook", "http://example.com/graft"),
        ("on_end_webhook", "file:///etc/passwd"),
        ("on_end_webhook", "http://127.0.0.1.example.com/"),
        ("on_end_command", "ring 'the bell"),
        ("weights_folder", "/no/such/folder"),
        ("device", "toaster"),
        ("cores", 0),
    ],
)
def test_what_can_not_be_meant_is_refused(name: str, value: object) -> None:
    with pytest.raises(ValidationError):
        Settings.model_validate({name: value})


def ended(workspace: Workspace, state: str = "finished") -> Run:
    run = Run(
        id="bell-000001", name="Bell", state=State(state), dataset="gone", dataset_name="Gone", task="detect",
        model="yolo11n", strategy="scratch", device="cpu", created=datetime.now(UTC),
    )  # fmt: skip
    RunStore(workspace).add(run)
    folder = workspace.run(run.id)
    folder.mkdir()
    events = [{"kind": "started", "attempt": 1, "time": 1.0}, {"kind": state, "time": 2.0}]
    (folder / "events.jsonl").write_text("".join(json.dumps(event) + "\n" for event in events))
    return RunStore(workspace).get(run.id)


def test_a_command_and_a_webhook_are_told_which_run_ended_and_how(workspace: Workspace, tmp_path: Path) -> None:
    told: list[dict[str, str]] = []

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            told.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Hook)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    out = tmp_path / "out"
    script = f"import os; open({str(out)!r}, 'w').write(os.environ['GRAFT_RUN'] + os.environ['GRAFT_STATE'])"
    command = f'{sys.executable} -c "{script}"'
    address = f"http://127.0.0.1:{server.server_port}/"
    save_settings(workspace, Settings(on_end_command=command, on_end_webhook=address))
    run = ended(workspace)
    try:
        do_on_end(run.folder, "finished")
    finally:
        server.shutdown()
    assert out.read_text() == "bell-000001finished"
    assert [(item["run"], item["state"]) for item in told] == [("bell-000001", "finished")]


@pytest.mark.parametrize(("state", "here", "begun"), [("finished", True, 1), ("paused", True, 0), ("failed", False, 0)])
def test_nothing_is_begun_at_a_pause_or_where_it_was_not_set(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, state: str, here: bool, begun: int
) -> None:
    started: list[object] = []
    monkeypatch.setattr("core.training.on_end.start_child", lambda *given, **_: started.append(given))
    save_settings(workspace, Settings(on_end_command="ring"))
    if not here:  # the workspace was copied from another machine
        path = workspace.root / SETTINGS_FILE
        path.write_text(json.dumps(json.loads(path.read_text()) | {"machine": "elsewhere"}))
    begin_on_end(workspace, ended(workspace, state))
    assert len(started) == begun


def test_what_a_copied_workspace_would_run_rests_until_it_is_set_here(workspace: Workspace) -> None:
    path = workspace.root / SETTINGS_FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"on_end_command": "ring", "machine": "elsewhere"}))
    assert main(["settings", "--cores", "4"]) == 0
    assert not load_settings(workspace).ends_here
    assert main(["settings", "--on-end-command", "ring"]) == 0
    assert load_settings(workspace).ends_here


def test_the_command_line_shows_and_changes_them(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["settings", "--cores", "4", "--no-fetch-weights", "--json"]) == 0
    assert load_settings(workspace).cores == 4
    assert main(["settings", "--cores", "", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (shown["cores"], shown["fetch_weights"]) == (None, False)
    assert main(["settings", "--on-end-webhook", "http://example.com"]) == 2


def test_storage_says_what_takes_room_and_a_clean_up_takes_only_what_it_names(workspace: Workspace) -> None:
    run = ended(workspace)
    for path, size in ((run.resume_point, 5000), (run.folder / "train" / "weights" / "best.pt", 3000)):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * size)
    assert next(item for item in rooms(workspace) if item.title.startswith("Runs")).bytes > 8000
    assert [(item.key, item.bytes) for item in clean_ups(workspace)] == [("resume", 5000)]
    assert clean_up(workspace, "resume") == 5000
    assert run.best_weights is not None
    assert clean_ups(workspace) == []
    RunStore(workspace).change(run.id, state=State.PAUSED)
    run.resume_point.write_bytes(b"x")
    assert clean_ups(workspace) == [], "a paused run still needs its resume point"
    with pytest.raises(InputError):
        clean_up(workspace, "everything")
