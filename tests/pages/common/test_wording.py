"""Numbers and states in words, widgets from fields, colours that read well."""

from __future__ import annotations

import tomllib
from html import unescape
from pathlib import Path

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from core.data.dataset import Finding, Severity
from core.spec import TrainingSpec
from core.strategies import STRATEGIES
from pages._ui.common.charts import axis_names, bars
from pages._ui.common.formatting import plain
from pages._ui.common.settings import bounds, choices
from pages._ui.dataset.editing import class_changes
from pages._ui.dataset.findings import verdict
from pages._ui.training.run_curves import worth_drawing

ROOT = Path(__file__).resolve().parents[3]


def test_names_of_the_user_are_no_markdown() -> None:
    assert plain("a_b*c [x](http://y) :red[z]") == r"a\_b\*c \[x\]\(http\://y\) \:red\[z\]"


def test_bounds_and_choices_come_from_the_field() -> None:
    assert bounds(TrainingSpec.model_fields["imgsz"]) == (32, 4096)
    assert choices(TrainingSpec.model_fields["strategy"].annotation) == list(STRATEGIES)


def test_verdict_counts_what_matters() -> None:
    error = Finding(code="no-labels", severity=Severity.ERROR, count=1, message="No labels.")
    warning = Finding(code="leak", severity=Severity.WARNING, count=1, message="A leak.")
    assert verdict([error, warning]) == "1 problem must be solved before training can start."
    assert verdict([warning]) == "Ready to train; 1 point is worth a look first."
    assert verdict([]).startswith("Ready to train. Nothing")


def _row(name: str, new: str, place: int, drop: bool = False) -> dict[str, object]:
    return {"Class": name, "New name": new, "Drop": drop, "Place": place}


def test_edited_class_table_becomes_a_mapping_and_an_order() -> None:
    rows = [_row("cat", "cat", 3), _row("Cat", " cat ", 2), _row("dog", "hound", 1), _row("x", "x", 4, drop=True)]
    mapping, order = class_changes(rows, keep_order=False)
    assert mapping == {"cat": "cat", "Cat": "cat", "dog": "hound", "x": None}
    assert order == ["hound", "cat"]


def relative_luminance(colour: str) -> float:
    channels = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    light, dark = sorted((relative_luminance(one), relative_luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def faded(ink: str, ground: str, opacity: float) -> str:
    mixed = [
        round(opacity * int(ink[at : at + 2], 16) + (1 - opacity) * int(ground[at : at + 2], 16)) for at in (1, 3, 5)
    ]
    return "#" + "".join(f"{value:02x}" for value in mixed)


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_theme_reads_well(mode: str) -> None:
    theme = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text(encoding="utf-8"))["theme"][mode]
    grounds = [theme["backgroundColor"], theme["secondaryBackgroundColor"], theme["sidebar"]["backgroundColor"]]
    for ground in grounds:
        assert contrast(theme["textColor"], ground) >= 7
        assert contrast(faded(theme["textColor"], ground, 0.6), ground) >= 4.5, "small print (captions are 60 % ink)"
        assert contrast(theme["linkColor"], ground) >= 4.5
    assert contrast("#FFFFFF", theme["primaryColor"]) >= 4.5, "white words on the green button"
    assert contrast(theme["primaryColor"], theme["backgroundColor"]) >= 3
    for name in ("green", "orange", "red", "gray"):
        assert contrast(theme[f"{name}TextColor"], theme[f"{name}BackgroundColor"]) >= 4.5, name


def test_a_length_of_time_shows_no_needless_decimals() -> None:
    def page() -> None:
        from core.lab.experiment import TuneSettings
        from pages._ui.common.settings import field_widget

        field_widget(TuneSettings, "minutes", key="minutes")

    app = AppTest.from_function(page).run()
    assert not app.exception, app.exception
    assert app.number_input[0].proto.format == "%g"


def test_a_loss_that_would_lie_on_the_axis_is_told_and_not_drawn() -> None:
    table = pd.DataFrame({"train/box_loss": [1.6, 1.2], "train/cls_loss": [5.2, 1.0], "train/l1_loss": [0.008, 0.007]})
    assert worth_drawing(table, list(table)) == (["train/box_loss", "train/cls_loss"], ["train/l1_loss"])
    alone = pd.DataFrame({"train/loss": [0.6, 0.002]})
    assert worth_drawing(alone, ["train/loss"]) == (["train/loss"], [])


def test_classes_whose_names_begin_alike_keep_a_row_each() -> None:
    begin = "a scratch on the left hand side of the upper "
    names = [f"{begin}rim", f"{begin}lid", f"{begin}box {begin}rim", "dent", "<b>stain</b>"]
    shown = axis_names(names, 22)
    assert len(set(shown)) == len(names)
    assert all(len(unescape(name)) <= 26 for name in shown)
    assert shown[3:] == ["dent", "&lt;b&gt;stain&lt;/b&gt;"]
    counts = {name: number + 1 for number, name in enumerate(names)}
    (drawn,) = [part for part in bars({"train": counts}, names).data if part.type == "bar"]
    assert len(set(drawn.y)) == len(names)


def test_classes_that_are_numbers_are_no_scale() -> None:
    chart = bars({"train": {"1": 3, "10": 4, "2": 5}}, ["1", "10", "2"])
    assert chart.layout.yaxis.type == "category"
