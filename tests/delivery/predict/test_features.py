"""Looking inside a model: which layers, which filters, how alike before and after."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.delivery.predict.model.chosen_model import choose_model
from core.delivery.predict.model.features import choose_layers, likeness, stack_maps, telling_channels, unpack_maps
from core.delivery.predict.model.warm import WarmPredictor
from core.errors import GraftError, InputError
from tests.delivery.predict.test_predict import own_pictures, save_untrained
from tests.delivery.trained_run import Trained

RANDOM = np.random.default_rng(0)


def test_the_layers_are_the_last_of_their_depth() -> None:
    yolo = {0: 2, 1: 4, 2: 4, 3: 8, 4: 8, 5: 16, 6: 16, 7: 32, 8: 32}
    assert choose_layers(yolo) == {"early": 2, "middle": 4, "late": 6}
    assert choose_layers({0: 2, 1: 4}) == {"early": 1, "middle": 1, "late": 1}
    with pytest.raises(InputError):
        choose_layers({})


def test_likeness_is_one_for_the_same_and_low_for_another() -> None:
    maps = RANDOM.normal(size=(6, 10, 12)).astype(np.float32)
    assert likeness(maps, maps * 3 + 1) == pytest.approx(1.0, abs=1e-5)
    assert (likeness(maps, RANDOM.normal(size=maps.shape).astype(np.float32)) or 0) < 0.3
    assert likeness(maps, maps[:3]) is None
    assert likeness(np.zeros_like(maps), maps) is None


def test_telling_channels_are_lively_and_unlike_each_other() -> None:
    base = RANDOM.normal(size=(8, 8)).astype(np.float32)
    other = RANDOM.normal(size=(8, 8)).astype(np.float32)
    maps = np.stack([np.zeros((8, 8), np.float32), base, base * 2, other * 0.5])
    assert telling_channels(maps) == [2, 3], "the silent and the doubled one are left out"


def test_maps_are_stacked_side_by_side() -> None:
    sheet = stack_maps(RANDOM.normal(size=(9, 10, 20)).astype(np.float32), [0, 1, 2, 3, 4])
    assert sheet.size == (4 * 160 + 3 * 6, 2 * 80 + 6)
    assert sheet.getpixel((163, 10))[3] == 0, "the gap lets the page through"


@pytest.mark.slow
def test_a_model_shows_its_layers_and_goes_on_predicting(trained: Trained, tmp_path: Path) -> None:
    warm = WarmPredictor()
    try:
        model, picture = choose_model(trained.workspace, trained.run_id), own_pictures(trained)[0]
        before = warm.ask("predict", model, picture=str(picture), confidence=0.001)
        layers = warm.ask("features", model, picture=str(picture))["layers"]
        assert [layer["depth"] for layer in layers] == ["early", "middle", "late"]
        assert [layer["stride"] for layer in layers] == [4, 8, 16]
        maps = unpack_maps(layers[0])
        assert maps.shape[1:] == (160, 160), "640 pixels at a stride of 4"
        again = unpack_maps(warm.ask("features", model, picture=str(picture))["layers"][0])
        assert likeness(maps, again) == pytest.approx(1.0, abs=1e-4)
        sorter = choose_model(trained.workspace, str(save_untrained("yolo11n-cls.yaml", tmp_path / "sorter.pt")))
        assert len(warm.ask("features", sorter, picture=str(picture))["layers"]) == 3
        for chosen in (model, sorter):
            warm.ask("heat", chosen, picture=str(picture), out=str(tmp_path / "heat.jpg"))
            with Image.open(tmp_path / "heat.jpg") as heat:
                assert heat.size == (64, 64)
        assert warm.ask("predict", model, picture=str(picture), confidence=0.001) == before
        with pytest.raises(GraftError, match="can't be read"):
            warm.ask("heat", model, picture=str(tmp_path / "gone.png"), out=str(tmp_path / "heat.jpg"))
    finally:
        warm.close()
