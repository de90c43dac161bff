"""Exports of a real small model, checked against their checkpoint, and what happens when one can't be made."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from core.delivery.export.exporting import (
    ExportOptions,
    export_run,
    list_exports,
    pack_export,
    read_export,
    remove_export,
    start_export,
    verdict_words,
)
from core.delivery.export.formats import find_format
from core.delivery.export.verification import Answer, box_distances, confidence_difference
from core.errors import InputError
from tests.delivery.trained_run import Trained

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["onnx", "torchscript", "openvino", "ncnn"])
def test_exported_file_answers_as_the_checkpoint_does(name: str, trained_copy: Trained) -> None:
    if find_format(name).obstacle:
        pytest.skip(find_format(name).obstacle)
    steps: list[str] = []
    record = export_run(
        trained_copy.workspace, trained_copy.run_id, name, progress=lambda step: steps.append(step.stage)
    )
    assert record.outcome == "verified", record
    assert abs(record.check.difference) <= 0.005
    assert record.check.milliseconds.exported > 0
    assert "Comparing answers" in steps or "Scoring the exported file" in steps
    folder = trained_copy.run.folder / "exports" / name
    assert all((folder / item.name).stat().st_size == item.bytes for item in record.files)
    place = str(trained_copy.workspace.root).encode()
    assert all(place not in (folder / item.name).read_bytes() for item in record.files), "no path of this machine"
    assert not list(folder.glob("*.pt")), "the copy of the checkpoint is not part of an export"
    assert [item.format for item in list_exports(trained_copy.run)] == [name]
    with zipfile.ZipFile(pack_export(trained_copy.run, name)) as archive:
        assert "export.json" in archive.namelist()


@pytest.mark.slow
def test_nms_free_head_is_exported_and_its_price_is_said(trained_copy: Trained) -> None:
    record = export_run(trained_copy.workspace, trained_copy.run_id, "onnx", ExportOptions(head="nms-free"))
    assert (record.outcome, record.head) == ("verified", "nms-free")
    assert record.check.head_cost is not None


@pytest.mark.slow
def test_damaged_weights_give_a_clear_failure_and_keep_no_file(trained_copy: Trained) -> None:
    weights = trained_copy.run.best_weights
    assert weights is not None
    weights.write_bytes(b"not a checkpoint")
    record = export_run(trained_copy.workspace, trained_copy.run_id, "torchscript")
    assert record.outcome == "failed"
    assert record.files == []
    assert record.reason
    assert "failed" in verdict_words(record)


def test_what_can_not_be_made_is_refused_beforehand(trained_copy: Trained) -> None:
    blocked = next(item for item in map(find_format, ("engine", "ascend", "hailo")) if item.obstacle)
    with pytest.raises(InputError, match="can't be made here"):
        start_export(trained_copy.workspace, trained_copy.run_id, blocked.name)
    with pytest.raises(InputError, match="no run"):
        start_export(trained_copy.workspace, "nothing-000000", "onnx")
    with pytest.raises(InputError, match="NMS-free"):
        start_export(trained_copy.workspace, trained_copy.run_id, "ncnn", ExportOptions(head="nms-free"))


def test_changed_weights_make_an_export_outdated(trained_copy: Trained) -> None:
    folder = trained_copy.run.folder / "exports" / "onnx"
    folder.mkdir(parents=True)
    record = {"format": "onnx", "weights_sha256": "0" * 64, "files": []}
    (folder / "export.json").write_text(json.dumps(record), encoding="utf-8")
    found = read_export(trained_copy.run, "onnx")
    assert found is not None
    assert found.outdated
    remove_export(trained_copy.run, "onnx")
    assert read_export(trained_copy.run, "onnx") is None


def test_nothing_in_an_export_reaches_the_network() -> None:
    code = """
import socket, sys
from core.delivery.export.job import NetworkRefused, refuse_network
refuse_network()
try:
    socket.create_connection(("127.0.0.1", 9), timeout=1)
except NetworkRefused as error:
    print("refused", error)
try:
    import openvino_telemetry
except ImportError:
    print("no telemetry")
"""
    said = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert "refused" in said
    assert "no telemetry" in said


def answer(*rows: tuple[float, float, float, float, int, float]) -> list[Answer]:
    table = np.array(rows, dtype=float).reshape(-1, 6)
    return [Answer(table[:, :4], table[:, 4].astype(int), table[:, 5], None, 1.0)]


def test_boxes_are_compared_with_their_partners() -> None:
    one = answer((0, 0, 10, 10, 0, 0.9), (50, 50, 90, 90, 1, 0.8), (0, 0, 5, 5, 0, 0.1))
    other = answer((1, 0, 10, 10, 0, 0.7), (50, 50, 90, 90, 0, 0.8))
    distances, alone = box_distances(one, other)
    assert max(distances) == 1.0, "the unsure box counts on neither side"
    assert alone == 2, "another class is no partner"
    assert confidence_difference(one, other) == pytest.approx(0.2)
