"""Where a model looks: the heat map of features, and the whole of it as a child makes it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.errors import GraftError
from core.evaluation.predict.explain import heat_map, principal_map
from core.evaluation.predicting import predict_split
from core.jobs import Progress
from core.workspace import Workspace


def test_the_spot_that_stands_out_is_hot() -> None:
    random = np.random.default_rng(0)
    features = random.normal(0, 0.05, (16, 12, 20)).astype(np.float32)
    features[:, 3:6, 10:14] += random.uniform(1, 2, (16, 1, 1)).astype(np.float32)
    heat = principal_map(features)
    assert heat.shape == (12, 20)
    assert heat.min() == 0
    assert heat.max() == 1
    assert heat[3:6, 10:14].min() > 0.8
    assert np.median(heat) < 0.2


def test_features_that_say_nothing_give_no_heat() -> None:
    assert principal_map(np.ones((4, 3, 5), dtype=np.float32)).tolist() == np.zeros((3, 5)).tolist()


@pytest.mark.slow
def test_a_heat_map_is_made_once_and_one_that_can_not_be_made_is_said(coco_run: tuple[Workspace, Path]) -> None:
    _, folder = coco_run
    picture = next(Path(folder).parents[1].glob("datasets/*/images/val/*.jpg"))
    out = heat_map(folder, picture, 320)
    with Image.open(out) as drawn, Image.open(picture) as source:
        assert drawn.size == source.size
    changed = out.stat().st_mtime_ns
    assert heat_map(folder, picture, 320) == out
    assert out.stat().st_mtime_ns == changed
    with pytest.raises(GraftError, match=r"(?s)heat map could not be made.*nowhere\.jpg"):
        heat_map(folder, picture.with_name("nowhere.jpg"), 320)


@pytest.mark.slow
def test_predicting_tells_how_far_it_is(coco_run: tuple[Workspace, Path]) -> None:
    workspace, folder = coco_run
    told: list[Progress] = []
    predict_split(workspace, folder.name, "val", told.append)
    assert (told[-1].done, told[-1].total) == (4, 4)
