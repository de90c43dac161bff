"""The tour stops at five pages and can be left and found again; every key that is listened for is in the list."""

from __future__ import annotations

import re

from core.workspace import Workspace
from pages._ui.common.frame import ASSETS, ROAD
from pages._ui.common.keys import KEYS
from pages._ui.common.road import FILES
from pages._ui.common.tour import STOPS
from tests.pages.conftest import button, open_page


def test_the_tour_goes_from_page_to_page_and_is_found_again(workspace: Workspace) -> None:
    app = open_page("home.py")
    button(app, "Show me around").click().run()
    seen = [app.title[0].value]
    for _ in STOPS[1:]:
        button(app, "Next stop").click().run()
        assert not app.exception
        seen.append(app.title[0].value)
    assert len(set(seen)) == len(STOPS), seen
    assert not [item for item in app.button if item.label == "Next stop"]
    button(app, "End the tour").click().run()
    assert not [item for item in app.button if item.key == "tour_end"]
    button(app, "Tour").click().run()
    assert app.title[0].value == seen[0]


def test_every_stop_and_every_stage_has_its_page() -> None:
    pages = {step.file for step in ROAD}
    assert {stop.file for stop in STOPS} <= pages
    assert {file for file, _ in FILES.values()} <= pages
    assert {step.stage for step in ROAD if step.stage} == set(FILES)


def test_the_keys_that_are_listened_for_are_in_the_list() -> None:
    heard = set(re.findall(r'event\.key === "(.)"', (ASSETS / "keys.js").read_text(encoding="utf-8")))
    assert heard
    assert {key.upper() for key in heard} <= set(KEYS)
    assert "1 to 5" in KEYS
    assert len(FILES) == 5
