"""Does Graft tell pictures unlike those a model learned from, and leave those of the same set in peace?

    python bench/unlike.py WORKSPACE [--sets bccd deeppcb chest] [--epochs 8] [--ways]

Three models are trained on sets divided 60/20/20; the limit is set on the validation part as in every run. A row says
how many pictures of the held-out test part are marked all the same (5 % are promised), and for each kind of other
pictures how many are marked, and how well the distance ranks them behind the test part's (area under the ROC curve;
95 % intervals by bootstrap over the pictures). `--ways` measures distances in other ways as well: either of the two
alone, one neighbour, cosines, fewer depths. What is in WORKSPACE already, sets, runs by their names and features, is
not made again. The sets and COCO weights come from GRAFT_SHARED or ../shared.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageEnhance, ImageFilter, ImageOps

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from core.data.dataset import Dataset, list_datasets, load_dataset
from core.data.images.decoding import load_rgb
from core.data.importing.from_upload import import_dataset
from core.data.importing.settings import ImportSettings
from core.evaluation.classification import auroc_draws
from core.evaluation.figures.figure import Figure
from core.evaluation.figures.intervals import area_interval, draw, wilson
from core.evaluation.predict.novelty import NEIGHBOURS, conformal_rank, fit
from core.evaluation.predict.pooled_features import feature_layers, features_of
from core.evaluation.predict.predictor import Predictor
from core.spec import TrainingSpec
from core.training.runs import list_runs, start_run, wait_run
from core.training.store import Run
from core.workspace import Workspace

SHARED = Path(os.environ.get("GRAFT_SHARED") or Path(__file__).resolve().parents[2] / "shared")
SETS = {"bccd": "bccd", "wbc": "wbc_masks_150", "deeppcb": "deeppcb_300", "chest": "chest_xray_pneumonia_800"}
TRAININGS = {
    "bccd": {"task": "detect", "model": "yolo11n", "imgsz": 320, "batch": 16},
    "deeppcb": {"task": "detect", "model": "yolo11n", "imgsz": 320, "batch": 16},
    "chest": {"task": "classify", "model": "yolo11n", "imgsz": 128, "batch": 32},
}
OTHERS = {"bccd": ("wbc", False), "deeppcb": ("chest", False), "chest": ("bccd", True)}
"""The set whose pictures are laid before a model that never saw the like, and whether in grey."""
CHANGES: dict[str, Callable[[Image.Image], Image.Image]] = {
    "blurred": lambda image: image.filter(ImageFilter.GaussianBlur(max(image.size) / 160)),
    "inverted": ImageOps.invert,
    "half the contrast": lambda image: ImageEnhance.Contrast(image).enhance(0.5),
    "a tenth darker": lambda image: ImageEnhance.Brightness(image).enhance(0.9),
    "twice as near": lambda image: image.crop(
        (image.width // 4, image.height // 4, image.width * 3 // 4, image.height * 3 // 4)
    ),
}
"""What is done to the test part's own pictures."""
Scores = Callable[[NDArray[np.float32]], NDArray[np.float64]]


def dataset_named(workspace: Workspace, name: str) -> Dataset:
    """Return a set, imported and divided 60/20/20 where it isn't yet."""
    known = next((item.id for item in list_datasets(workspace) if item.name == name), None)
    settings = ImportSettings(split="60/20/20", keep_source_split=False)
    found = known or import_dataset(workspace, SHARED / "data" / SETS[name], settings=settings, name=name).id
    return load_dataset(workspace, found)


