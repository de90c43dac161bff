"""A real checkpoint, made once: random weights of the smallest model, written as Ultralytics writes it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from core.processes.isolation import isolated_environment

ROOT = Path(__file__).resolve().parents[2]
MAKE = """
import sys
from core.ultralytics.offline import enter_isolation
enter_isolation()
from ultralytics import YOLO
model = YOLO("yolo11n.yaml")
model.model.names = {0: "nut", 1: "bolt"} | {number: f"part {number}" for number in range(2, 80)}
model.save(sys.argv[1])
"""


@pytest.fixture(scope="session")
def tiny_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("checkpoint") / "parts.pt"
    environment = {**os.environ, **isolated_environment()}
    subprocess.run([sys.executable, "-c", MAKE, str(path)], check=True, cwd=ROOT, env=environment, capture_output=True)
    return path
