"""Downloads go on where they stopped, try again, and never leave half a file; against a real HTTP server."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.errors import GraftError
from core.files import fetching
from core.files.fetching import NotThere, Unreachable, fetch
from core.models import weights
from core.models.catalog import find_model
from core.models.weights import download
from core.training.starting_points import locate
from core.workspace import Workspace
from tests.file_server import Files, serving

BODY = bytes(range(256)) * 4096  # a megabyte in which every position can be told from its neighbours


@pytest.fixture
def files(monkeypatch: pytest.MonkeyPatch) -> Iterator[Files]:
    monkeypatch.setattr(fetching, "FIRST_WAIT", 0.01)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with serving() as served:
        served.content["file.bin"] = BODY
        yield served


def test_a_whole_file_comes_with_its_progress(files: Files, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    fetch(files.url + "file.bin", tmp_path / "part", lambda done, total: seen.append((done, total)))
    assert (tmp_path / "part").read_bytes() == BODY
    assert seen[0][0] < seen[-1][0] == len(BODY)
    assert {total for _, total in seen} == {len(BODY)}


def test_a_broken_connection_is_made_again_and_goes_on_where_it_stopped(files: Files, tmp_path: Path) -> None:
    files.cut_after = 300_000
    fetch(files.url + "file.bin", tmp_path / "part")
    assert (tmp_path / "part").read_bytes() == BODY
    assert files.asked == [None, "bytes=300000-", "bytes=600000-", "bytes=900000-"]


def test_a_later_call_goes_on_with_what_an_earlier_one_left(files: Files, tmp_path: Path) -> None:
    files.cut_after = 300_000
    with pytest.raises(Unreachable, match="300000 of 1048576 bytes"):
        fetch(files.url + "file.bin", tmp_path / "part", attempts=1)
    files.cut_after = None
    fetch(files.url + "file.bin", tmp_path / "part")
    assert (tmp_path / "part").read_bytes() == BODY
    assert files.asked[-1] == "bytes=300000-"


def test_a_file_that_changed_meanwhile_is_fetched_anew(files: Files, tmp_path: Path) -> None:
    files.cut_after = 300_000
    with pytest.raises(Unreachable):
        fetch(files.url + "file.bin", tmp_path / "part", attempts=1)
    files.cut_after, files.etag, files.content["file.bin"] = None, '"two"', BODY[::-1]
    fetch(files.url + "file.bin", tmp_path / "part")
    assert (tmp_path / "part").read_bytes() == BODY[::-1]


def test_a_server_without_ranges_starts_anew(files: Files, tmp_path: Path) -> None:
    (tmp_path / "part").write_bytes(b"x" * 1000)
    files.ranges = False
    fetch(files.url + "file.bin", tmp_path / "part")
    assert (tmp_path / "part").read_bytes() == BODY


def test_what_is_whole_already_is_not_fetched_again(files: Files, tmp_path: Path) -> None:
    (tmp_path / "part").write_bytes(BODY)
    fetch(files.url + "file.bin", tmp_path / "part")
    assert (tmp_path / "part").read_bytes() == BODY
    (tmp_path / "part").write_bytes(BODY + b"too much")
    fetch(files.url + "file.bin", tmp_path / "part")
    assert (tmp_path / "part").read_bytes() == BODY


def test_a_tired_server_is_asked_again_and_a_missing_file_is_not(files: Files, tmp_path: Path) -> None:
    files.broken_answers = 2
    fetch(files.url + "file.bin", tmp_path / "part")
    assert len(files.asked) == 3
    with pytest.raises(NotThere, match=r"does not have gone\.bin"):
        fetch(files.url + "gone.bin", tmp_path / "other")
    assert len(files.asked) == 4


def test_no_network_is_said_in_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "FIRST_WAIT", 0.01)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with pytest.raises(Unreachable, match=r"127.0.0.1:9 can't be reached"):
        fetch("http://127.0.0.1:9/file.bin", tmp_path / "part", attempts=2)


def test_weights_with_a_wrong_digest_are_refused_and_removed(
    files: Files, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(weights, "OFFICIAL_RELEASE", files.url)
    files.content["yolo26n.pt"] = BODY
    model = find_model("yolo26n")
    assert model is not None
    with pytest.raises(GraftError, match="digest is not the official one"):
        download(workspace, model)
    assert list(workspace.weights.rglob("*.pt")) == []


def test_weights_with_the_known_digest_arrive_and_are_called_official(
    files: Files, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(weights, "OFFICIAL_RELEASE", files.url)
    monkeypatch.setitem(weights.OFFICIAL_SHA256, "yolo26n.pt", hashlib.sha256(BODY).hexdigest())
    files.content["yolo26n.pt"], files.cut_after = BODY, 400_000
    model = find_model("yolo26n")
    assert model is not None
    assert download(workspace, model).official
    found = locate(workspace, "yolo26n", "detect")
    assert found is not None
    assert found.path.read_bytes() == BODY
    assert list(workspace.weights.rglob("*.pt")) == [found.path]


@pytest.mark.slow
def test_an_unknown_digest_is_recorded_once_and_holds_from_then_on(
    files: Files, workspace: Workspace, monkeypatch: pytest.MonkeyPatch, tiny_checkpoint: Path
) -> None:
    monkeypatch.setattr(weights, "OFFICIAL_RELEASE", files.url)
    files.content["yolo11s.pt"] = tiny_checkpoint.read_bytes()
    model = find_model("yolo11s")
    assert model is not None
    first = download(workspace, model)
    assert not first.official
    assert "digest was recorded" in first.origin
    first.path.unlink()
    files.content["yolo11s.pt"] = BODY
    with pytest.raises(GraftError, match="recorded at the first download"):
        download(workspace, model)
    assert not first.path.exists()
