"""Training on cached features: what frozen layers make of a picture is computed once, then only the rest is trained.

A frozen layer whose batch-norm stays in eval gives the same answer to the same picture every time. So each picture gets
a fixed set of augmented views; the first time a view is needed its features (every level the neck asks for) are
computed and kept in 16 bits, and from then on an epoch costs neck and head alone.

Views are drawn with random numbers seeded by (seed, view, picture), epochs are shuffled by (seed, epoch): a resumed run
sees what the uninterrupted one would have seen (with the pictures cached in memory; else collages depend on the order).

Works for detection on the CPU with the first layers frozen (`freeze` a number). Outlines, key points and turned boxes
need more than boxes from a batch, classifiers freeze nothing worth caching before their last block, and on a GPU loader
processes would be bypassed: there the run is an ordinary frozen one.
"""

from __future__ import annotations

import random
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, cast

from core.tasks import TASKS
from core.ultralytics.networks import needed_levels, run_layers
from core.ultralytics.precision import Bf16Network, in_full_precision
from core.ultralytics.trainers.fast import fast_trainer
from core.words import megabytes

MOST_VIEWS = 6
"""Views of a picture at the most: each costs one pass of the frozen layers and its memory."""
EPOCHS_PER_VIEW = 3
"""Epochs that share a view at the least: with fewer there is little to save."""
MEMORY_SHARE = 0.3
"""Share of the free memory that features may take."""


class Features:
    """Stands in a batch where the pictures would: what the frozen layers made of them."""

    def __init__(self, levels: dict[int, Any], shape: tuple[int, ...], pictures: Any) -> None:
        """`levels`: tensors (batch, channels, height, width) by layer; `pictures`: those just computed, for display."""
        self.levels, self.shape, self.pictures = levels, shape, pictures

    def __getitem__(self, index: Any) -> Any:
        """Return pictures as far as they are at hand (none once the features come from memory)."""
        return self.pictures[index]


class CachedNetwork:
    """Mixed into a model's class: `predict` goes on from features where it is given some."""

    graft_cut: int

    def predict(self, x: Any, *arguments: Any, **options: Any) -> Any:
        """Run the network from the pictures, or its trainable part from features."""
        if not isinstance(x, Features):
            return super().predict(x, *arguments, **options)  # type: ignore[misc]
        import torch

        with torch.autocast("cpu", torch.bfloat16, enabled=isinstance(self, Bf16Network)):
            return in_full_precision(run_layers(self, self.graft_cut, None, x.levels))


class FeatureLoader:
    """Takes the place of the training loader; gives batches of features in an order of its own."""

    num_workers = 0
    drop_last = False

    def __init__(self, trainer: Any, cut: int) -> None:
        """`cut`: how many of the first layers are frozen."""
        self.trainer, self.cut, self.inner = trainer, cut, trainer.train_loader
        self.dataset, self.collate_fn, self.batch_size = self.inner.dataset, self.inner.collate_fn, trainer.batch_size
        self.sampler = self.inner.sampler
        self.kept: dict[int, dict[int, dict[str, Any]]] = {}
        self.views = views_for(trainer.epochs)
        self.fresh = 0

    def __len__(self) -> int:
        """Return the batches of an epoch."""
        return len(self.inner)

    def reset(self) -> None:
        """Forget the views with collages: Ultralytics calls this when it closes them."""
        self.kept.clear()

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Give the epoch's batches; compute the features of a view where they are not there yet."""
        import torch

        seed, epoch = int(self.trainer.args.seed), int(self.trainer.epoch)
        view = epoch % self.views
        kept = self.kept.setdefault(view, {})
        order = torch.randperm(
            len(self.dataset), generator=torch.Generator().manual_seed(seed * 100_003 + epoch)
        ).tolist()
        for start in range(0, len(order), self.batch_size):
            indices = order[start : start + self.batch_size]
            missing = [index for index in indices if index not in kept]
            pictures = self._compute(missing, view, seed, kept) if missing else torch.empty(0, 3, 1, 1)
            yield self._assemble(
                [kept[index] for index in indices], pictures if len(missing) == len(indices) else pictures[:0]
            )

    def _compute(self, indices: list[int], view: int, seed: int, kept: dict[int, dict[str, Any]]) -> Any:
        import torch

        samples = []
        for index in indices:
            with _seeded(hash((seed, False, view, index)) & 0x7FFFFFFF):
                samples.append(self.dataset[index])
        batch = self.collate_fn(samples)
        self.fresh += len(indices)
        model = self.trainer.model
        ready = self.trainer.prepare_pictures(batch)
        levels: dict[int, Any] = {}
        bf16 = isinstance(model, Bf16Network)
        # no_grad, not inference_mode: features take part in the graph of the trainable layers
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            run_layers(model, 0, self.cut, levels, ready["img"])
        wanted = needed_levels(model, self.cut)
        short = torch.bfloat16 if bf16 else torch.float16
        for place, index in enumerate(indices):
            mine = batch["batch_idx"] == place
            kept[index] = {
                # channels last: a batch is then put together by copying, nothing is turned around
                "levels": {
                    level: levels[level][place].permute(1, 2, 0).to(short).clone(memory_format=torch.contiguous_format)
                    for level in wanted
                },
                "cls": batch["cls"][mine],
                "bboxes": batch["bboxes"][mine],
                "im_file": batch["im_file"][place],
                "shape": tuple(ready["img"].shape[1:]),
            }
        return ready["img"]

    def _assemble(self, items: list[dict[str, Any]], pictures: Any) -> dict[str, Any]:
        import torch

        model = self.trainer.model
        layout = torch.channels_last if self.trainer.wants_channels_last else torch.contiguous_format
        levels = {}
        for level in items[0]["levels"]:
            stacked = torch.stack([item["levels"][level] for item in items]).permute(0, 3, 1, 2)
            stacked = stacked if isinstance(model, Bf16Network) else stacked.float()
            levels[level] = stacked.contiguous(memory_format=layout)
        counts = torch.tensor([len(item["cls"]) for item in items])
        return {
            "img": Features(levels, (len(items), *items[0]["shape"]), pictures),
            "cls": torch.cat([item["cls"] for item in items]),
            "bboxes": torch.cat([item["bboxes"] for item in items]),
            "batch_idx": torch.arange(len(items), dtype=torch.float32).repeat_interleave(counts),
            "im_file": [item["im_file"] for item in items],
        }


