"""The list of runs: renamed, tagged, searched, deleted."""

from __future__ import annotations

import pytest

from core.training.runs import get_run, list_runs
from tests.pages.conftest import Filled, button, open_page, texts


@pytest.mark.slow
def test_runs_are_renamed_tagged_and_deleted(filled: Filled) -> None:
    app = open_page("runs.py")
    columns = list(app.dataframe[0].value.columns)
    assert columns == ["Name", "State", "mAP50-95", "Dataset", "Model", "Started"], (
        "no more than a window of 1280 holds"
    )
    app.session_state["runs_table"] = {"selection": {"rows": [0], "columns": [], "cells": []}}
    app.run()
    assert not app.exception, app.exception
    app.text_input(key=f"name_{filled.run_id}").set_value("Better name")
    app.text_area(key=f"notes_{filled.run_id}").set_value("with the new lamp")
    button(app, "Save").click().run()
    run = get_run(filled.workspace, filled.run_id)
    assert (run.name, run.notes) == ("Better name", "with the new lamp")
    app.text_input(key="runs_query").set_value("no such run").run()
    assert "No run fits" in texts(app)
    assert len(list_runs(filled.workspace)) == 1
