"""How many actions labelling takes: a hand that knows the truth, in a real Chromium, with and without proposals.

    python -m bench.labelling TRUTH_FOLDER [--pictures 60] [--rounds 3] [--epochs 20]

The pictures are imported without their labels. Each round labels an equal share of them in the order that the editor
asks for; after each a model is trained (the plan's settings, `--epochs`), judged, and asked for proposals. In the first
round every object is drawn. Later, “Accept all above” takes what is over the model's line, then what is wrong is
deleted, what has another class gets it, and what is missing is drawn. A drag, a click and a key count as one action
each; a proposal counts as right where its box overlaps the truth by .7. Needs Debian's chromium and Playwright.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, expect, sync_playwright

from bench.sets import workspace_with
from core.data.dataset import Dataset, load_dataset
from core.data.importing.from_upload import import_dataset
from core.delivery.propose.proposing import propose
from core.labelling.label import Label, Shape
from core.labelling.labelling import Labelling, Picture, open_labelling
from core.labelling.proposals import read_proposals
from core.labelling.queue import queue
from core.labelling.settings import add_class, begin
from core.labelling.versions import make_version
from core.models.weights import default_model
from core.spec import TrainingSpec
from core.training.runs import start_run, wait_run
from tests.conftest import CHROMIUM_OPTIONS
from tests.e2e.conftest import Server

ENOUGH = 0.7


def overlap(one: Shape, other: Shape) -> float:
    """Return the IoU of two boxes."""
    (al, at, aw, ah), (bl, bt, bw, bh) = one.box or (0, 0, 0, 0), other.box or (0, 0, 0, 0)
    shared = max(0.0, min(al + aw, bl + bw) - max(al, bl)) * max(0.0, min(at + ah, bt + bh) - max(at, bt))
    return shared / (aw * ah + bw * bh - shared)


class Hand:
    """A hand on the editor that counts what it does."""

    def __init__(self, page: Page, classes: list[str]) -> None:
        """Work on a page where the editor is open."""
        self.page, self.classes, self.current = page, classes, classes[0]
        self.actions = 0

    def key(self, *keys: str, counts: int | None = None) -> None:
        """Press keys; they count as one action each, or as `counts`."""
        for key in keys:
            self.page.keyboard.press(key)
        self.actions += len(keys) if counts is None else counts

    def draw(self, shape: Shape, picture: Picture) -> None:
        """Choose the class where another one is chosen, and drag the box."""
        self.page.keyboard.press("Escape")
        if shape.name != self.current:
            self.key(str(self.classes.index(shape.name) + 1))
            self.current = shape.name
        box = self.page.locator(".stage").bounding_box()
        assert box is not None
        scale = min((box["width"] - 2) / picture.width, (box["height"] - 2) / picture.height)
        left = box["x"] + 1 + (box["width"] - 2 - picture.width * scale) / 2
        top = box["y"] + 1 + (box["height"] - 2 - picture.height * scale) / 2
        x, y, width, height = shape.box or (0, 0, 0, 0)
        self.page.mouse.move(left + x * scale, top + y * scale)
        self.page.mouse.down()
        self.page.mouse.move(left + (x + width) * scale, top + (y + height) * scale, steps=2)
        self.page.mouse.up()
        self.actions += 1

    def choose(self, place: int) -> None:
        """Choose an object by its place in the label: one click of a person, done by keys here."""
        self.key("Escape", *["Tab"] * (place + 1), counts=1)


def correct(hand: Hand, picture: Picture, truth: Label, taken: list[Shape]) -> None:
    """Delete what is wrong of what was taken over, name what has another class, and draw what is missing."""
    left = list(truth.objects)
    wrong, renamed = [], []
    for place, shape in enumerate(taken):
        overlaps = [overlap(item, shape) for item in left]
        fitting = left[overlaps.index(max(overlaps))] if left else None
        if fitting is None or max(overlaps) < ENOUGH:
            wrong.append(place)
            continue
        left.remove(fitting)
        if fitting.name != shape.name:
            renamed.append((place, fitting.name))
    for place, name in renamed:
        hand.choose(place)
        hand.key(str(hand.classes.index(name) + 1))
        hand.current = name
    for place in reversed(wrong):
        hand.choose(place)
        hand.key("Delete")
    for shape in left:
        hand.draw(shape, picture)


def label_round(
    page: Page, address: str, dataset: Dataset, truth: Callable[[Picture], Label], number: int
) -> list[int]:
    """Label the next `number` pictures of the queue; return the actions each took."""
    work = open_labelling(dataset)
    order = [picture for picture, _ in queue(work)][:number]
    proposals = read_proposals(dataset)
    counts = []
    hand = Hand(page, work.settings.classes)  # the class chosen last stays chosen
    page.goto(f"{address}/label?dataset={dataset.id}&picture={order[0].id}")
    for place, picture in enumerate(order):
        expect(page.locator(".stage")).to_have_attribute("aria-label", f"Picture {picture.source}")
        expect(page.locator(".told")).to_contain_text(f"of {len(work.pictures)}")
        page.locator(".stage").focus()
        hand.actions = 0
        found = proposals.pictures.get(picture.id, []) if proposals else []
        taken: list[Shape] = [item for item in found if proposals and item.confidence >= proposals.line]
        if taken:
            page.get_by_role("button", name="Accept all above").click()
            hand.actions += 1
            page.locator(".stage").focus()
        correct(hand, picture, truth(picture), taken)
        expect(page.locator(".saved")).to_have_text("Saved")
        hand.key("Enter") if place + 1 < len(order) else None
        counts.append(hand.actions)
    return counts


def check(work: Labelling, truth: Callable[[Picture], Label]) -> dict[str, Any]:
    """Return how what is stored overlaps with the truth: the mean over all objects, and how many lack half of it."""
    overlaps: list[float] = []
    for picture in work.pictures.values():
        kept = work.label(picture)
        if kept.state.learned_from:
            for item in truth(picture).objects:
                same = [overlap(item, other) for other in kept.objects if other.name == item.name]
                overlaps.append(max(same, default=0.0))
    lacking = sum(value < 0.5 for value in overlaps)
    return {"overlap_with_truth": round(sum(overlaps) / max(1, len(overlaps)), 3), "lacking": lacking}


def main() -> None:
    """Measure, and print one line of JSON per round."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("truth", type=Path)
    parser.add_argument("--pictures", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--weights", type=Path, help="a folder with checkpoints to link into the workspace")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        workspace = workspace_with(Path(folder), given.weights)
        known = import_dataset(workspace, given.truth, name="Truth")
        begin(known)
        of_truth = open_labelling(known)
        chosen = list(of_truth.pictures.values())[: given.pictures]
        source = Path(folder) / "pictures"
        source.mkdir()
        for number, picture in enumerate(chosen):
            path = of_truth.path(picture)
            (source / f"{number:04d}{path.suffix}").hardlink_to(path)
        dataset = import_dataset(workspace, source, name="Pictures alone")
        begin(dataset, "detect")
        for name in known.classes:
            add_class(dataset, name)

        def truth(picture: Picture) -> Label:
            return of_truth.label(of_truth.picture(picture.id))

        server = Server(workspace.root)
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=CHROMIUM_OPTIONS)
        page = browser.new_page(viewport={"width": 1280, "height": 1400})
        try:
            server.start()
            for turn in range(given.rounds):
                began = time.monotonic()
                share = given.pictures // given.rounds
                counts = label_round(page, server.address, dataset, truth, share)
                seconds = time.monotonic() - began
                dataset = make_version(load_dataset(workspace, dataset.id), by="bench")
                objects = sum(dataset.instances.values())
                told: dict[str, Any] = {
                    "round": turn + 1, "labelled": len(counts),
                    "actions_per_picture": round(sum(counts) / len(counts), 1),
                    "browser_seconds": round(seconds), "objects_so_far": objects,
                    **check(open_labelling(dataset), truth),
                }  # fmt: skip
                model = default_model(workspace, "detect")
                spec = TrainingSpec(dataset=dataset.id, task="detect", model=model, epochs=given.epochs, budget="quick")
                run = wait_run(workspace, start_run(workspace, spec).id)
                told |= {"run": str(run.state), "labels_version": run.spec.labels_version}
                told["mAP50"] = run.metrics.get("mAP50")
                if turn + 1 < given.rounds:
                    told |= propose(workspace, dataset, run.id)
                print(json.dumps(told), flush=True)
        finally:
            browser.close()
            server.kill()


if __name__ == "__main__":
    main()
