"""The walks in docs/ do what they say: each command runs, in order, on small made-up pictures of the kind described."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from tests.network_hook import dialled, hooked, processes

ROOT = Path(__file__).resolve().parents[1]
CHEAP = {
    "train": "--epochs 1 --imgsz 64 --batch 4 --model starter",
    "curve": "--parts 2 --epochs 1 --imgsz 32 --model starter",
}
"""What is added to a long command, so that a walk takes seconds here; the rest runs as it is written."""


def commands(walk: Path) -> list[list[str]]:
    blocks = re.findall(r"```console\n(.*?)```", walk.read_text(encoding="utf-8"), re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines() if line.strip()]
    assert all(line.startswith("graft ") for line in lines)
    return [shlex.split(line)[1:] for line in lines]


def shapes(number: int) -> tuple[Image.Image, list[tuple[int, int, int, int]]]:
    """A noisy picture of 96 pixels with two dark squares, and where they are."""
    noise = np.random.default_rng(number).integers(150, 220, (96, 96, 3), dtype=np.uint8)
    picture = Image.fromarray(noise)
    boxes = [(8 + number % 20, 10, 32 + number % 20, 34), (56, 50 + number % 12, 80, 74 + number % 12)]
    for box in boxes:
        ImageDraw.Draw(picture).rectangle(box, fill=(30, 30, 30 + number))
    return picture, boxes


def make_scans(folder: Path) -> None:
    """Two kinds of slices of 12 patients, two slices each, as 12-bit DICOM."""
    import pydicom
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, generate_uid

    for number in range(24):
        kind, patient = ("healthy", "tumour")[number % 2], number // 2
        noise = np.random.default_rng(number).normal(900, 120, (64, 64))
        if kind == "tumour":
            noise[20 : 30 + patient % 8, 24:40] += 1400
        meta = FileMetaDataset()
        meta.TransferSyntaxUID = ExplicitVRLittleEndian
        meta.MediaStorageSOPClassUID = pydicom.uid.MRImageStorage
        meta.MediaStorageSOPInstanceUID = generate_uid()
        slice_ = FileDataset(None, {}, file_meta=meta, preamble=b"\0" * 128)
        slice_.PatientID, slice_.Modality = f"P{patient // 2 * 2 + number % 2:03d}", "MR"
        slice_.Rows, slice_.Columns, slice_.SamplesPerPixel = 64, 64, 1
        slice_.PhotometricInterpretation, slice_.PixelRepresentation = "MONOCHROME2", 0
        slice_.BitsAllocated, slice_.BitsStored, slice_.HighBit = 16, 12, 11
        slice_.PixelData = noise.clip(0, 4095).astype(np.uint16).tobytes()
        place = folder / "scans" / kind / f"{number:02d}.dcm"
        place.parent.mkdir(parents=True, exist_ok=True)
        slice_.save_as(place)


def make_boards(folder: Path) -> None:
    for number in range(16):
        picture, boxes = shapes(number)
        place = folder / "boards" / "images" / f"board{number:02d}.png"
        place.parent.mkdir(parents=True, exist_ok=True)
        picture.save(place)
        rows = [
            f"{index} {(x1 + x2) / 192:.5f} {(y1 + y2) / 192:.5f} {(x2 - x1) / 96:.5f} {(y2 - y1) / 96:.5f}"
            for index, (x1, y1, x2, y2) in enumerate(boxes)
        ]
        if number == 3:
            rows.append(rows[0])  # labelled twice: what the walk mends
        label = folder / "boards" / "labels" / f"board{number:02d}.txt"
        label.parent.mkdir(parents=True, exist_ok=True)
        label.write_text("\n".join(rows) + "\n")
    (folder / "boards" / "data.yaml").write_text("names: [open, short]\n")


def make_labelled_pictures(folder: Path) -> None:
    for number in range(16):
        picture, boxes = shapes(number)
        place = folder / "pictures" / f"p{number:02d}.png"
        place.parent.mkdir(parents=True, exist_ok=True)
        picture.save(place)
        outlines = [
            {"label": "dent", "shape_type": "rectangle", "points": [[x1, y1], [x2, y2]]} for x1, y1, x2, y2 in boxes
        ]
        content = {"version": "5.5.0", "imagePath": place.name, "imageHeight": 96, "imageWidth": 96, "shapes": outlines}
        place.with_suffix(".json").write_text(json.dumps(content))


WALKS: dict[str, Callable[[Path], None]] = {
    "brain-scans.md": make_scans,
    "circuit-boards.md": make_boards,
    "first-labels.md": make_labelled_pictures,
}


def test_every_walk_is_tried_and_listed() -> None:
    walks = {path.name for path in (ROOT / "docs").glob("*.md")} - {"README.md"}
    assert walks == set(WALKS)
    contents = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    assert [name for name in walks if f"({name})" not in contents] == []


GO = """
import json, shlex, sys
from core.console import main
for step in json.load(sys.stdin):
    if (ended := main(step)) != 0:
        sys.exit(f"graft {shlex.join(step)} ended with {ended}")
"""


@pytest.mark.slow
@pytest.mark.parametrize("name", WALKS)
def test_a_walk_runs_as_it_is_written_and_nothing_leaves_this_machine(name: str, tmp_path: Path) -> None:
    WALKS[name](tmp_path)
    steps = commands(ROOT / "docs" / name)
    assert len(steps) >= 4
    cheap = {verb: shlex.split(words) for verb, words in CHEAP.items()}
    if name == "brain-scans.md":  # the starter finds objects; there is none that names kinds
        cheap["train"] = [*cheap["train"][:-2], "--model", "yolo11n", "--strategy", "scratch"]
    if name == "circuit-boards.md":
        steps.append(["notebook", "Fine-tuned", "boards.ipynb"])  # in no walk, and part of the road
    done = subprocess.run(
        [sys.executable, "-c", GO],
        cwd=tmp_path, env=hooked(tmp_path), capture_output=True, text=True, check=False,
        input=json.dumps([[*step, *cheap.get(step[0], [])] for step in steps]),
    )  # fmt: skip
    assert done.returncode == 0, f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    for step in steps:
        if step[0] in ("report", "bundle"):
            assert (tmp_path / step[-1]).stat().st_size > 1_000
    assert dialled(tmp_path) == ""
    assert processes(tmp_path) >= 3, "the children ran without the hook"


def test_the_hook_sees_and_stops_what_leaves(tmp_path: Path) -> None:
    code = "import socket; socket.getaddrinfo('localhost', 1); socket.create_connection(('198.51.100.7', 9), timeout=1)"
    done = subprocess.run(
        [sys.executable, "-c", code], env=hooked(tmp_path), capture_output=True, text=True, check=False
    )
    assert done.returncode != 0
    assert "198.51.100.7" in dialled(tmp_path)
