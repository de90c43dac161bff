"""A page that ends in an error nobody foresaw."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest

from core.errors import LOG
from core.workspace import Workspace


def broken() -> None:
    from core.errors import InputError
    from pages._ui.common.unforeseen import show_unforeseen

    for error in (ValueError("secret <b>detail</b>"), InputError("a.png is damaged.")):
        try:
            raise error
        except ValueError as caught:
            show_unforeseen(caught)
        except InputError as caught:
            show_unforeseen(caught)


def test_a_sentence_and_a_reference_are_shown_and_the_rest_is_in_the_log(workspace: Workspace) -> None:
    page = AppTest.from_function(broken).run()
    assert not page.exception
    first, second = (item.value for item in page.error)
    assert "Traceback" not in first
    assert "damaged" in second
    log = (workspace.root / LOG).read_text()
    assert "ValueError" in log
    assert "Traceback" in log
