"""The first page: one obvious button, for somebody new and for somebody who has begun."""

from __future__ import annotations

import pytest

from core.models.starter.checkpoint import CHECKPOINT, STARTER_WORDS
from core.workspace import Workspace
from tests.pages.conftest import Filled, button, open_page, texts


@pytest.mark.skipif(not CHECKPOINT.is_file(), reason="no starter checkpoint in this copy")
def test_the_sample_begins_with_the_starter_where_nothing_else_is(workspace: Workspace) -> None:
    app = open_page("home.py")
    assert button(app, "Try it with the sample set")
    assert STARTER_WORDS in texts(app)
    assert "Go on where you were" not in texts(app)
    (workspace.weights / "yolo11n.pt").write_bytes(b"there")
    app.run()
    assert STARTER_WORDS not in texts(app)
    assert "It begins with yolo11n" in texts(app)


@pytest.mark.slow
def test_whoever_has_a_run_is_led_to_its_result(filled: Filled) -> None:
    app = open_page("home.py")
    assert "Go on where you were" in texts(app)
    assert button(app, "See how good it is")
