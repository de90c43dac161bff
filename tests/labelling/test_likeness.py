"""More pictures like one: by the features a model gave, of what is open and learned from."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from core.cli import main
from core.data.dataset import Dataset
from core.errors import InputError
from core.labelling.labelling import open_labelling
from core.labelling.likeness import LIKE, features_path, more_like, nearest_first, save_vectors
from pages._ui.label.routes import PREFIX, ROUTES
from tests.labelling.conftest import ids
from tests.labelling.test_labels import BOX, started
from tests.labelling.test_versions import say


def along_a_line(dataset: Dataset) -> list[str]:
    """Give the pictures features along a line, with one loud feature that is the same in all; return them in order."""
    order = ids(dataset)
    random = np.random.default_rng(0)
    random.shuffle(order)
    save_vectors(
        dataset, {item: np.array([place, 900.0, 0.01 * place], np.float32) for place, item in enumerate(order)}
    )
    return order


def test_the_nearest_come_first_and_only_those_to_learn_from(alone: Dataset) -> None:
    started(alone)
    order = along_a_line(alone)
    train = set(ids(alone, "train"))
    one = next(item for item in order if item in train)
    wanted = [item for item in order if item in train and item != one]
    done = wanted.pop(1)
    say(alone, done, objects=[BOX])
    found = more_like(open_labelling(alone), one)
    assert [picture.id for picture, _ in found] == sorted(
        wanted, key=lambda item: abs(order.index(item) - order.index(one))
    )
    assert {reason for _, reason in found} == {LIKE}
    assert done not in {picture.id for picture, _ in found}


def test_a_feature_counts_by_its_spread() -> None:
    places = {"a": (0, 0), "loud": (100, 0), "quiet": (0, 3), "far": (900, 0)}
    vectors = {name: np.array(place, np.float32) for name, place in places.items()}
    assert [name for name, _ in nearest_first("a", ["quiet", "loud"], vectors)] == ["loud", "quiet"]


def test_without_a_model_it_is_said_what_to_do(alone: Dataset) -> None:
    started(alone)
    picture = ids(alone)[0]
    with pytest.raises(InputError, match="proposals first"):
        more_like(open_labelling(alone), picture)
    client = TestClient(Starlette(routes=ROUTES))
    answer = client.get(f"{PREFIX}/{alone.id}/like/{picture}")
    assert answer.status_code == 200, "no mistake, and none in the browser's console"
    assert answer.json()["order"] == []
    assert alone.id in answer.json()["first"]
    assert client.get(f"{PREFIX}/{alone.id}/like/unknown").status_code == 422
    features_path(alone).write_bytes(b"damaged")
    with pytest.raises(InputError, match="proposals first"):
        more_like(open_labelling(alone), picture)
    order = along_a_line(alone)
    answer = client.get(f"{PREFIX}/{alone.id}/like/{picture}")
    assert answer.status_code == 200
    assert set(answer.json()["order"]) == set(ids(alone, "train")) - {picture}
    assert order


def test_the_command_line_orders_by_likeness(alone: Dataset, capsys: pytest.CaptureFixture[str]) -> None:
    started(alone)
    along_a_line(alone)
    picture = open_labelling(alone).picture(ids(alone, "train")[0])
    assert main(["label-queue", alone.id, "--like", Path(picture.source).name, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)["queue"]
    assert [item["file"] for item in told] == [item.source for item, _ in more_like(open_labelling(alone), picture.id)]
    assert main(["label-queue", alone.id, "--like", "unknown.png"]) == 2
    assert main(["label-queue", alone.id, "--like", picture.source, "--random"]) == 2
