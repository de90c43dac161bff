"""Pictures unlike those a model learned from: measured on its own features, marked wherever answers are told."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.data.dataset import Dataset, load_dataset
from core.data.importing.from_upload import import_dataset
from core.delivery.predict.model.answering import find_in
from core.delivery.predict.model.chosen_model import choose_model
from core.delivery.predict.model.unlike import kept_features
from core.delivery.predict.predicting import predict_pictures
from core.evaluation.predict.novelty import TrainingFeatures, features_path, save_features
from core.evaluation.predict.pooled_features import feature_layers, learn, learn_run, watched
from core.evaluation.predict.predictor import Predictor
from core.files.digests import file_sha256
from core.training.keeping import keep_run
from core.workspace import Workspace
from tests.delivery.predict.test_predict import own_pictures
from tests.delivery.trained_run import Trained
from tests.tiny import write_yolo_folder

SIZE = 64


def stripes(size: int = SIZE) -> np.ndarray:
    """A picture like none of the training."""
    return (np.indices((size, size)).sum(axis=0) % 2 * 255)[..., None].repeat(3, axis=2).astype(np.uint8)


@pytest.fixture(scope="module")
def predictor(trained: Trained) -> Predictor:
    predictor = Predictor("cpu")
    predictor.load(str(trained.run.best_weights))
    return predictor


@pytest.fixture(scope="module")
def enough(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """A set like the small run's own, but large enough to set a limit on."""
    folder = tmp_path_factory.mktemp("enough")
    workspace = Workspace.open(folder / "workspace")
    dataset = import_dataset(workspace, write_yolo_folder(folder / "set", train=12, val=10, size=SIZE))
    return load_dataset(workspace, dataset.id)


@pytest.fixture(scope="module")
def known(trained: Trained, predictor: Predictor, enough: Dataset) -> TrainingFeatures:
    """What the small run's model sees in that set."""
    told: list[tuple[int, int]] = []
    digest = file_sha256(trained.run.best_weights)  # type: ignore[arg-type]
    found = learn(predictor, enough, SIZE, digest, lambda *step: told.append(step))
    assert found is not None
    assert told[-1] == (22, 22)
    return found


def test_the_layers_are_the_last_of_the_backbone_at_four_strides(predictor: Predictor, known: TrainingFeatures) -> None:
    layers = feature_layers(predictor)
    with watched(predictor, layers) as seen:
        predictor.result(stripes(256), 256, 0.9)
    assert [seen.maps[index].shape[-1] for index in layers] == [64, 32, 16, 8]
    assert known.layers == tuple(layers)
    assert known.vectors.shape == (12, sum(layers.values()))
    assert (known.validation, known.share) == (10, pytest.approx(1 / 11))


def test_layers_after_the_watched_ones_are_left_out_and_change_nothing(predictor: Predictor) -> None:
    layers = feature_layers(predictor)
    picture = stripes(200)
    with watched(predictor, [*layers, max(layers) + 1]) as whole:
        predictor.result(picture, 128, 0.9)
    with watched(predictor, [*layers, max(layers) + 1]) as part:
        predictor.run_until(picture, 128, max(layers))
    assert sorted(part.maps) == sorted(layers)
    del whole.maps[max(layers) + 1]
    assert part.features((200, 200)) == pytest.approx(whole.features((200, 200)))
    assert predictor.result(picture, 128, 0.0).boxes is not None, "afterwards it answers as before"


def test_what_was_seen_before_is_not_looked_at_again(
    known: TrainingFeatures, predictor: Predictor, enough: Dataset
) -> None:
    layers = feature_layers(predictor)
    seen: dict[str, np.ndarray] = {}
    for file in enough.image_table().query("split == 'val'")["file"]:
        with Image.open(enough.image_path(file)) as image:
            pixels = np.asarray(image.convert("RGB"))
        with watched(predictor, layers) as looked:
            predictor.result(pixels, SIZE, 0.001)
        seen[file] = looked.features(pixels.shape[:2])
    same = learn(predictor, enough, SIZE, known.weights_sha256, seen_before=seen)
    assert same is not None
    assert same.limit == pytest.approx(known.limit, rel=1e-4)
    other = learn(predictor, enough, SIZE, known.weights_sha256, seen_before={file: 2 * seen[file] for file in seen})
    assert other is not None
    assert other.limit > 1.5 * known.limit


def test_grey_borders_do_not_count(predictor: Predictor) -> None:
    wide = np.full((40, 128, 3), 250, np.uint8)
    layers = list(feature_layers(predictor))[:1]
    with watched(predictor, layers) as seen:
        predictor.result(wide, 128, 0.9)
    maps = seen.maps[layers[0]][0]
    assert maps.shape[1:] == (16, 32), "64 rows were fed, 12 of them grey above and 12 below"
    inner = maps[:, 3:13].float().mean(dim=(1, 2)).numpy()
    assert seen.features(wide.shape[:2]) == pytest.approx(inner, abs=1e-5)
    assert seen.features(wide.shape[:2]) != pytest.approx(maps.float().mean(dim=(1, 2)).numpy(), abs=1e-5)


def test_a_picture_of_another_kind_is_marked_in_tiles_as_well(
    trained: Trained, predictor: Predictor, known: TrainingFeatures
) -> None:
    with Image.open(own_pictures(trained)[0]) as image:
        own = np.asarray(image.convert("RGB"))
    found = [find_in(predictor, picture, SIZE, 0.25, known=known) for picture in (own, stripes())]
    assert [answer["unlike"] for answer in found] == [False, True]
    assert found[1]["distance"] > 1.5 * found[0]["distance"]
    large = stripes(100)
    whole, tiled = (find_in(predictor, large, SIZE, 0.25, tiled=tiled, known=known) for tiled in (False, True))
    assert whole["distance"] == tiled["distance"]
    assert "distance" not in find_in(predictor, own, SIZE, 0.25)


def test_a_run_with_too_few_validation_pictures_claims_nothing(trained_copy: Trained) -> None:
    never = Predictor("cpu")
    assert learn_run(trained_copy.run.folder, never) is None
    assert never.model is None, "nothing is looked at in vain"
    assert not features_path(trained_copy.run.folder).exists()


@pytest.mark.slow
def test_the_command_marks_counts_and_lists_them(
    trained_copy: Trained, known: TrainingFeatures, tmp_path: Path
) -> None:
    Image.fromarray(stripes()).save(tmp_path / "stripes.png")
    sources = [*own_pictures(trained_copy), tmp_path / "stripes.png"]
    save_features(known, features_path(trained_copy.run.folder))
    answer = predict_pictures(trained_copy.workspace, trained_copy.run_id, sources, out=tmp_path / "out")
    assert answer["counts"]["unlike"] == 1
    assert answer["compared_with"] == {"training": 12, "validation": 10, "share": pytest.approx(1 / 11)}
    with (tmp_path / "out" / "pictures.csv").open(encoding="utf-8") as file:
        rows = {row["file"]: row for row in csv.DictReader(file)}
    assert {name for name, row in rows.items() if row["unlike"] == "yes"} == {"stripes.png"}
    assert all((float(row["distance"]) > 1) == (row["unlike"] == "yes") for row in rows.values())

    kept = choose_model(trained_copy.workspace, f"library:{keep_run(trained_copy.workspace, trained_copy.run_id).id}")
    copied = kept_features(kept.features, kept.weights)
    assert copied is not None
    assert copied.limit == known.limit