def run_named(workspace: Workspace, name: str, epochs: int) -> Run:
    """Return the run of that name, trained where there is none."""
    known = next((run for run in list_runs(workspace) if run.name == name and run.best_weights is not None), None)
    if known is not None:
        return known
    for weights in sorted((SHARED / "weights").glob("*.pt")):
        if not (workspace.weights / weights.name).exists():
            shutil.copyfile(weights, workspace.weights / weights.name)
    dataset = dataset_named(workspace, name)
    spec = TrainingSpec(dataset=dataset.id, epochs=epochs, device="cpu", name=name, **TRAININGS[name])
    run = wait_run(workspace, start_run(workspace, spec).id)
    if run.best_weights is None:
        raise SystemExit(f"{name}: {run.state} {run.cause}")
    return run


def pictures(dataset: Dataset, split: str) -> list[Image.Image]:
    """Return the pictures of a part."""
    table = dataset.image_table()
    return [load_rgb(dataset.image_path(file)) for file in table.loc[table["split"] == split, "file"]]


def features(workspace: Workspace, name: str, epochs: int) -> tuple[dict[str, NDArray[np.float32]], dict[int, int]]:
    """Return (pictures, features) of the three parts and of every other kind of pictures, and the layers."""
    kept = workspace.root / f"unlike-{name}.npz"
    if not kept.is_file():
        run, dataset = run_named(workspace, name, epochs), dataset_named(workspace, name)
        predictor = Predictor()
        predictor.load(str(run.best_weights))
        layers = feature_layers(predictor)
        groups = {split: pictures(dataset, split) for split in ("train", "val", "test")}
        other, grey = OTHERS[name]
        seen = pictures(dataset_named(workspace, other), "test")
        groups[f"{other} in grey" if grey else other] = [ImageOps.grayscale(item) for item in seen] if grey else seen
        groups |= {change: [make(item) for item in groups["test"]] for change, make in CHANGES.items()}
        found: dict[str, Any] = {"layers": np.array(list(layers.items()))}
        for group, images in groups.items():
            arrays = [np.asarray(image.convert("RGB")) for image in images]
            found[group] = np.stack([features_of(predictor, item, run.spec.imgsz, layers) for item in arrays])
        np.savez(kept, **found)
    with np.load(kept) as stored:
        groups = {group: stored[group] for group in stored.files if group != "layers"}
        return groups, {int(index): int(channels) for index, channels in stored["layers"]}


def area(same: NDArray[np.float64], other: NDArray[np.float64]) -> Figure:
    """Return the area under the ROC curve between the distances of two kinds of pictures."""
    scores = np.concatenate([same, other])
    positive = np.arange(len(scores)) >= len(same)
    weights = np.hstack([draw(len(same)), draw(len(other), seed=1)])
    value = float(auroc_draws(np.ones((1, len(scores)), np.float32), scores, positive)[0])
    return Figure(value, *area_interval(value, auroc_draws(weights, scores, positive), len(scores), len(scores)))


def used(training: NDArray[np.float32], validation: NDArray[np.float32], layers: dict[int, int]) -> Scores:
    """Return the distance as Graft measures it."""
    known = fit(training, validation, layers, "")
    assert known is not None
    return lambda rows: np.array([known.distance(row) for row in rows])


