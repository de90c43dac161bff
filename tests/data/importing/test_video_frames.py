"""Frames of videos become pictures: named by their time, near-copies left out, neighbours never in two parts."""

from __future__ import annotations

import json
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from core.cli import main
from core.data.dataset import Dataset
from core.data.images.video import open_video
from core.data.importing.from_upload import import_dataset
from core.data.importing.settings import ImportSettings
from core.data.importing.understanding import understand
from core.data.importing.video_frames import frame_time, is_near_copy
from core.errors import InputError
from core.workspace import Workspace

SIZE = (96, 64)
EVERY = ImportSettings(frame_seconds=0.5)


def scenes(count: int, seed: int = 0) -> list[NDArray[np.uint8]]:
    """Return pictures of noise, none like another."""
    random = np.random.default_rng(seed)
    small = [Image.fromarray(random.integers(0, 255, (8, 12, 3), dtype=np.uint8)) for _ in range(count)]
    return [np.asarray(picture.resize(SIZE, Image.Resampling.BICUBIC)) for picture in small]


def write_video(
    path: Path, pictures: list[NDArray[np.uint8]], each: int = 4, rate: int = 8, codec: str = "mpeg4"
) -> Path:
    """Write a video that shows each picture for `each` frames of `rate` per second."""
    with av.open(str(path), "w") as out:
        stream = out.add_stream(codec, rate=rate)
        stream.bit_rate = 4_000_000
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
        for picture in pictures:
            for _ in range(each):
                out.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        out.mux(stream.encode(None))
    return path


def codes(dataset: Dataset) -> dict[str, int]:
    return {item.code: item.count for item in dataset.findings}


def test_a_video_becomes_a_dataset_of_its_frames(workspace: Workspace, tmp_path: Path) -> None:
    shown = [scene for scene in scenes(30) for _ in range(2)]  # each for a second, looked at twice
    source = write_video(tmp_path / "belt.mp4", shown)
    dataset = import_dataset(workspace, source, settings=EVERY)
    table = dataset.image_table().sort_values("source")
    assert dataset.name == "belt.mp4"
    assert dataset.source == "belt.mp4"
    times = [frame_time(name) for name in table["source"]]
    assert all(time is not None and time[0] == "belt" for time in times)
    seconds = [time[1] for time in times if time]
    assert codes(dataset)["video-copies"] == 30
    assert codes(dataset)["video-frames"] == len(table) == 24, "30 scenes in 7 stretches, one left out between two"
    assert set(np.diff(seconds)) == {1.0, 2.0}
    parts = table["split"].tolist()
    assert {"train", "val"} <= set(parts)
    for second, later, part, other in zip(seconds, seconds[1:], parts, parts[1:], strict=False):
        assert part == other or later - second > 1.5, "neighbours lie in one part"
    with Image.open(dataset.image_path(table["file"].iloc[0])) as first:
        assert np.abs(np.asarray(first, dtype=int) - shown[0]).mean() < 12


def test_frames_of_several_videos_stay_with_their_video(workspace: Workspace, tmp_path: Path) -> None:
    given = [write_video(tmp_path / f"clip{number}.mp4", scenes(6, number)) for number in range(3)]
    dataset = import_dataset(workspace, given, settings=EVERY)
    table = dataset.image_table()
    assert len(table) == 18
    assert table.groupby("group")["split"].nunique().tolist() == [1, 1, 1]
    assert set(table["group"]) == {"clip0.mp4", "clip1.mp4", "clip2.mp4"}


def test_a_long_video_is_thinned_evenly(workspace: Workspace, tmp_path: Path) -> None:
    source = write_video(tmp_path / "long.mp4", scenes(40))
    settings = ImportSettings(frame_seconds=0.5, most_frames=12)
    understood = understand(workspace, source, settings=settings)
    dataset = import_dataset(workspace, source, settings=settings)
    assert sum(understood.images.values()) == len(dataset.image_table()) <= 12
    seconds = sorted(time[1] for name in dataset.image_table()["source"] if (time := frame_time(name)))
    assert set(np.diff(seconds)) <= {2.0, 4.0}
    assert seconds[-1] > 16, "to the end of the 20 seconds"


def test_a_small_thing_that_moves_is_no_copy_and_a_shaken_camera_is_one() -> None:
    random = np.random.default_rng(1)
    still = random.integers(60, 190, (16, 16), dtype=np.uint8)
    ground = np.asarray(Image.fromarray(still).resize((128, 128), Image.Resampling.BICUBIC))
    noisy = np.clip(ground + random.normal(0, 3, ground.shape), 0, 255).astype(np.uint8)
    assert is_near_copy(ground, noisy)
    assert is_near_copy(ground, np.clip(noisy.astype(int) + 12, 0, 255).astype(np.uint8)), "a lamp"
    assert is_near_copy(ground, np.roll(noisy, 1, axis=1))
    moved = noisy.copy()
    moved[40:48, 70:78] = 250
    assert not is_near_copy(ground, moved)


def test_a_damaged_video_is_told_and_a_wrong_one_refused(workspace: Workspace, tmp_path: Path) -> None:
    whole = write_video(tmp_path / "whole.avi", scenes(12))
    (tmp_path / "cut.avi").write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    cut = import_dataset(workspace, tmp_path / "cut.avi", settings=EVERY)
    assert 0 < len(cut.image_table()) < 12
    (tmp_path / "no.mp4").write_bytes(b"this is no video" * 100)
    with pytest.raises(InputError, match=r"no\.mp4 can't be read as a video"):
        import_dataset(workspace, tmp_path / "no.mp4")
    both = import_dataset(workspace, [whole, tmp_path / "no.mp4"], settings=EVERY)
    assert codes(both)["video-unreadable"] == 1
    assert not list(workspace.staging_root.iterdir())


def test_a_list_of_other_files_is_no_video(workspace: Workspace, tmp_path: Path) -> None:
    write_video(tmp_path / "secret.avi", scenes(12))
    given = tmp_path / "given.mp4"
    for text in ("ffconcat version 1.0\nfile secret.avi\n", "#EXTM3U\n#EXTINF:1.0,\nsecret.avi\n#EXT-X-ENDLIST\n"):
        given.write_text(text)
        with pytest.raises(InputError, match=r"given\.mp4 can't be read as a video"):
            import_dataset(workspace, given)


@pytest.mark.parametrize(
    ("ending", "codec"), [(".webm", "libvpx"), (".mpg", "mpeg2video"), (".wmv", "wmv2"), (".mkv", "mpeg4")]
)
def test_the_usual_kinds_of_video_are_read(tmp_path: Path, ending: str, codec: str) -> None:
    source = write_video(tmp_path / f"clip{ending}", scenes(2), rate=25, codec=codec)
    with open_video(source) as video:
        assert video.size == SIZE
        assert sum(1 for _ in video.frames()) == 8


def test_the_command_line_takes_a_video(
    workspace: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = write_video(tmp_path / "clip.mp4", scenes(8))
    assert main(["import", str(source), "--frame-seconds", "1", "--most-frames", "20", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert sum(answer["images"].values()) == 4
    assert "clip_000m01.000s.jpg" in str(list(workspace.root.rglob("*.jpg")))