def views_for(epochs: int) -> int:
    """Return how many views of each picture are worth their pass: one for three epochs, six at the most."""
    return max(1, min(MOST_VIEWS, epochs // EPOCHS_PER_VIEW))


def feature_bytes(model: Any, cut: int, imgsz: int) -> int:
    """Return the bytes of one picture's features in 16 bits, from a pass of the frozen layers over zeros."""
    import torch

    levels: dict[int, Any] = {}
    states = [module.training for module in model.modules()]
    with torch.no_grad():
        run_layers(model.eval(), 0, cut, levels, torch.zeros(1, 3, imgsz, imgsz))
    for module, state in zip(model.modules(), states, strict=True):
        module.training = state
    return sum(levels[level].numel() * 2 for level in needed_levels(model, cut))


class CachedFeatures:
    """Mixed into a fast trainer's class: with the first layers frozen it trains on cached features."""

    def _setup_train(self) -> None:
        super()._setup_train()  # type: ignore[misc]
        self.picture_loader = None
        cut = self.args.freeze
        if (
            self.args.multi_scale
            or not TASKS[self.args.task].fits_cached_features
            or hasattr(self.model, "student_model")
        ):
            return  # a teacher wants to see the pictures
        if self.device.type != "cpu" or not isinstance(cut, int) or not 0 < cut < len(self.model.model):
            return
        import psutil

        epochs = self.feature_epochs or self.epochs
        room = psutil.virtual_memory().available * MEMORY_SHARE
        size = feature_bytes(self.model, cut, self.args.imgsz) * len(self.train_loader.dataset)
        views = min(views_for(epochs), int(room // max(1, size)))
        if views < 1 or epochs < 2:
            print(f"features are not cached: one view of all pictures takes {megabytes(size)}")
            return
        kind = cast("Hashable", type(self.model))
        self.model.graft_cut = cut
        self.model.__class__ = _cached_class(kind)
        self.picture_loader = self.train_loader
        self.train_loader = FeatureLoader(self, cut)
        self.train_loader.views = views
        print(f"features of {cut} frozen layers are cached: {views} views, {megabytes(views * size)}")

    def preprocess_batch(self, batch: Any) -> Any:
        """Prepare a batch; one of features is ready as it is."""
        return batch if isinstance(batch["img"], Features) else self.prepare_pictures(batch)

    def prepare_pictures(self, batch: Any) -> Any:
        """Prepare a batch of pictures."""
        return super().preprocess_batch(batch)  # type: ignore[misc]

    def release_features(self) -> None:
        """Go back to pictures: everything is going to be trained."""
        if self.picture_loader is not None:
            self.train_loader, self.picture_loader = self.picture_loader, None

    feature_epochs: int | None = None
    """How many epochs are trained on features; None: all"""
    # set by Ultralytics' trainers
    args: Any
    device: Any
    epochs: int
    model: Any
    train_loader: Any


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Draw random numbers from a seed for a while, and leave the generators as they were."""
    import numpy as np
    import torch

    before = random.getstate(), np.random.get_state(), torch.get_rng_state()
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
    try:
        yield
    finally:
        random.setstate(before[0])
        np.random.set_state(before[1])
        torch.set_rng_state(before[2])


@cache
def frozen_trainer(task: str, feature_epochs: int | None = None) -> type:
    """Return the trainer class that caches features for a task; `feature_epochs` when only the first epochs freeze."""
    fast = fast_trainer(task)
    return type(f"Cached{fast.__name__}", (CachedFeatures, fast), {"feature_epochs": feature_epochs})


@cache
def _cached_class(kind: Any) -> type:
    return type(f"Cached{kind.__name__}", (CachedNetwork, kind), {})
