"""Uploads: their names stay inside their folder, they land on the disk and leave the server's memory."""

from __future__ import annotations

import io
import tomllib
from pathlib import Path, PurePosixPath

import pytest
from streamlit.testing.v1 import AppTest

from core.errors import InputError
from pages._ui.common.upload import MAX_MEGABYTES, safe_path, save_uploads
from tests.pages.conftest import ROOT


@pytest.mark.parametrize(
    ("name", "path"),
    [("a.zip", "a.zip"), ("up/sub/b.png", "up/sub/b.png"), ("C:\\x\\y.png", "C/x/y.png"), ("/etc/x", "etc/x")],
)
def test_upload_names_stay_inside(name: str, path: str) -> None:
    assert safe_path(name) == PurePosixPath(path)


@pytest.mark.parametrize("name", ["../../evil.txt", "a/../../b", "", "/", "x" * 300])
def test_upload_names_that_climb_are_refused(name: str) -> None:
    with pytest.raises(InputError):
        safe_path(name)


def test_uploads_land_on_disk(tmp_path: Path) -> None:

    class Uploaded(io.BytesIO):
        name, file_id = "set/a.txt", "1"

    saved = save_uploads([Uploaded(b"hello")], tmp_path)  # type: ignore[list-item]
    assert saved == [tmp_path / "set" / "a.txt"]
    assert saved[0].read_bytes() == b"hello"


def test_two_uploads_of_one_name_are_both_kept_and_the_same_twice_is_kept_once(tmp_path: Path) -> None:

    class Uploaded(io.BytesIO):
        name, file_id = "a.png", "1"

    given = [Uploaded(b"one"), Uploaded(b"two"), Uploaded(b"one")]
    saved = save_uploads(given, tmp_path)  # type: ignore[arg-type]
    assert [path.name for path in saved] == ["a.png", "a (2).png"]
    assert [path.read_bytes() for path in saved] == [b"one", b"two"]
    assert sorted(tmp_path.iterdir()) == sorted(saved)


def test_widget_and_server_allow_the_same_size() -> None:
    config = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text(encoding="utf-8"))
    assert config["server"]["maxUploadSize"] == MAX_MEGABYTES
    assert config["server"]["address"] == "127.0.0.1"
    assert config["browser"]["gatherUsageStats"] is False


@pytest.mark.parametrize(("forget", "left"), [(True, 0), (False, 2)])
def test_saved_uploads_leave_the_memory_of_the_server(tmp_path: Path, forget: bool, left: int) -> None:
    def page() -> None:
        from pathlib import Path

        import streamlit as st
        from streamlit.runtime.scriptrunner import get_script_run_ctx

        from pages._ui.common.upload import save_uploads

        files = st.file_uploader("Files", accept_multiple_files=True, key="files")
        context = get_script_run_ctx()
        ids = [file.file_id for file in files]
        given = len(context.uploaded_file_mgr.get_files(context.session_id, ids))
        if files:
            save_uploads(files, Path(st.session_state["folder"]), forget=st.session_state["forget"])
        held = context.uploaded_file_mgr.get_files(context.session_id, ids)
        st.session_state["numbers"] = given, len(held)

    app = AppTest.from_function(page)
    app.session_state["folder"], app.session_state["forget"] = str(tmp_path), forget
    app.run()
    app.file_uploader[0].set_value([("a.png", b"one", "image/png"), ("b.png", b"two", "image/png")]).run()
    assert not app.exception, app.exception
    assert app.session_state["numbers"] == (2, left)
    assert (tmp_path / "b.png").read_bytes() == b"two"
