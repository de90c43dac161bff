"""The curve through set sizes: recovered where there is one, doubted where there is none."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from core.data.dataset import Dataset, list_datasets, load_dataset
from core.data.importing.from_upload import import_dataset
from core.evaluation.figures.figure import Figure
from core.lab.kinds.curve import drawn, now_words, reseeded, subset_epochs
from core.lab.kinds.power_law import can_extrapolate, curve_sentences, fit_curve
from core.lab.results import SizePoint
from core.lab.subsets import join, make_subset, nested_subsets, remove_subsets
from core.workspace import Workspace
from tests.tiny import write_class_folders, write_yolo_folder

SIZES = [25.0, 25.0, 50.0, 50.0, 100.0, 100.0, 200.0, 200.0]


def draws_of(scores: list[float], noise: float, rows: int = 300) -> np.ndarray:
    random = np.random.default_rng(0)
    table = np.array(scores) + random.normal(0, noise, (rows, len(scores)))
    table[0] = scores
    return table


def test_a_known_curve_is_recovered_with_a_band_around_the_truth() -> None:
    truth = [0.8 - 1.5 * n**-0.5 for n in SIZES]
    fit = fit_curve(SIZES, draws_of(truth, 0.005))
    gain = fit.gain(200, 400)
    real = 1.5 * (200**-0.5 - 400**-0.5)
    assert gain.value == pytest.approx(real, abs=0.003)
    assert gain.low < real < gain.high
    assert gain.decided
    assert fit.explained > 0.99
    assert can_extrapolate(fit, 200)
    assert not can_extrapolate(None, 200)
    said = curve_sentences(fit, 200, "mAP50-95")[0]
    assert said.startswith("Twice as many pictures (400 instead of 200): about +3.")
    assert "between" in said


def test_one_training_a_size_gets_no_interval() -> None:
    fit = fit_curve(SIZES[::2], draws_of([0.8 - 1.5 * n**-0.5 for n in SIZES[::2]], 0.005))
    said = curve_sentences(fit, 200, "mAP50-95", trainings=1)[0]
    assert "about +3." in said
    assert "between" not in said
    assert "low" not in drawn(fit, 25, 200, trainings=1)


def test_noise_is_called_noise() -> None:
    random = np.random.default_rng(3)
    fit = fit_curve(SIZES, draws_of([0.5 + value for value in random.normal(0, 0.05, len(SIZES))], 0.05))
    said = " ".join(curve_sentences(fit, 200, "mAP50-95"))
    assert "can’t be said" in said or "perhaps nothing" in said or "did not do better" in said
    assert "+" not in said


def test_a_falling_curve_promises_nothing() -> None:
    fit = fit_curve(SIZES, draws_of([0.5, 0.5, 0.48, 0.48, 0.46, 0.46, 0.44, 0.44], 0.002))
    assert curve_sentences(fit, 200, "mAP50-95")[0].startswith("More pictures did not do better here")
    assert not can_extrapolate(fit, 200), "a curve is drawn beside words that take it back"


def test_no_score_is_ever_above_one() -> None:
    steep = [0.2, 0.2, 0.5, 0.5, 0.8, 0.8, 0.99, 0.99]
    fit = fit_curve(SIZES, draws_of(steep, 0.001))
    assert fit.at([1e9]).max() <= 1.0
    assert (fit.a <= 1.0 + 1e-9).all()


def test_two_sizes_are_no_curve() -> None:
    with pytest.raises(ValueError, match="three"):
        fit_curve([10, 20], draws_of([0.1, 0.2], 0.01))
    assert "no curve" in curve_sentences(None, 20, "x")[0]
    assert drawn(None, 5, 20) == {}


def test_the_chart_goes_to_four_times_the_pictures_with_its_band() -> None:
    chart = drawn(fit_curve(SIZES, draws_of([0.8 - n**-0.5 for n in SIZES], 0.01)), 25, 200)
    assert chart["pictures"][-1] == pytest.approx(800)
    assert all(low <= high for low, high in zip(chart["low"], chart["high"], strict=True))


def test_seeds_are_drawn_within_their_size_only() -> None:
    table = np.tile([0.0, 1.0, 2.0, 3.0, 9.0], (500, 1))
    mixed = reseeded([10, 10, 20, 20, 40], table)
    assert mixed[0].tolist() == [0, 1, 2, 3, 9]
    assert mixed[1:, :2].mean() == pytest.approx(0.5, abs=0.05)
    assert mixed[1:, :2].mean(axis=1).var() == pytest.approx(0.25, rel=0.15), "the variance of a mean of these two"
    assert mixed[1:, 2:4].min() > 1.0
    assert set(mixed[:, 4]) == {9.0}, "one training can't vary"


@pytest.mark.parametrize(
    ("part", "same", "epochs"), [(200, True, 10), (100, True, 20), (10, True, 80), (10, False, 10)]
)
def test_small_parts_get_as_much_training(part: int, same: bool, epochs: int) -> None:
    assert subset_epochs(10, 200, part, same_steps=same) == epochs


def test_what_is_reached_now_is_said_with_its_spread() -> None:
    known = [SizePoint(pictures=size, figure=Figure(value)) for size, value in ((8, 0.5), (8, 0.7), (4, 0.4))]
    assert now_words(known, 8) == [
        "With all 8 pictures: 0.600 (0.500 to 0.700 over 2 trainings).",
        "With 4 pictures: 0.400.",
    ]
    assert now_words(known, 99)[0].startswith("With 8 pictures")


@pytest.fixture(scope="module")
def many(lab: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return import_dataset(lab, write_yolo_folder(tmp_path_factory.mktemp("many") / "set", train=32), name="Many")


def test_parts_are_nested_and_the_same_again(many: Dataset) -> None:
    sizes = nested_subsets(many, 4, seed=1)
    assert [len(part) for part in sizes] == [32, 16, 8, 4]
    for larger, smaller in itertools.pairwise(sizes):
        assert set(smaller) < set(larger)
    assert nested_subsets(many, 4, seed=1) == sizes
    assert nested_subsets(many, 4, seed=2)[1] != sizes[1]
    assert len(nested_subsets(many, 7)) == 4, "never less than two pictures per class"


def test_groups_stay_together(lab: Workspace, tmp_path) -> None:
    source = write_yolo_folder(tmp_path / "grouped", train=16, val=4)
    grouped = import_dataset(lab, source, name="Grouped")
    table = grouped.image_table()
    table["group"] = [f"patient {number // 4}" for number in range(len(table))]
    table.to_parquet(grouped.root / "images.parquet", index=False)
    group_of = dict(zip(table["file"], table["group"], strict=True))
    whole, half = nested_subsets(grouped, 2)
    for group in {group_of[file] for file in half}:
        assert {file for file in whole if group_of[file] == group} <= set(half)


def test_a_part_is_a_dataset_that_costs_nothing_and_goes_away(lab: Workspace, many: Dataset) -> None:
    before = {path: path.stat().st_mtime_ns for path in many.root.rglob("*") if path.is_file()}
    half = nested_subsets(many, 2)[1]
    part = make_subset(lab, many, half, "part-1", "Half", "an-experiment")
    assert part.images == {"train": 16, "val": 4, "test": 0}
    assert sum(part.instances_by_split["train"].values()) == 32
    assert part.image_path(half[0]).stat().st_ino == many.image_path(half[0]).stat().st_ino
    assert part.id not in [item.id for item in list_datasets(lab)]
    assert load_dataset(lab, part.id).checksum != many.checksum
    assert make_subset(lab, many, half, "part-1", "Half", "an-experiment").id == part.id
    assert remove_subsets(lab, "an-experiment") == 1
    assert not part.root.exists()
    assert {path: path.stat().st_mtime_ns for path in many.root.rglob("*") if path.is_file()} == before


def test_two_sets_join_under_one_list_of_classes(lab: Workspace, tiny: Dataset, tmp_path) -> None:
    source = write_yolo_folder(tmp_path / "other", train=4, val=2)
    (source / "data.yaml").write_text("path: .\ntrain: images/train\nval: images/val\nnames: [disc, crack]\n")
    other = import_dataset(lab, source, name="Other")
    both = join(
        lab, tiny, other, ["square", "disc", "crack"], keep_old=True, made_for="x", joined_id="joined-1"
    )  # fmt: skip
    assert both.images == {"train": 12, "val": 6, "test": 0}
    assert both.instances == {"square": 12, "disc": 18, "crack": 6}
    alone = join(lab, tiny, other, ["square", "disc", "crack"], keep_old=False, made_for="x", joined_id="joined-2")
    assert alone.images == {"train": 4, "val": 6, "test": 0}
    remove_subsets(lab, "x")


def test_classification_parts_keep_every_class_folder(lab: Workspace, tmp_path) -> None:
    colours = import_dataset(lab, write_class_folders(tmp_path / "colours"), name="Colours")
    sizes = nested_subsets(colours, 2)
    part = make_subset(lab, colours, sizes[1], "part-c", "Half", "y")
    assert {folder.name for folder in (part.root / "images" / "train").iterdir()} == {"blue", "red"}
    remove_subsets(lab, "y")
