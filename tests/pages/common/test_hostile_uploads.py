"""Hostile archives through the page's uploader: each is refused in a sentence, and the workspace stays as it was."""

from __future__ import annotations

import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from core.workspace import Workspace
from tests.data.importing.test_security import (
    absolute_path,
    alias_bomb,
    good_zip,
    huge_picture,
    ratio_bomb,
    symlink,
    zip_slip,
)
from tests.pages.conftest import button, open_page


def program(packed: zipfile.ZipFile) -> None:
    packed.writestr("bomb/data.yml", "train: images\nval: nowhere\nnames: [a]\ndownload: |\n  print('run')\n")


def hostile(folder: Path, attack: Callable[[zipfile.ZipFile], None]) -> bytes:
    """Return a sound YOLO set without its data.yaml, and the attack in it."""
    good_zip(folder / "good.zip", folder).close()
    with zipfile.ZipFile(folder / "good.zip") as good:
        kept = {name: good.read(name) for name in good.namelist() if name != "data.yaml"}
    with zipfile.ZipFile(folder / "hostile.zip", "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in kept.items():
            packed.writestr(name, content)
        attack(packed)
    return (folder / "hostile.zip").read_bytes()


def lying(workspace: Workspace) -> list[str]:
    return sorted(str(path.relative_to(workspace.root)) for path in workspace.root.rglob("*"))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("attack", "words"),
    [
        (zip_slip, "outside its folder"),
        (absolute_path, "outside its folder"),
        (symlink, "link or device"),
        (ratio_bomb, "bomb"),
        (huge_picture, "50,000 x 50,000"),
        (alias_bomb, "aliases"),
        (program, "download entry"),
    ],
)
def test_an_upload_is_refused_and_nothing_changes(
    workspace: Workspace, tmp_path: Path, attack: Callable[[zipfile.ZipFile], None], words: str
) -> None:
    folder = tmp_path / "made"
    folder.mkdir()
    content = hostile(folder, attack)
    app = open_page("dataset.py")
    before = lying(workspace)
    app.file_uploader[0].set_value(("upload.zip", content, "application/zip")).run()
    button(app, "Import").click().run()
    deadline = time.monotonic() + 60
    while not app.error and time.monotonic() < deadline:
        time.sleep(0.3)
        app.run()
    assert not app.exception, app.exception
    assert words in app.error[0].value
    button(app, "Try another").click().run()
    assert button(app, "Import").disabled
    assert lying(workspace) == before
    assert not list(tmp_path.rglob("evil*"))
