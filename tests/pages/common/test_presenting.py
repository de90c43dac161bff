"""The presenter view: from the address or the sidebar, on every page until it is turned off."""

from __future__ import annotations

from core.workspace import Workspace
from tests.pages.conftest import open_page


def test_the_address_turns_it_on_and_it_stays_until_turned_off(workspace: Workspace) -> None:
    app = open_page("dataset.py", present="1")
    assert app.toggle(key="presenting").value is True
    app.switch_page("library.py").run()
    assert app.toggle(key="presenting").value is True
    assert app.query_params["present"] in ("1", ["1"])
    app.toggle(key="presenting").set_value(False).run()
    assert "present" not in app.query_params
    assert not app.exception


def test_it_is_off_unasked(workspace: Workspace) -> None:
    app = open_page("library.py")
    assert app.toggle(key="presenting").value is False
    assert "present" not in app.query_params
