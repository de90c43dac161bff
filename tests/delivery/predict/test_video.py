"""A video comes back with the findings on it, in a format browsers play, and with counts over time."""

from __future__ import annotations

import csv
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from core.delivery.predict.job import JobRequest, start_job
from tests.delivery.predict.test_batch import wait
from tests.delivery.trained_run import Trained


def write_video(path: Path, frames: int = 12, rate: int = 6) -> Path:
    random = np.random.default_rng(0)
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=rate)
        stream.width, stream.height, stream.pix_fmt = 98, 64, "yuv420p"
        for number in range(frames):
            picture = random.integers(90, 150, (64, 98, 3), dtype=np.uint8)
            picture[20:40, number * 4 : number * 4 + 20] = (220, 40, 40)
            out.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        out.mux(stream.encode(None))
    return path


@pytest.mark.slow
def test_a_video_is_annotated_and_counted(trained_copy: Trained, tmp_path: Path) -> None:
    source = write_video(tmp_path / "belt.mp4")
    request = JobRequest(kind="video", model=trained_copy.run_id, sources=[str(source)], confidence=0.0005, every=3)
    job = wait(start_job(trained_copy.workspace, request))
    assert job.state == "finished", job.error
    assert (job.result["frames"], job.result["looked_at"]) == (12, 4)
    with av.open(str(job.folder / job.result["video"])) as made:
        stream = made.streams.video[0]
        assert stream.codec_context.name in ("h264", "vp9")
        assert stream.codec_context.pix_fmt == "yuv420p", "browsers play nothing else of H.264"
        assert sum(1 for _ in made.decode(stream)) == 12
        assert float(stream.average_rate) == pytest.approx(6, abs=0.1)
    with (job.folder / "counts.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [float(row["second"]) for row in rows] == [0.0, 0.5, 1.0, 1.5]
    assert list(rows[0]) == ["second", "frame", "found", "square", "disc"]
    assert all(int(row["found"]) == int(row["square"]) + int(row["disc"]) for row in rows)


@pytest.mark.slow
def test_frames_keep_their_own_times(trained_copy: Trained, tmp_path: Path) -> None:
    source, seconds = tmp_path / "phone.mp4", [0.0, 0.1, 0.2, 1.2, 4.2, 4.3]
    with av.open(str(source), "w") as out:
        stream = out.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 1000)
        for second in seconds:
            frame = av.VideoFrame.from_ndarray(np.full((64, 64, 3), 120, dtype=np.uint8), format="rgb24")
            frame.pts, frame.time_base = round(second * 1000), Fraction(1, 1000)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    request = JobRequest(kind="video", model=trained_copy.run_id, sources=[str(source)], confidence=0.5, every=2)
    job = wait(start_job(trained_copy.workspace, request))
    assert job.state == "finished", job.error
    with (job.folder / "counts.csv").open(encoding="utf-8") as file:
        told = [float(row["second"]) for row in csv.DictReader(file)]
    assert told == pytest.approx(seconds[::2], abs=0.01)
    with av.open(str(job.folder / job.result["video"])) as made:
        assert [frame.time for frame in made.decode(video=0)] == pytest.approx(seconds, abs=0.02)


@pytest.mark.slow
def test_what_is_no_video_is_refused_in_a_sentence(trained_copy: Trained, tmp_path: Path) -> None:
    (tmp_path / "notes.mp4").write_text("hello")
    request = JobRequest(kind="video", model=trained_copy.run_id, sources=[str(tmp_path / "notes.mp4")], confidence=0.5)
    job = wait(start_job(trained_copy.workspace, request))
    assert job.state == "failed"
    assert "notes.mp4 can't be read as a video" in job.error
