"""Somebody draws labels in the browser: what is drawn is what is stored, and a killed server loses nothing."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, Route, expect

from core.data.dataset import load_dataset
from core.data.importing.from_upload import import_dataset
from core.labelling.journal import open_journal
from core.labelling.label import Label, State
from core.labelling.labelling import open_labelling
from core.labelling.likeness import more_like, save_vectors
from core.labelling.proposals import Proposals, Proposed, save_proposals
from core.labelling.queue import shuffled
from core.labelling.settings import add_class, begin
from core.tasks import Task
from core.workspace import Workspace
from tests.e2e.conftest import Server
from tests.labelling.conftest import ids, write_pictures

SIZE = (320, 200)
Place = tuple[float, float]


class Hand:
    """A hand with a mouse over the picture; places are in pixels of the picture."""

    def __init__(self, page: Page) -> None:
        self.page = page
        box = page.locator(".stage").bounding_box()
        assert box is not None
        left, top, width, height = box["x"] + 1, box["y"] + 1, box["width"] - 2, box["height"] - 2
        self.scale = min(width / SIZE[0], height / SIZE[1])
        self.corner = (left + (width - SIZE[0] * self.scale) / 2, top + (height - SIZE[1] * self.scale) / 2)

    def at(self, place: Place) -> Place:
        return self.corner[0] + place[0] * self.scale, self.corner[1] + place[1] * self.scale

    def drag(self, *places: Place) -> None:
        self.page.mouse.move(*self.at(places[0]))
        self.page.mouse.down()
        for place in places[1:]:
            self.page.mouse.move(*self.at(place), steps=3)
        self.page.mouse.up()

    def click(self, *places: Place) -> None:
        for place in places:
            self.page.mouse.click(*self.at(place))


def touch(page: Page, *moves: tuple[Place, ...]) -> None:
    """Lay fingers on the screen, move them, and lift them; each move names where every finger is."""
    screen = page.context.new_cdp_session(page)
    for number, fingers in enumerate(moves):
        points = [{"x": x, "y": y, "id": finger} for finger, (x, y) in enumerate(fingers)]
        screen.send(
            "Input.dispatchTouchEvent", {"type": "touchMove" if number else "touchStart", "touchPoints": points}
        )
    screen.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


def saved(page: Page) -> None:
    expect(page.locator(".saved")).to_have_text("Saved")


def begun(workspace: Workspace, folder: Path, task: Task) -> str:
    source = write_pictures(folder / task, 4, SIZE)
    dataset = import_dataset(workspace, source, name=task)
    begin(dataset, task, ["nose", "tail"] if task == "pose" else None)
    for name in ("cell", "blob"):
        add_class(dataset, name)
    return dataset.id


def kept(workspace: Workspace, dataset_id: str) -> Label:
    """Return the label of the picture the editor begins with."""
    work = open_labelling(load_dataset(workspace, dataset_id))
    return work.label(work.picture(shuffled(list(work.pictures))[0]))


@pytest.mark.e2e
@pytest.mark.slow
def test_from_pictures_alone_to_a_version_and_a_killed_server_loses_nothing(
    server: Server, page: Page, tmp_path: Path
) -> None:
    workspace = Workspace.open(server.workspace)
    dataset_id = import_dataset(workspace, write_pictures(tmp_path / "pictures", 4, SIZE), name="Pictures").id
    page.goto(f"{server.address}/dataset?dataset={dataset_id}")
    page.get_by_role("button", name="Label the pictures").click()
    page.get_by_role("button", name="Begin").click()
    expect(page.locator(".strip li")).to_have_count(4)
    page.get_by_role("textbox", name="Name of a new class").fill("cell")
    page.get_by_role("button", name="Add class").click()
    expect(page.get_by_role("radio", name="cell")).to_be_checked()
    asked = page.request.get(f"{server.address}/labelling/{dataset_id}/pictures")
    assert "default-src 'self'" in asked.headers["content-security-policy"], "the guard stands before the editor too"
    hand = Hand(page)
    hand.drag((40, 30), (140, 90))
    saved(page)
    journal = open_journal(load_dataset(workspace, dataset_id))
    assert journal.changes[0].after.objects[0].box == pytest.approx((40, 30, 100, 60), abs=0.51)
    page.get_by_role("textbox", name="Name of a new class").fill("blob")
    page.get_by_role("button", name="Add class").click()
    expect(page.get_by_role("radio", name="blob")).to_be_checked()
    page.keyboard.press("2")
    assert journal.refresh().changes[-1].after.objects[0].name == "cell", "a key is for what is drawn next"
    server.kill()
    hand.drag((200, 100), (260, 160))
    expect(page.locator(".saved")).to_contain_text("Not saved")
    server.start()
    saved(page)
    assert [item.name for item in journal.refresh().changes[-1].after.objects] == ["cell", "blob"]
    page.goto(f"{server.address}/label?dataset={dataset_id}")
    expect(page.locator(".strip .labelled")).to_have_count(1)
    expect(page.get_by_role("heading", name="Label", exact=True)).to_be_focused()  # a new page begins there
    page.keyboard.press("n")
    expect(page.locator(".strip .nothing")).to_have_count(1)
    page.locator("body").evaluate("() => document.activeElement.blur()")
    for key in ("Enter", "u"):  # without waiting: what is pressed is meant for the picture that comes
        page.keyboard.press(key)
    for state in ("nothing", "unsure"):
        expect(page.locator(f".strip .{state}")).to_have_count(1)
    saved(page)
    states = open_labelling(load_dataset(workspace, dataset_id)).states()
    assert sorted(states.values()) == [State.LABELLED, State.NOTHING, State.OPEN, State.UNSURE]
    page.get_by_role("button", name="Train with these labels").click()
    expect(page.get_by_role("heading", name="Model", exact=True)).to_be_visible()
    made = load_dataset(workspace, dataset_id)
    assert made.labels_version == 1
    assert sum(made.images.values()) == 2


@pytest.mark.e2e
@pytest.mark.slow
def test_what_was_taken_over_is_put_right_by_drawing_and_deleted_by_pointing(
    server: Server, page: Page, tmp_path: Path
) -> None:
    workspace = Workspace.open(server.workspace)
    dataset = load_dataset(workspace, begun(workspace, tmp_path, "detect"))
    first = shuffled(ids(dataset))[0]
    boxes = [(20, 20, 80, 60), (150, 20, 60, 60), (150, 120, 60, 60), (260, 100, 40, 60)]
    names = ("cell", "blob", "cell", "blob")
    found = [Proposed(name=name, confidence=0.9, box=box) for name, box in zip(names, boxes, strict=True)]
    save_proposals(dataset, Proposals(model="m", title="m", at="now", line=0.5, pictures={first: found}))

    def told() -> list[tuple[str, float, float]]:
        saved(page)
        shapes = kept(workspace, dataset.id).objects
        return [(item.name, *(round(edge) for edge in (item.box or (0, 0))[:2])) for item in shapes]

    page.goto(f"{server.address}/label?dataset={dataset.id}&picture={first}")
    expect(page.locator(".told")).to_contain_text("4 proposed")
    page.get_by_role("button", name="Accept all above").click()
    page.locator(".stage").focus()
    hand = Hand(page)
    hand.drag((160, 30), (215, 85))
    assert told()[1] == ("blob", 160, 30), "of what was proposed, though cell was drawn with"
    page.keyboard.press("1")
    hand.drag((152, 122), (212, 182))
    assert told()[2] == ("cell", 152, 122)
    page.mouse.move(*hand.at((280, 130)))
    page.keyboard.press("Delete")
    assert [name for name, *_ in told()] == ["cell", "blob", "cell"], "what was drawn last stays"
    hand.drag((22, 22), (105, 85))
    hand.drag((15, 15), (108, 88))
    assert [name for name, *_ in told()] == ["cell", "blob", "cell", "cell"], "what a hand drew is not replaced"


@pytest.mark.e2e
@pytest.mark.slow
def test_the_line_names_what_delete_takes_and_enter_leads_on(server: Server, page: Page, tmp_path: Path) -> None:
    workspace = Workspace.open(server.workspace)
    dataset = load_dataset(workspace, begun(workspace, tmp_path, "detect"))
    first = shuffled(ids(dataset))[0]
    held: list[Route] = []
    page.route("**/labelling/*/pictures", lambda route: held.append(route))
    page.goto(f"{server.address}/label?dataset={dataset.id}&picture={first}")
    expect(page.locator(".ask")).to_be_visible()
    expect(page.locator(".editor")).to_have_js_property("inert", value=True)
    held[0].continue_()
    expect(page.locator(".told")).to_contain_text("of 4")
    expect(page.locator(".editor")).to_have_js_property("inert", value=False)
    expect(page.locator("option[value=next]")).to_have_text("any, at random")  # no model doubts anything yet
    hand = Hand(page)
    hand.drag((40, 30), (240, 150))
    page.keyboard.press("Escape")  # else the drag would move what was drawn
    page.keyboard.press("2")
    hand.drag((80, 60), (110, 90))
    saved(page)
    hand.click((95, 75))  # on what is chosen: the one below it is meant
    expect(page.locator(".told")).to_contain_text("cell, 200 by 120")
    page.get_by_role("button", name="Delete", exact=True).click()
    saved(page)
    assert [item.name for item in kept(workspace, dataset.id).objects] == ["blob"]
    page.mouse.move(*hand.at((95, 75)))
    page.keyboard.press("Enter")
    expect(page.locator(".told")).not_to_contain_text("deleted")
    expect(page.locator(".told")).to_contain_text("of 4")
    assert [item.name for item in kept(workspace, dataset.id).objects] == ["blob"], "Enter leads on"


@pytest.mark.e2e
@pytest.mark.slow
def test_every_shape_is_drawn_mended_and_undone(server: Server, page: Page, tmp_path: Path) -> None:
    workspace = Workspace.open(server.workspace)
    drawn = {task: begun(workspace, tmp_path, task) for task in ("segment", "obb", "pose", "classify", "detect")}

    def open_editor(task: str) -> Hand:
        first = shuffled(ids(load_dataset(workspace, drawn[task])))[0]
        page.goto(f"{server.address}/label?dataset={drawn[task]}&picture={first}")
        expect(page.locator(".told")).to_contain_text("of 4")
        return Hand(page)

    hand = open_editor("segment")
    corners = [(50.0, 20.0), (150.0, 40.0), (90.0, 120.0)]
    hand.click(*corners, corners[0])
    saved(page)
    points = kept(workspace, drawn["segment"]).objects[0].points
    assert points is not None
    assert [value for point in points for value in point] == pytest.approx([v for c in corners for v in c], abs=0.51)
    hand.drag(corners[2], (100, 150))
    page.keyboard.press("2")
    expect(page.get_by_role("radio", name="blob")).to_be_checked()
    saved(page)
    mended = kept(workspace, drawn["segment"]).objects[0]
    assert mended.name == "blob"
    assert mended.points is not None
    assert mended.points[2] == pytest.approx((100, 150), abs=0.51)
    page.keyboard.press("Escape")
    page.keyboard.press("s")
    expect(page.get_by_role("button", name="Snap")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("s")
    for _ in range(3):
        page.keyboard.press("Control+z")
    saved(page)
    assert kept(workspace, drawn["segment"]).state is State.OPEN
    page.keyboard.press("Control+y")
    saved(page)
    assert kept(workspace, drawn["segment"]).state is State.LABELLED

    hand = open_editor("obb")
    hand.drag((100, 80), (200, 120))
    saved(page)
    for _ in range(15):
        page.keyboard.press("e")
    saved(page)
    corners = kept(workspace, drawn["obb"]).objects[0].points or []
    (ax, ay), (bx, by), _, (dx, dy) = corners
    assert math.degrees(math.atan2(by - ay, bx - ax)) == pytest.approx(30, abs=0.2)
    assert (math.dist((ax, ay), (bx, by)), math.dist((ax, ay), (dx, dy))) == pytest.approx((100, 40), abs=0.6)

    hand = open_editor("pose")
    hand.drag((60, 40), (160, 140))
    hand.click((80, 60), (140, 120))
    saved(page)
    points = kept(workspace, drawn["pose"]).objects[0].keypoints or []
    assert [value for point in points for value in point] == pytest.approx([80, 60, 2, 140, 120, 2], abs=0.51)

    open_editor("classify")
    page.locator(".stage").focus()
    page.keyboard.press("2")
    expect(page.locator(".strip .labelled")).to_have_count(1)
    assert kept(workspace, drawn["classify"]).name == "blob"

    page.set_viewport_size({"width": 400, "height": 800})
    open_editor("detect")
    page.locator("[data-do=onward]").scroll_into_view_if_needed()
    hand = Hand(page)
    touch(page, *((hand.at((60 + step, 40 + step)),) for step in range(0, 101, 20)))
    saved(page)
    assert kept(workspace, drawn["detect"]).objects[0].box == pytest.approx((60, 40, 100, 100), abs=1.1)
    touch(page, (hand.at((140, 80)), hand.at((180, 120))), (hand.at((110, 50)), hand.at((210, 150))))
    matrix = "image => new DOMMatrix(getComputedStyle(image).transform).a"
    assert page.locator(".stage img").evaluate(matrix) == pytest.approx(2.5 * hand.scale, rel=0.05)
    assert len(kept(workspace, drawn["detect"]).objects) == 1, "two fingers draw nothing"
    assert page.evaluate("document.documentElement.scrollWidth") == 400

    dataset = load_dataset(workspace, drawn["detect"])
    save_vectors(dataset, {item: np.array([place], np.float32) for place, item in enumerate(sorted(ids(dataset)))})
    nearest = more_like(open_labelling(dataset), shuffled(ids(dataset))[0])[0][0]
    page.get_by_role("button", name="More like this").click()
    expect(page.locator("select[name=order]")).to_have_value("like")
    expect(page.locator(".told")).to_contain_text(nearest.source)
