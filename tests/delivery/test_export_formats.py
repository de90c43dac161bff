"""Which formats there are, and what is said about them before anything is made."""

from __future__ import annotations

import pytest

from core.delivery.export.formats import FACTS, PLACES, export_formats, find_format, missing_packages
from core.errors import InputError
from core.models.cards import find_cards


def test_every_format_of_the_installed_ultralytics_is_listed_and_known() -> None:
    import subprocess
    import sys

    code = "from ultralytics.engine.exporter import export_formats; print(*export_formats()['Argument'][1:])"
    listed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert [item.name for item in export_formats()] == listed[-len(export_formats()) :]
    assert set(listed) >= set(FACTS), "a format that is gone"
    assert all(item.facts.places for item in export_formats())
    assert {place for item in export_formats() for place in item.facts.places} == set(PLACES)


def test_what_is_missing_is_said_beforehand() -> None:
    coreml = find_format("coreml")
    if missing_packages(coreml.facts.packages):
        assert "coremltools" in coreml.obstacle
        assert "pip install" in coreml.install
    if not find_cards().usable:
        assert "NVIDIA" in find_format("engine").obstacle
    assert find_format("hailo").install == "", "its maker's own guide is needed, no package of a guessed name"


def test_a_version_that_does_not_fit_is_missing() -> None:
    assert missing_packages(("numpy>=1", "numpy<1", "no-such-package-of-ours")) == [
        "numpy<1",
        "no-such-package-of-ours",
    ]


def test_unknown_format_names_those_there_are() -> None:
    with pytest.raises(InputError, match=r"“onyx”.*torchscript, onnx"):
        find_format("onyx")


def test_nms_free_head_goes_where_it_can() -> None:
    assert find_format("onnx").nms_free("detect")
    assert not find_format("ncnn").nms_free("detect")
    assert not find_format("onnx").nms_free("classify")
