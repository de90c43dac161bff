"""No input crashes a reader: whatever lies in the label files, the answer is a set, a finding or a refusal."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.data.findings.problems import Problems
from core.data.formats import FORMATS, detect_format
from core.data.reading.geometry import to_fractions
from core.data.reading.shapes import decode_runs, mask_outlines
from core.data.reading.tree import is_junk, read_folder
from core.data.reading.yaml_settings import load_plain
from core.data.reading.yolo_rows import guess_task, objects_of, read_rows
from core.errors import InputError
from tests.data.writers import WRITERS, Truth, truth

LABELS = (".txt", ".json", ".xml", ".csv", ".yaml", ".xlsx")
CALM = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**12), 10**12) | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


def read_all(root) -> None:
    """Read a folder as the importer does, up to the objects in fractions."""
    with suppress(InputError):
        tree = read_folder(root)
        module = detect_format(tree)
        if module is None:
            return
        found = module.read(tree, None)
        for image in found.images:
            to_fractions(image, (64, 48), found.task, found.classes, found.problems)
        found.problems.findings()


def write_all(root: Path, writers: Mapping[str, Callable[[Path, Truth], object]]) -> Path:
    """Write a small set in each layout, each in a folder of its name."""
    for name, write in writers.items():
        write(root / name, truth(3))
    return root


def copied(layouts: Path, layout: str, root: Path) -> Path:
    """Return a fresh copy of the set in a layout."""
    shutil.rmtree(root, ignore_errors=True)
    shutil.copytree(layouts / layout, root)
    return root


def damage(path: Path, data: st.DataObject) -> None:
    """Change up to eight bytes of a file, and cut off up to half of it."""
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(0, 8))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(bytes(content[: data.draw(st.integers(len(content) // 2, len(content)))]))


def scramble(content: Any, data: st.DataObject) -> None:
    """Put anything JSON can hold in one to three places of a JSON value."""
    for _ in range(data.draw(st.integers(1, 3))):
        place = content
        while True:
            keys = sorted(place) if isinstance(place, dict) else list(range(len(place)))
            key = data.draw(st.sampled_from(keys))
            inner = place[key]
            if isinstance(inner, dict | list) and inner and data.draw(st.booleans()):
                place = inner
                continue
            place[key] = data.draw(json_values)
            break
        if not content:
            break


@pytest.fixture(scope="module")
def layouts(tmp_path_factory):
    return write_all(tmp_path_factory.mktemp("layouts"), WRITERS)


@pytest.mark.parametrize("layout", WRITERS)
@CALM
@given(data=st.data())
def test_damaged_label_files(layouts, tmp_path, layout, data):
    root = copied(layouts, layout, tmp_path / "set")
    damage(data.draw(st.sampled_from(sorted(path for path in root.rglob("*") if path.suffix in LABELS))), data)
    read_all(root)


@pytest.mark.parametrize("layout", ["coco", "labelme", "createml", "labelstudio"])
@CALM
@given(data=st.data())
def test_json_with_anything_in_any_place(layouts, tmp_path, layout, data):
    root = copied(layouts, layout, tmp_path / "set")
    path = sorted(root.rglob("*.json"))[0]
    content = json.loads(path.read_text())
    scramble(content, data)
    path.write_text(json.dumps(content))
    read_all(root)


@CALM
@given(st.text(max_size=200), st.sampled_from([None, (3, 3), (2, 2)]))
def test_yolo_rows_of_any_text(text, shape):
    rows = read_rows(text)
    task, found, _ = guess_task([rows], shape)
    objects_of(rows, task, found, "a.txt", Problems())


@CALM
@given(st.lists(st.lists(st.floats(-1e6, 1e6), min_size=5, max_size=14).map(lambda r: [0, *r]), min_size=1, max_size=6))
def test_yolo_rows_of_any_numbers(rows):
    read = read_rows("\n".join(" ".join(f"{value:g}" for value in row) for row in rows))
    task, shape, _ = guess_task([read], None)
    objects_of(read, task, shape, "a.txt", Problems())


@CALM
@given(st.text(max_size=120))
def test_yaml_of_any_text(text):
    with suppress(InputError):
        load_plain(text, "data.yaml")


@CALM
@given(st.lists(st.integers(-3, 200), max_size=8) | st.text(max_size=12), st.integers(-2, 30), st.integers(-2, 30))
def test_run_lengths_of_any_kind(counts, height, width):
    with suppress(ValueError):
        assert decode_runs(counts, height, width).shape == (height, width)


@CALM
@given(st.integers(0, 2**32 - 1), st.integers(2, 24), st.integers(2, 24))
def test_outlines_of_any_mask_stay_inside_it(seed, height, width):
    import numpy as np

    mask = np.random.default_rng(seed).random((height, width)) > 0.5
    outlines, _, _ = mask_outlines(mask)
    for outline in outlines:
        assert len(outline) >= 3
        assert outline.min() >= 0
        assert (outline.max(axis=0) <= [width, height]).all()


def test_every_reader_is_in_the_registry_and_says_what_it_reads():
    names = [module.NAME for module in FORMATS]
    assert len(names) == len(set(names))
    for module in FORMATS:
        assert module.LAYOUT
        assert callable(module.detect)
        assert callable(module.read)


@pytest.mark.parametrize("name", ["__MACOSX/a.png", "x/._a.png", "Thumbs.db", ".DS_Store", "labels/train.cache"])
def test_junk_is_known(name):
    assert is_junk(name)
    assert not is_junk("images/a.png")
