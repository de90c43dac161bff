"""How many actions labelling takes: a hand that knows the truth, in a real Chromium, with and without proposals.

    python -m bench.labelling TRUTH_FOLDER [--pictures 60] [--rounds 3] [--budget balanced] [--epochs N] [--model NAME]
        [--loose 0.1] [--snap]

The pictures are imported without their labels. Each round labels an equal share of them in the order that the editor
asks for; after each a model is trained (as planned for `--budget`, or for `--epochs`), judged, and asked for proposals.
In the first round every object is drawn. Later, “Accept all above” takes what is over the line, then what is false is
pointed at and deleted, what has another class gets it, what overlaps the truth by less than .7 is drawn over, and what
is missing is drawn. A drag, a click and a key count as one action each; moving the mouse counts as none. Needs Debian's
chromium and Playwright.
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
"""IoU from which a proposal stays as it is."""
SAME_THING = 0.5
"""IoU from which it is of the same thing, and drawing that puts it right."""


def overlap(one: Shape, other: Shape) -> float:
    """Return the IoU of two boxes."""
    (al, at, aw, ah), (bl, bt, bw, bh) = one.box or (0, 0, 0, 0), other.box or (0, 0, 0, 0)
    shared = max(0.0, min(al + aw, bl + bw) - max(al, bl)) * max(0.0, min(at + ah, bt + bh) - max(at, bt))
    return shared / (aw * ah + bw * bh - shared)


class Hand:
    """A hand on the editor that counts what it does."""

    def __init__(self, page: Page, classes: list[str], loose: float, *, snap: bool) -> None:
        """Work on a page where the editor is open.

        Every box is drawn `loose` times its width and height too large on each side, and with `snap` the editor makes
        it tight.
        """
        self.page, self.classes, self.current = page, classes, classes[0]
        self.loose, self.snap = loose, snap
        self.actions = 0

    def key(self, *keys: str, counts: int | None = None) -> None:
        """Press keys; they count as one action each, or as `counts`."""
        for key in keys:
            self.page.keyboard.press(key)
        self.actions += len(keys) if counts is None else counts

    def corner(self, picture: Picture) -> tuple[float, float, float]:
        """Return where on the page the upper left corner of a picture lies, and pixels of the page to one of its."""
        box = self.page.locator(".stage").bounding_box()
        assert box is not None
        scale = min((box["width"] - 2) / picture.width, (box["height"] - 2) / picture.height)
        left = box["x"] + 1 + (box["width"] - 2 - picture.width * scale) / 2
        return left, box["y"] + 1 + (box["height"] - 2 - picture.height * scale) / 2, scale

    def draw(self, shape: Shape, picture: Picture, over: str | None = None) -> None:
        """Drag the box, after choosing the class where another one is chosen.

        `over` is the class of the proposal it is drawn over, which it keeps.
        """
        self.page.keyboard.press("Escape")
        if shape.name != (over or self.current):
            self.key(str(self.classes.index(shape.name) + 1))
            self.current = shape.name
        left, top, scale = self.corner(picture)
        x, y, width, height = shape.box or (0, 0, 0, 0)
        wide, high = self.loose * width, self.loose * height
        right, bottom = min(x + width + wide, picture.width), min(y + height + high, picture.height)
        self.page.mouse.move(left + max(x - wide, 0) * scale, top + max(y - high, 0) * scale)
        self.page.mouse.down()
        self.page.mouse.move(left + right * scale, top + bottom * scale, steps=2)
        if not self.snap:
            self.page.mouse.up()
        else:
            with self.page.expect_response(lambda response: "/snap/" in response.url):
                self.page.mouse.up()
            self.page.wait_for_timeout(100)  # the editor puts what came into the label, and chooses it
        self.actions += 1

    def choose(self, place: int) -> None:
        """Choose an object by its place in the label: one click of a person, done by keys here."""
        self.key("Escape", *["Tab"] * (place + 1), counts=1)

    def delete(self, shape: Shape, others: list[Shape], picture: Picture) -> bool:
        """Point at an object and press Del; False where no place of it is seen between smaller ones."""
        x, y, width, height = shape.box or (0, 0, 0, 0)
        smaller = [item.box for item in others if item.box and item.box[2] * item.box[3] <= width * height]
        for across, down in [(0.5, 0.5), *((a / 10, d / 10) for a in range(1, 10) for d in range(1, 10))]:
            place = x + across * width, y + down * height
            if not any(at <= place[0] <= at + w and up <= place[1] <= up + h for at, up, w, h in smaller):
                left, top, scale = self.corner(picture)
                self.page.mouse.move(left + place[0] * scale, top + place[1] * scale, steps=2)
                self.key("Delete")
                return True
        return False


def correct(hand: Hand, picture: Picture, truth: Label, taken: list[Shape]) -> None:
    """Put right what was taken over: delete what is false, name anew, draw over what is badly placed, draw the rest."""
    pairs = sorted(
        ((overlap(item, shape), place, number) for number, item in enumerate(truth.objects)
         for place, shape in enumerate(taken)), reverse=True,
    )  # fmt: skip
    of: dict[int, int] = {}  # place of what was taken: number of the true object
    for shared, place, number in pairs:
        if shared >= SAME_THING and place not in of and number not in of.values():
            of[place] = number
    hand.page.keyboard.press("Escape")
    left = list(enumerate(taken))
    for place, shape in reversed(list(enumerate(taken))):
        if place not in of:
            left.remove((place, shape))
            if not hand.delete(shape, [item for _, item in left], picture):
                hand.choose([at for at, _ in sorted([*left, (place, shape)])].index(place))
                hand.key("Delete")
    drawn = {number for number in range(len(truth.objects)) if number not in of.values()}
    for at, (place, shape) in enumerate(left):
        item = truth.objects[of[place]]
        if overlap(item, shape) < ENOUGH:
            drawn.add(of[place])
        elif item.name != shape.name:
            hand.choose(at)
            hand.key(str(hand.classes.index(item.name) + 1))
            hand.current = item.name
    badly = {number: taken[place].name for place, number in of.items() if number in drawn}
    for number in sorted(drawn):
        hand.draw(truth.objects[number], picture, badly.get(number))


def label_round(
    page: Page, address: str, dataset: Dataset, truth: Callable[[Picture], Label], given: argparse.Namespace
) -> list[int]:
    """Label a round's share of the pictures, the next of the queue; return the actions each took."""
    work = open_labelling(dataset)
    order = [picture for picture, _ in queue(work)][: given.pictures // given.rounds]
    proposals = read_proposals(dataset)
    counts = []
    hand = Hand(page, work.settings.classes, given.loose, snap=given.snap)  # the class chosen last stays chosen
    page.goto(f"{address}/label?dataset={dataset.id}&picture={order[0].id}")
    for place, picture in enumerate(order):
        expect(page.locator(".stage")).to_have_attribute("aria-label", f"Picture {picture.source}")
        expect(page.locator(".told")).to_contain_text(f"of {len(work.pictures)}")
        page.locator(".stage").focus()
        hand.actions = 0
        if given.snap and not place:
            hand.key("s")
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
    parser.add_argument("--budget", default="balanced", help="what each training is planned for, as for `train`")
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--model", help="what each training starts from; without it what the app would take")
    parser.add_argument("--loose", type=float, default=0.0, help="draw boxes so much too large on each side, 0 to 1")
    parser.add_argument("--snap", action="store_true", help="have the editor make what is drawn tight")
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
                counts = label_round(page, server.address, dataset, truth, given)
                seconds = time.monotonic() - began
                dataset = make_version(load_dataset(workspace, dataset.id), by="bench")
                objects = sum(dataset.instances.values())
                told: dict[str, Any] = {
                    "round": turn + 1, "labelled": len(counts),
                    "actions_per_picture": round(sum(counts) / len(counts), 1),
                    "browser_seconds": round(seconds), "objects_so_far": objects,
                    **check(open_labelling(dataset), truth),
                }  # fmt: skip
                model = given.model or default_model(workspace, "detect")
                many = {"epochs": given.epochs} if given.epochs else {}
                spec = TrainingSpec(dataset=dataset.id, task="detect", model=model, budget=given.budget, **many)
                run = wait_run(workspace, start_run(workspace, spec).id)
                told |= {"run": str(run.state), "epochs": run.epochs_done, "labels_version": run.spec.labels_version}
                told["mAP50"] = run.metrics.get("mAP50")
                if turn + 1 < given.rounds:
                    told |= propose(workspace, dataset, run.id)
                print(json.dumps(told), flush=True)
        finally:
            browser.close()
            server.kill()


if __name__ == "__main__":
    main()
