"""Uploads: their names stay inside their folder, they land on the disk and leave the server's memory."""

from __future__ import annotations

import io
import tomllib
from pathlib import Path, PurePosixPath

import pytest

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


def test_widget_and_server_allow_the_same_size() -> None:
    config = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text(encoding="utf-8"))
    assert config["server"]["maxUploadSize"] == MAX_MEGABYTES
    assert config["server"]["address"] == "127.0.0.1"
    assert config["browser"]["gatherUsageStats"] is False
