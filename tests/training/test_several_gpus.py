"""A run over several GPUs, as far as it can be tried without them: the launcher, two ranks in step, one that reports.

The ranks train on the CPU here, in a group of PyTorch's that Ultralytics makes on GPUs only; so the model is not
wrapped and gradients are not shared. Everything else is what happens on two GPUs.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from core.data.importing.from_upload import import_dataset
from core.errors import InputError
from core.spec import TrainingSpec
from core.training.records.events import read_events
from core.training.runs import start_run
from core.training.several_gpus import free_port, launch_command, refusal, train_on_several
from core.training.store import Run, RunStore, State
from core.workspace import Workspace
from tests.tiny import write_yolo_folder
from tests.training.test_runs import assert_joined, spec_for

ROOT = Path(__file__).resolve().parents[2]
RANK_ON_CPU = """
import sys
from pathlib import Path
import torch.distributed
torch.distributed.init_process_group("gloo")
from core.training.worker.attempt import main
sys.exit(main(Path(sys.argv[1]), int(sys.argv[2])))
"""


def test_the_launcher_starts_the_worker_itself() -> None:
    command = launch_command(Path("/runs/one"), 3, 2, 29500)
    assert command[1:3] == ["-m", "torch.distributed.run"]
    assert command[-4:] == ["-m", "core.training.worker", "/runs/one", "3"]
    assert command[command.index("--nproc_per_node") + 1] == "2"


@pytest.mark.parametrize(
    ("changes", "device", "words"),
    [
        ({"strategy": "two-stage"}, "0,1", "one GPU"),
        ({"batch": 9}, "0,1", "multiple of 2"),
        ({"batch": 8}, "0,1", ""),
        ({"strategy": "two-stage", "batch": 9}, "0", ""),
    ],
)
def test_what_several_gpus_can_not_do_is_said_before(changes: dict[str, object], device: str, words: str) -> None:
    spec = TrainingSpec.model_validate({"dataset": "d", "task": "detect", "batch": 8} | changes)
    refused = refusal(spec, device)
    assert words in refused
    assert bool(words) == bool(refused)


@pytest.mark.slow
@pytest.mark.xdist_group("training")
def test_two_ranks_stay_in_step_and_one_reports(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = import_dataset(workspace, write_yolo_folder(tmp_path / "squares", train=16))
    spec = spec_for(dataset, device="cpu")
    facts = {"dataset": dataset.id, "dataset_name": "squares", "task": "detect", "model": "yolo11n"}
    run = Run(id="ranks", name="ranks", state=State.RUNNING, strategy="scratch", device="cpu", attempt=1,
              created=datetime.now(UTC), **facts)  # fmt: skip
    run._folder = workspace.run(run.id)
    run.folder.mkdir(parents=True)
    (run.folder / "spec.json").write_text(spec.model_dump_json())
    RunStore(workspace).add(run)
    script = tmp_path / "rank.py"
    script.write_text(RANK_ON_CPU)
    launched = launch_command(run.folder, 1, 2, free_port())
    command = [*launched[: launched.index("core.training.worker") - 1], str(script), *launched[-2:]]
    monkeypatch.setenv("PYTHONPATH", str(ROOT))  # the script lies elsewhere; the product starts the module from here
    code = train_on_several(run.folder, run.events_path, spec, command)
    events, _ = read_events(run.events_path)
    kinds = [event["kind"] for event in events]
    assert (code, kinds[0], kinds[-1]) == (0, "started", "finished"), events[-1]
    assert kinds.count("started") == kinds.count("finished") == 1
    assert kinds.count("epoch") == 2
    assert_joined(run, 2)


def test_ranks_that_can_not_start_are_a_plain_failure(tmp_path: Path) -> None:
    log = tmp_path / "train.log"
    log.touch()
    dies = f"open({str(log)!r}, 'a').write('torch.OutOfMemoryError: CUDA out of memory\\n'); raise SystemExit(1)"
    spec = TrainingSpec.model_validate({"dataset": "d", "task": "detect", "batch": 8})
    assert train_on_several(tmp_path, tmp_path / "events.jsonl", spec, [sys.executable, "-c", dies]) == 1
    said, _ = read_events(tmp_path / "events.jsonl")
    assert [event["kind"] for event in said] == ["failed"]
    assert said[0]["suggestion"] == {"batch": 4}


def test_a_refused_run_leaves_nothing_behind(workspace: Workspace, tmp_path: Path) -> None:
    dataset = import_dataset(workspace, write_yolo_folder(tmp_path / "squares"))
    with pytest.raises(InputError, match="multiple of 2"):
        start_run(workspace, spec_for(dataset, device="0,1", batch=5))
    assert not list(workspace.runs.iterdir())
