"""What the bundle reads pictures with: to the pixel what Graft reads, or a line that says what is lacking."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from core.data.images.decoding import decode
from core.data.images.windows import Window
from core.delivery.bundle.bundle import write_reader
from tests.delivery.picture_kinds import NEEDS, WINDOW, write_kinds

READ = """
import hashlib, json, sys
for name in sys.argv[1].split(","):
    sys.modules[name] = None  # as if it were not installed
from pictures import Refused, pages
window = json.loads(sys.argv[2])
for file in sys.argv[3:]:
    try:
        seen = [[*page.size, hashlib.sha256(page.tobytes()).hexdigest()] for page in pages(file, window)]
    except Refused as error:
        seen = str(error)
    print(json.dumps(seen))
"""


def seen_by_bundle(folder: Path, files: list[Path], window: Window, lacking: list[str]) -> list[object]:
    """Return what the package in `folder` makes of each file: its pages, or why it is refused."""
    asked = [sys.executable, "-c", READ, ",".join(["core", *lacking]), json.dumps(asdict(window)), *map(str, files)]
    said = subprocess.run(asked, cwd=folder, capture_output=True, text=True, check=True)
    return [json.loads(line) for line in said.stdout.splitlines()]


def seen_by_graft(path: Path, window: Window) -> list[list[object]]:
    return [
        [*page.image.size, hashlib.sha256(page.image.convert("RGB").tobytes()).hexdigest()]
        for page in decode(path, window)
    ]


@pytest.fixture(scope="module")
def kinds(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    scene = np.random.default_rng(5).integers(0, 255, (8, 10, 3), dtype=np.uint8).repeat(4, axis=0).repeat(4, axis=1)
    return write_kinds(tmp_path_factory.mktemp("kinds") / "given", scene)


@pytest.fixture(scope="module")
def bundled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bundled")
    write_reader(folder / "pictures")
    return folder


@pytest.mark.parametrize("window", ["auto", "brain", WINDOW])
def test_every_kind_of_picture_is_read_to_the_pixel_as_graft_reads_it(
    kinds: list[Path], bundled: Path, window: str
) -> None:
    parsed = Window.parse(window)
    seen = seen_by_bundle(bundled, kinds, parsed, [])
    assert dict(zip([path.name for path in kinds], seen, strict=True)) == {
        path.name: seen_by_graft(path, parsed) for path in kinds
    }


def test_what_needs_another_package_is_refused_by_its_name_and_the_rest_is_read(
    kinds: list[Path], bundled: Path, tmp_path: Path
) -> None:
    (tmp_path / "damaged.png").write_bytes(kinds[0].read_bytes()[:200])
    files = [*kinds, tmp_path / "damaged.png", tmp_path / "gone.png"]
    seen = seen_by_bundle(bundled, files, Window(), sorted(set(NEEDS.values())))
    told = {path.name: answer for path, answer in zip(files, seen, strict=True)}
    install = {"cv2": "opencv-python-headless", "pillow_heif": "pillow-heif"}
    for path in kinds:
        if path.name in NEEDS:
            package = install.get(NEEDS[path.name], NEEDS[path.name])
            assert str(told[path.name]).endswith(f"pip install {package}")
            assert str(path) in str(told[path.name])
        else:
            assert told[path.name] == seen_by_graft(path, Window())
    assert "can't be read" in str(told["damaged.png"])
    assert "can't be read" in str(told["gone.png"])