def ways(groups: dict[str, NDArray[np.float32]], layers: dict[int, int]) -> dict[str, Scores]:
    """Return other ways to measure the distance: {name: features -> distances}."""
    training, validation = groups["train"], groups["val"]
    channels = list(layers.values())
    deepest, one_less = slice(-channels[-1], None), slice(channels[0], None)
    mean, spread = training.mean(axis=0), np.maximum(training.std(axis=0), 1e-6)
    weight = np.sqrt(np.repeat(channels, channels))

    def scaled(rows: NDArray[np.float32]) -> NDArray[np.float64]:
        return ((rows - mean) / spread / weight).astype(np.float64)

    def nearest(number: int, *, cosine: bool = False) -> Scores:
        def shown(rows: NDArray[np.float32]) -> NDArray[np.float64]:
            values = scaled(rows)
            return values / np.linalg.norm(values, axis=1, keepdims=True) if cosine else values

        known = shown(training)
        return lambda rows: np.sort(np.linalg.norm(shown(rows)[:, None] - known, axis=2), axis=1)[:, :number].mean(1)

    def part(where: slice, inside: dict[int, int]) -> Scores:
        measure = used(training[:, where], validation[:, where], inside)
        return lambda rows: measure(rows[:, where])

    def mahalanobis(rows: NDArray[np.float32]) -> NDArray[np.float64]:
        known, new = scaled(training), scaled(rows)
        covariance = known.T @ known / len(known)
        size = len(covariance)
        target = np.trace(covariance) / size * np.eye(size)
        apart = ((covariance - target) ** 2).sum() / size
        noise = (((known**2).sum(axis=1) ** 2).sum() / len(known) - (covariance**2).sum()) / len(known) / size
        share = min(noise / apart, 1.0)
        inverse = np.linalg.inv((1 - share) * covariance + share * target)
        return np.sqrt(np.einsum("ij,jk,ik->i", new, inverse, new))

    last = list(layers)[-1]
    return {
        f"the nearest {NEIGHBOURS} alone": nearest(NEIGHBOURS),
        "the nearest one alone": nearest(1),
        f"the nearest {NEIGHBOURS} by cosine": nearest(NEIGHBOURS, cosine=True),
        "Mahalanobis alone": mahalanobis,
        "without the finest depth": part(one_less, dict(list(layers.items())[1:])),
        "the deepest layer alone": part(deepest, {last: layers[last]}),
    }


def row(name: str, groups: dict[str, NDArray[np.float32]], scores: Scores) -> list[str]:
    """Return the cells of a table: who learned what, the share of the same kind marked, then each other kind."""
    distances = {group: scores(rows) for group, rows in groups.items() if group != "train"}
    limit = np.sort(distances["val"])[conformal_rank(len(distances["val"]))[0] - 1]
    cells = [name, f"{share(distances['test'] > limit)}, {divided_anew(distances['val'], distances['test'])}"]
    for group, values in distances.items():
        if group in ("val", "test"):
            continue
        found = area(distances["test"], values)
        cells.append(f"{group}: {found.value:.3f} ({found.low:.3f} to {found.high:.3f}), {share(values > limit)}")
    return cells


def divided_anew(validation: NDArray[np.float64], test: NDArray[np.float64], times: int = 1000) -> str:
    """Return the mean share marked when the pictures of the two parts are divided between them anew."""
    random, together = np.random.default_rng(0), np.concatenate([validation, test])
    rank, marked = conformal_rank(len(validation))[0], []
    for _ in range(times):
        drawn = random.permutation(together)
        limit = np.sort(drawn[: len(validation)])[rank - 1]
        marked.append((drawn[len(validation) :] > limit).mean())
    return f"{100 * np.mean(marked):.1f} % when divided anew"


def share(marked: NDArray[np.bool_]) -> str:
    """Return how many are marked, with the 95 % interval of their share."""
    low, high = wilson(float(marked.sum()), len(marked))
    return f"{marked.sum()} of {len(marked)} ({100 * marked.mean():.0f} %, {100 * low:.0f} to {100 * high:.0f})"


def main() -> None:
    """Read the options, make what is missing, print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("workspace", type=Path)
    parser.add_argument("--sets", nargs="+", choices=list(TRAININGS), default=list(TRAININGS))
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--ways", action="store_true")
    options = parser.parse_args()
    workspace = Workspace.open(options.workspace)
    for name in options.sets:
        groups, layers = features(workspace, name, options.epochs)
        counts = f"{name} ({len(groups['train'])} / {len(groups['val'])} / {len(groups['test'])} pictures)"
        measured = {f"{counts}, as Graft measures": used(groups["train"], groups["val"], layers)}
        measured |= ways(groups, layers) if options.ways else {}
        for title, scores in measured.items():
            print(" | ".join(row(title, groups, scores)), flush=True)


if __name__ == "__main__":
    main()
