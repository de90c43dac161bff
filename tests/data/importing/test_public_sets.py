"""Public sets: the list is data and never code, the download goes on, and what arrives is read like any upload."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from core.data.dataset import load_dataset
from core.data.importing import public_sets
from core.data.importing.job import PUBLIC, new_job, read_import, start_import
from core.data.importing.public_sets import find_public_set, import_public_set, read_set
from core.errors import GraftError, InputError
from core.files import fetching
from core.files.fetching import Unreachable
from core.workspace import Workspace
from tests.file_server import Files, serving
from tests.tiny import write_yolo_folder


def test_the_list_of_the_installed_version_is_read() -> None:
    names = {item.name: item for item in public_sets.public_sets()}
    assert {"coco8", "brain-tumor", "medical-pills", "crack-seg", "african-wildlife"} <= names.keys()
    tumour = names["brain-tumor"]
    assert (tumour.task, tumour.classes, tumour.pictures, tumour.bytes) == (
        "detect", ("negative", "positive"), 1116, 4_210_000
    )  # fmt: skip
    assert (names["crack-seg"].task, names["tiger-pose"].keypoints, names["dota8"].task) == ("segment", (12, 2), "obb")
    assert find_public_set("Coco8.yaml") is names["coco8"]
    assert all(item.bytes <= public_sets.LARGEST for item in names.values())
    assert not any("depth" in name or "cityscapes" in name for name in names)


@pytest.mark.parametrize(
    "download",
    [
        "|\n  import os\n  os.system('touch /tmp/ran')",
        "https://example.org/ultralytics/assets/releases/download/v0.0.0/x.zip",
        "http://github.com/ultralytics/assets/releases/download/v0.0.0/x.zip",
        "https://github.com/ultralytics/assets/releases/download/v0.0.0/../../x.zip",
        "bash get_data.sh",
        "[https://github.com/ultralytics/assets/releases/download/v0.0.0/x.zip]",
    ],
)
def test_a_download_that_is_not_one_plain_address_is_not_offered(download: str) -> None:
    assert read_set("bad", f"names:\n  0: a\ndownload: {download}\n") is None


def test_a_plain_address_is_offered() -> None:
    good = "https://github.com/ultralytics/assets/releases/download/v0.0.0/good.zip"
    found = read_set("good", f"names:\n  0: a\ndownload: {good}\n")
    assert found is not None
    assert found.address == good


def pack(folder: Path, archive: Path, extra: dict[str, str] | None = None) -> bytes:
    with zipfile.ZipFile(archive, "w") as packed:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                packed.write(path, f"brain-tumor/{path.relative_to(folder)}")
        for name, text in (extra or {}).items():
            packed.writestr(name, text)
    return archive.read_bytes()


@pytest.fixture
def files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Files]:
    monkeypatch.setattr(fetching, "FIRST_WAIT", 0.01)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    tumour = find_public_set("brain-tumor")
    assert tumour is not None
    with serving() as served:
        here = replace(tumour, address=f"{served.url}brain-tumor.zip")
        monkeypatch.setattr(public_sets, "public_sets", lambda: (here,))
        hostile = {"brain-tumor/brain-tumor.yaml": f"download: |\n  open({str(tmp_path / 'ran')!r}, 'w')\nnames: [x]\n"}
        served.content["brain-tumor.zip"] = pack(write_yolo_folder(tmp_path / "set"), tmp_path / "set.zip", hostile)
        yield served


def test_a_public_set_is_downloaded_with_a_break_and_imported_with_its_names(
    files: Files, workspace: Workspace, tmp_path: Path
) -> None:
    files.cut_after = 9_000
    stages: list[str] = []
    dataset = import_public_set(workspace, "brain-tumor", progress=lambda progress: stages.append(progress.stage))
    assert dataset.classes == ["negative", "positive"], "the names are the list's, not those a yaml in the zip claims"
    assert (dataset.images["train"], dataset.images["val"]) == (8, 4)
    assert dataset.name == "brain-tumor"
    assert "SHA-256" in load_dataset(workspace, dataset.id).source
    assert len(files.asked) > 1, "the connection broke and was made again"
    assert stages[0] == "Downloading (kilobytes)"
    assert not (tmp_path / "ran").exists(), "nothing of the zip's yaml is run"
    assert list((workspace.root / "downloads").iterdir()) == [], "the archive is not kept twice"


def test_a_damaged_archive_is_removed_and_said(files: Files, workspace: Workspace) -> None:
    files.content["brain-tumor.zip"] = b"PK\x03\x04 but no zip"
    with pytest.raises(GraftError, match="damaged"):
        import_public_set(workspace, "brain-tumor")
    assert list((workspace.root / "downloads").iterdir()) == []
    assert not list(workspace.datasets.iterdir())


def test_an_archive_that_climbs_out_is_refused(files: Files, workspace: Workspace, tmp_path: Path) -> None:
    files.content["brain-tumor.zip"] = pack(tmp_path / "set", tmp_path / "evil.zip", {"../../escaped.txt": "out"})
    with pytest.raises(GraftError, match="outside its folder"):
        import_public_set(workspace, "brain-tumor")
    assert not list(workspace.root.rglob("escaped.txt"))


def test_an_unknown_name_and_no_network_are_said(
    files: Files, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InputError, match="no public set “tumor-brain”; there are brain-tumor"):
        import_public_set(workspace, "tumor-brain")
    gone = replace(public_sets.public_sets()[0], address="http://127.0.0.1:9/brain-tumor.zip")
    monkeypatch.setattr(public_sets, "public_sets", lambda: (gone,))
    with pytest.raises(Unreachable, match="bring in the zip"):
        import_public_set(workspace, "brain-tumor")


@pytest.mark.slow
def test_the_import_job_of_the_page_says_why_a_set_did_not_come(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    import time

    folder = new_job(workspace)
    start_import(workspace, folder, f"{PUBLIC}no-such-set")
    deadline = time.monotonic() + 60
    while read_import(folder).running and time.monotonic() < deadline:
        time.sleep(0.2)
    assert "no public set “no-such-set”" in (read_import(folder).error or "")
