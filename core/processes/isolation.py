"""The environment in which every child process of Graft imports Ultralytics: no network, no code from pickles.

With the safety switches goes how memory is handed out (MEMORY_IN_LARGE_PAGES), which is for speed alone.

Sources: Ultralytics 8.4.190 `utils/__init__.py` (YOLO_OFFLINE, YOLO_CONFIG_DIR, settings), `utils/patches.py`
(ULTRALYTICS_SAFE_LOAD). Set them before `import ultralytics`, in the environment of the child.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

SWITCHES = {
    "ULTRALYTICS_SAFE_LOAD": "1",  # checkpoints are unpickled weights-only, nothing is installed on their behalf
    "YOLO_OFFLINE": "1",  # no online check, no download
    "YOLO_AUTOINSTALL": "false",  # no pip at run time
    "ULTRALYTICS_API_KEY": "",  # no stream to a platform
    "YOLO_VERBOSE": "true",
    "WANDB_MODE": "disabled",
    "WANDB_DISABLED": "true",
    "COMET_MODE": "disabled",
    "MPLBACKEND": "Agg",
    "HF_HUB_OFFLINE": "1",
    "TORCH_HOME": "",
    "DO_NOT_TRACK": "1",
    "QT_QPA_PLATFORM": "offscreen",
}

MEMORY_IN_LARGE_PAGES = ("GLIBC_TUNABLES", "glibc.malloc.hugetlb=1")
"""A training step takes thousands of pages of 4 KB and gives them back. With pages of 2 MB it takes a few, and an
eighth less time (yolo26n, cached features, two cores). Systems other than Linux with glibc 2.35 pass over it. Source:
the GNU C library's manual, “Memory Allocation Tunables”."""

SETTINGS_OFF = ("sync", "clearml", "comet", "dvc", "hub", "mlflow", "neptune", "raytune", "tensorboard", "wandb")
"""Ultralytics settings that send or record elsewhere; each is switched off in a settings file of our own."""


def isolated_environment() -> dict[str, str]:
    """Return this process's environment with the safety switches set and a configuration folder of Graft's own."""
    folder = Path(os.environ.get("GRAFT_CONFIG_DIR") or Path(tempfile.gettempdir()) / f"graft-config-{_user()}")
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    environment = {**os.environ, **SWITCHES, "YOLO_CONFIG_DIR": str(folder), "TORCH_HOME": str(folder / "torch")}
    environment.setdefault(*MEMORY_IN_LARGE_PAGES)
    _forget_opencv(environment)
    environment.pop("ULTRALYTICS_API_KEY", None)
    environment["ULTRALYTICS_API_KEY"] = ""
    return environment


def _forget_opencv(environment: dict[str, str]) -> None:
    """Take out what `import cv2` put into LD_LIBRARY_PATH: a child that needs it does so itself."""
    given = environment.pop("LD_LIBRARY_PATH", "")
    if kept := [place for place in given.split(os.pathsep) if place and "/cv2/" not in place]:
        environment["LD_LIBRARY_PATH"] = os.pathsep.join(kept)


def _user() -> str:
    return str(os.getuid()) if hasattr(os, "getuid") else os.environ.get("USERNAME", "user")
