"""What keeps a graphics card from being used is said in a sentence: made-up drivers and torches, asked for real.

The driver's program is a script on PATH, torch a package in front of the real one; the child, its answer, what is kept
and what a training is given are what they are on a machine with a card.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from core.data.importing.from_upload import import_dataset
from core.models import cards
from core.models.machine import Machine, describe_machine
from core.workspace import Workspace
from tests.tiny import write_yolo_folder

ROOT = Path(__file__).resolve().parents[2]
GIB = 2**30
TORCH = """
import json, os
from types import SimpleNamespace as Record
FACTS = json.loads(os.environ["GRAFT_MADE_UP_TORCH"])
__version__ = FACTS["version"]
version = Record(cuda=FACTS["cuda"], hip=None)
CARDS = FACTS.get("cards", [])
class Cuda:
    def is_available(self): return bool(CARDS)
    def device_count(self): return len(CARDS)
    def init(self): raise RuntimeError(FACTS["why"])
    def get_device_properties(self, number):
        card = CARDS[number]
        return Record(name=card["name"], uuid=card["uuid"], total_memory=card["memory"])
    def mem_get_info(self, number): return CARDS[number]["free"], CARDS[number]["memory"]
cuda = Cuda()
class Eight:
    def __init__(self, card): self.card = card
    def __mul__(self, factor): return self
    def sum(self):
        if "error" in self.card: raise RuntimeError(self.card["error"])
        return 16
def ones(size, device): return Eight(CARDS[int(device.partition(":")[2])])
"""


def gpu(name: str, uuid: str, total: int, free: int, driver: str = "580.65", mig: str = "Disabled") -> str:
    return f"{name}, {uuid}, {total * 1024}, {free * 1024}, {driver}, {mig}"


class MadeUp:
    """A machine whose driver lists certain cards and whose torch is as told."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self.patch = folder, monkeypatch
        (folder / "bin").mkdir()
        (folder / "made_up" / "torch").mkdir(parents=True)
        (folder / "made_up" / "torch" / "__init__.py").write_text(TORCH)
        monkeypatch.setenv("PATH", f"{folder / 'bin'}:{os.environ['PATH']}")
        monkeypatch.setenv("PYTHONPATH", str(folder / "made_up"))
        monkeypatch.setenv("GRAFT_CONFIG_DIR", str(folder / "config"))
        monkeypatch.setenv("GRAFT_WARM_MINUTES", "0")

    def ask(self, listed: list[str], torch: dict[str, Any], **variables: str) -> Machine:
        """Describe it as a process does that has not looked yet."""
        lines = "\n".join(listed)
        program = self.folder / "bin" / "nvidia-smi"
        program.write_text(f"#!/bin/sh\ncat <<'END'\n{lines}\nEND\n")
        program.chmod(0o755)
        for name, value in {"GRAFT_MADE_UP_TORCH": json.dumps(torch), **variables}.items():
            self.patch.setenv(name, value)
        self.patch.setattr(cards, "_answers", cards._Answers())
        return describe_machine(self.folder)


@pytest.fixture
def made_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MadeUp:
    return MadeUp(tmp_path, monkeypatch)


H100 = gpu("NVIDIA H100", "GPU-a", 80, 79)
CUDA = {"version": "2.14.1+cu130", "cuda": "13.0"}
NONE = {"why": "No CUDA GPUs are available"}
WHOLE = {"name": "NVIDIA H100", "uuid": "a", "memory": 80 * GIB, "free": 79 * GIB}


