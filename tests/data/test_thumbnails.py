"""Pictures with marks: the right place, the right line, the right colour."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.data.images.thumbnails import Mark, box_outline, render, truth_marks
from core.data.objects import LabelledImage, LabelledObject
from core.data.palette import CLASS_COLOURS, class_colour, ink_on

BOX = box_outline((0.5, 0.5, 0.5, 0.5))


def drawn(path: Path, mark: Mark, size: int = 400) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(render(path, [mark], size, quality=95))).convert("RGB")).astype(int)


@pytest.fixture
def white(tmp_path: Path) -> Path:
    path = tmp_path / "white.png"
    Image.new("RGB", (800, 400), "white").save(path)
    return path


def redness(pixels: np.ndarray) -> np.ndarray:
    return pixels[..., 0] - pixels[..., 1] > 60


def test_box_is_drawn_where_it_is(white: Path) -> None:
    pixels = drawn(white, Mark(BOX, colour="#D50000"))
    assert pixels.shape == (200, 400, 3)
    rows, columns = np.nonzero(redness(pixels))
    assert abs(columns.min() - 100) <= 3
    assert abs(columns.max() - 300) <= 3
    assert abs(rows.min() - 50) <= 3
    assert abs(rows.max() - 150) <= 3


def test_prediction_is_dashed_and_truth_is_solid(white: Path) -> None:
    solid = redness(drawn(white, Mark(BOX, colour="#D50000")))[48:54, 110:290].any(axis=0)
    dashed = redness(drawn(white, Mark(BOX, colour="#D50000", dashed=True)))[48:54, 110:290].any(axis=0)
    assert solid.mean() > 0.98
    assert 0.4 < dashed.mean() < 0.9


def test_miss_and_false_alarm_carry_a_sign_of_their_own(white: Path) -> None:
    plain, miss, alarm = (
        render(white, [Mark(BOX, colour="#D50000", label="pit", sign=sign)]) for sign in ("", "miss", "false-alarm")
    )
    assert len({plain, miss, alarm}) == 3


def test_many_marks_leave_the_picture_to_be_seen(white: Path) -> None:
    boxes = [box_outline((0.05 + 0.1 * (n % 10), 0.1 + 0.1 * (n // 10), 0.04, 0.08)) for n in range(90)]
    marks = [Mark(box, (), "#0072B2", "a long name 12 %", dashed=True, sign="false-alarm") for box in boxes]

    def seen(shown: list[Mark]) -> float:
        pixels = np.asarray(Image.open(io.BytesIO(render(white, shown, 600, quality=95))).convert("RGB"))
        return float((pixels.min(axis=2) > 230).mean())

    assert seen(marks) > 0.4


def test_tiny_grey_and_transparent_pictures_render(tmp_path: Path) -> None:
    for mode, size in (("L", (12, 9)), ("RGBA", (3000, 20)), ("P", (64, 64))):
        path = tmp_path / f"{mode}.png"
        Image.new(mode, size).save(path)
        shown = Image.open(io.BytesIO(render(path, [Mark(BOX, label="x")])))
        assert max(shown.size) >= 200


def test_damaged_picture_raises_oserror(tmp_path: Path) -> None:
    path = tmp_path / "broken.jpg"
    path.write_bytes(b"\xff\xd8\xff nothing")
    with pytest.raises(OSError, match="image"):
        render(path)


def test_truth_has_the_colour_and_the_name_of_its_class() -> None:
    points = np.array([[0.1, 0.1, 2.0], [0.5, 0.5, 0.0]])
    image = LabelledImage("a.png", 10, 10, [LabelledObject(1, (0.5, 0.5, 0.2, 0.2), keypoints=points)])
    (mark,) = truth_marks(image, ["cat", "dog"])
    assert (mark.label, mark.colour, mark.dashed) == ("dog", CLASS_COLOURS[1], False)
    assert mark.points == ((0.1, 0.1),), "an unlabelled key point is not drawn"


def test_colours_come_round_and_names_stay_readable() -> None:
    assert class_colour(len(CLASS_COLOURS)) == class_colour(0)
    assert {ink_on("#F0E442"), ink_on("#0072B2")} == {"#000000", "#FFFFFF"}