@pytest.mark.parametrize(
    ("listed", "torch", "variables", "said"),
    [
        ([H100], {"version": "2.14.1+cpu", "cuda": None}, {}, "built for the processor"),
        (
            [gpu("Tesla K80", "GPU-a", 12, 12, "470.10")],
            CUDA | {"why": "The NVIDIA driver on your system is too old (found version 11040)."},
            {},
            "470.10 is too old",
        ),
        ([H100], CUDA | NONE, {"CUDA_VISIBLE_DEVICES": "-1"}, "unset CUDA_VISIBLE_DEVICES"),
        ([H100], CUDA | {"why": "Found no NVIDIA driver on your system."}, {}, "Found no NVIDIA driver"),
        ([gpu("NVIDIA H100", "GPU-a", 80, 79, mig="Enabled")], CUDA | NONE, {}, "-cgi"),
        (
            [gpu("Tesla K80", "GPU-a", 12, 12)],
            CUDA | {"cards": [{**WHOLE, "error": "no kernel image is available for execution on the device"}]},
            {},
            "no kernel image",
        ),
        ([gpu("NVIDIA H100", "GPU-a", 80, 0)], CUDA | {"cards": [WHOLE]}, {}, "fills the memory"),
        (
            [gpu("NVIDIA H100", "GPU-a", 80, 0)],
            CUDA | {"cards": [{**WHOLE, "error": "CUDA error: out of memory"}]},
            {},
            "fills the memory",
        ),
    ],
    ids=["cpu-only torch", "old driver", "hidden", "no driver", "mig without instance", "old card", "full", "fuller"],
)  # fmt: skip
def test_a_card_that_cannot_be_used_is_named_with_what_mends_it(
    made_up: MadeUp, listed: list[str], torch: dict[str, Any], variables: dict[str, str], said: str
) -> None:
    found = made_up.ask(listed, torch, **variables)
    assert found.devices == ["cpu"]
    assert said in found.cards.problem
    assert listed[0].split(",")[0] in found.cards.problem


def test_without_a_card_torch_is_not_asked(made_up: MadeUp) -> None:
    found = made_up.ask([], {"version": "none", "cuda": None})
    assert found.devices == ["cpu"]
    assert found.cards.torch == found.cards.problem == ""


def test_of_several_cards_the_freest_comes_first_and_a_full_one_is_passed_over(made_up: MadeUp) -> None:
    names = ["one", "two", "three"]
    listed = [gpu(name, f"GPU-{name}", 24, free) for name, free in zip(names, (6, 0, 20), strict=True)]
    sees = [{"name": name, "uuid": name, "memory": 24 * GIB, "free": 24 * GIB} for name in reversed(names)]
    found = made_up.ask(listed, CUDA | {"cards": sees})
    assert found.devices == ["0", "2", "cpu"]  # torch's numbers: it lists them the other way round
    assert [card.name for card in found.cards.usable] == ["three", "one"]
    assert "two (device 1) is passed over" in found.cards.problem


def test_an_instance_of_a_divided_card_counts_with_its_own_memory(made_up: MadeUp) -> None:
    listed = [gpu("NVIDIA H100", "GPU-a", 80, 40, mig="Enabled")]
    slice_ = {"name": "NVIDIA H100 MIG 1g.10gb", "uuid": "MIG-b", "memory": 10 * GIB, "free": 9 * GIB}
    found = made_up.ask(listed, CUDA | {"cards": [slice_]})
    assert found.devices == ["0", "cpu"]
    assert found.cards.usable[0].memory_bytes == 10 * GIB
    assert found.cards.problem == ""


def test_what_torch_said_is_kept_until_the_driver_changes(made_up: MadeUp) -> None:
    assert made_up.ask([H100], CUDA | {"cards": [WHOLE]}).devices == ["0", "cpu"]
    assert made_up.ask([H100], {"version": "never asked", "cuda": None}).devices == ["0", "cpu"]
    other = gpu("NVIDIA H100", "GPU-a", 80, 79, "590.1")
    assert made_up.ask([other], {"version": "2.15+cpu", "cuda": None}).devices == ["cpu"]


def test_a_torch_that_dies_on_the_card_leaves_the_processor(made_up: MadeUp) -> None:
    found = made_up.ask([H100], {"cuda": "13.0"})  # it stumbles at once, over its own version
    assert found.devices == ["cpu"]
    assert "could not be asked" in found.cards.problem


def test_a_device_that_is_not_there_is_refused_before_a_run_is_made(made_up: MadeUp, workspace: Workspace) -> None:
    made_up.ask([H100], CUDA | {"cards": [WHOLE]})
    dataset = import_dataset(workspace, write_yolo_folder(made_up.folder / "set", 4, 2, 32)).id

    def call(*verb: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "core", *verb, "--json"]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert json.loads(call("machine").stdout)["devices"] == ["0", "cpu"]
    done = call("train", dataset, "--device", "3", "--strategy", "scratch")
    assert done.returncode == 2
    assert "device 3" in done.stderr
    assert list(workspace.root.glob("runs/*")) == []
