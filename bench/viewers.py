"""What many viewers of a live run cost: times of script runs, memory, files and threads of the web process.

    python -m bench.viewers [--viewers 30] [--seconds 60] [--reruns 1000] [--uploads 50] [--idle]

A real server and a real training on this machine. Each viewer is a client that speaks the browser's protocol: it opens
the Training page of the run, asks for each live part again at the interval the page states, and reloads the page every
RELOAD seconds. A time is that from asking to the end of the script run. Aims: median under 1 s, 95 % under 2.5 s, web
process under 500 MB, and files and threads back to where they were once the viewers have gone. `--idle` leaves the
training out. Then the training is stopped, one viewer opens pages `--reruns` times, and a browser (Debian's chromium)
uploads an archive `--uploads` times, each of which is looked at and put away again; what memory, files and threads grew
by is told.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import random
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import ClientConnection, connect

from core.data.importing.from_upload import import_dataset
from core.spec import TrainingSpec
from core.strategies.scratch import SCRATCH
from core.training.records.progress import read_progress
from core.training.runs import get_run, start_run, stop_run, wait_run
from core.workspace import Workspace

ROOT = Path(__file__).resolve().parents[1]
RELOAD = 15.0
"""Seconds between two reloads of a viewer's page."""
GONE = 150.0
"""Seconds after which a session that has disconnected is forgotten (Streamlit's own time, and some more)."""
PAGES = ("", "dataset", "model", "training", "evaluation", "runs", "lab", "library", "predict")


@dataclass
class Viewer:
    """One browser's worth of asking."""

    address: str
    query: str
    page: str = "training"
    opens: list[float] = field(default_factory=list)
    """seconds of each whole script run"""
    parts: list[float] = field(default_factory=list)
    """seconds of each run of a live part"""
    socket: ClientConnection | None = None
    asked: list[tuple[float, bool]] = field(default_factory=list)
    timers: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    finished: asyncio.Event = field(default_factory=asyncio.Event)

    async def watch(self, until: float) -> None:
        """Look at the page until a moment of the monotonic clock."""
        await asyncio.sleep(random.uniform(0, min(RELOAD, (until - time.monotonic()) / 3)))  # people don't come at once
        async with self.connected():
            while time.monotonic() < until:
                await self.open()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(asyncio.Event().wait(), min(RELOAD, max(0.1, until - time.monotonic())))

    @contextlib.asynccontextmanager
    async def connected(self):  # type: ignore[no-untyped-def]
        """Hold a socket open, with what listens on it."""
        place = self.address.replace("http", "ws") + "/_stcore/stream"
        async with connect(place, subprotocols=["streamlit"], max_size=None, ping_interval=None) as self.socket:  # type: ignore[list-item]
            listening = asyncio.create_task(self._listen())
            try:
                yield self
            finally:
                for timer in self.timers.values():
                    timer.cancel()
                listening.cancel()

    async def open(self) -> None:
        """Ask for the whole page and wait for its end."""
        for timer in self.timers.values():
            timer.cancel()
        self.timers.clear()
        self.finished.clear()
        await self._ask("")
        await asyncio.wait_for(self.finished.wait(), 300)

    async def _ask(self, fragment: str) -> None:
        message = BackMsg()
        message.rerun_script.query_string = self.query
        message.rerun_script.page_name = self.page
        if fragment:
            message.rerun_script.fragment_id = fragment
            message.rerun_script.is_auto_rerun = True
        self.asked.append((time.monotonic(), bool(fragment)))
        assert self.socket is not None
        await self.socket.send(message.SerializeToString())

    async def _repeat(self, fragment: str, seconds: float) -> None:
        await asyncio.sleep(random.uniform(0, seconds))
        while True:
            await asyncio.sleep(seconds)
            await self._ask(fragment)

    async def _listen(self) -> None:
        assert self.socket is not None
        async for data in self.socket:
            message = ForwardMsg.FromString(data)  # type: ignore[arg-type]
            kind = message.WhichOneof("type")
            if kind == "auto_rerun":
                repeated = message.auto_rerun
                if repeated.fragment_id not in self.timers:
                    repeat = self._repeat(repeated.fragment_id, repeated.interval)
                    self.timers[repeated.fragment_id] = asyncio.create_task(repeat)
            elif kind == "script_finished" and message.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN:
                whole = message.script_finished == ForwardMsg.FINISHED_SUCCESSFULLY
                now = time.monotonic()
                if self.asked:
                    (self.opens if whole else self.parts).append(now - self.asked[0][0])
                self.asked.clear()  # what was asked for meanwhile went into the same run
                if whole:
                    self.finished.set()


@dataclass
class Cost:
    """What the web process holds."""

    megabytes: float
    files: int
    threads: int
    seconds: float
    """of processor time since it started"""

    @classmethod
    def of(cls, pid: int) -> Cost:
        """Look at a process."""
        process = psutil.Process(pid)
        times = process.cpu_times()
        return cls(process.memory_info().rss / 1e6, process.num_fds(), process.num_threads(), times.user + times.system)

    def __str__(self) -> str:
        return f"{self.megabytes:.0f} MB, {self.files} files, {self.threads} threads"


def serve(workspace: Path) -> tuple[subprocess.Popen[bytes], str]:
    """Start the app; return it and its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", "streamlit_app.py", "--server.headless", "true"]
    server = subprocess.Popen(
        [*command, "--server.port", str(port)], cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        env={**os.environ, "GRAFT_WORKSPACE": str(workspace)},
    )  # fmt: skip
    address = f"http://127.0.0.1:{port}"
    while True:
        try:
            with urllib.request.urlopen(f"{address}/_stcore/health", timeout=1):
                return server, address
        except OSError:
            time.sleep(0.1)


def said(what: str, seconds: list[float]) -> str:
    """Say how long runs took."""
    if not seconds:
        return f"{what}: none"
    ordered = sorted(seconds)
    high = ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))]
    return f"{what}: median {statistics.median(ordered):.2f} s, 95 % under {high:.2f} s, {len(ordered)} runs"


async def crowd(address: str, query: str, number: int, seconds: float, pid: int) -> tuple[list[Viewer], Cost]:
    """Let so many viewers watch for so long; return them and the most the web process held."""
    until = time.monotonic() + seconds
    viewers = [Viewer(address, query) for _ in range(number)]
    tasks = [asyncio.create_task(viewer.watch(until)) for viewer in viewers]
    most = Cost.of(pid)
    while not all(task.done() for task in tasks):
        await asyncio.sleep(1)
        now = Cost.of(pid)
        most = Cost(max(most.megabytes, now.megabytes), max(most.files, now.files), max(most.threads, now.threads),
                    now.seconds)  # fmt: skip
    await asyncio.gather(*tasks)
    return viewers, most


async def again_and_again(address: str, query: str, times: int, pid: int) -> tuple[Cost, Cost]:
    """Open pages in turn so often; return what the web process held after a tenth and at the end."""
    viewer = Viewer(address, query)
    async with viewer.connected():
        for number in range(times // 10):
            viewer.page = PAGES[number % len(PAGES)]
            await viewer.open()
        early = Cost.of(pid)
        for number in range(times - times // 10):
            viewer.page = PAGES[number % len(PAGES)]
            await viewer.open()
    return early, Cost.of(pid)


def upload_again_and_again(address: str, archive: Path, times: int, pid: int) -> tuple[Cost, Cost]:
    """Give a browser's page an archive so often; return what the web process held after a tenth and at the end."""
    from playwright.sync_api import expect, sync_playwright

    from tests.conftest import CHROMIUM_OPTIONS

    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))))
    early = Cost.of(pid)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=CHROMIUM_OPTIONS)
        page = browser.new_page()
        page.goto(f"{address}/dataset?new=1")
        for number in range(times):
            page.get_by_test_id("stFileUploaderDropzoneInput").first.set_input_files(archive)
            expect(page.get_by_text(re.compile("^Read as")).first).to_be_visible(timeout=300_000)
            page.get_by_role("button", name="Other pictures").click()
            expect(page.get_by_text(re.compile("^Read as"))).to_have_count(0, timeout=60_000)
            if number + 1 == max(1, times // 10):
                early = Cost.of(pid)
        late = Cost.of(pid)
        browser.close()
    return early, late


def main() -> None:
    """Run it and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--viewers", type=int, default=30)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--reruns", type=int, default=1000)
    parser.add_argument("--uploads", type=int, default=50)
    parser.add_argument("--idle", action="store_true")
    parser.add_argument("--stay", action="store_true", help="don't wait for the sessions to be forgotten")
    options = parser.parse_args()
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} of other work")
    with tempfile.TemporaryDirectory() as folder:
        workspace = Workspace.open(Path(folder) / "workspace")
        dataset = import_dataset(workspace, ROOT / "sample_data" / "surface_defects.zip")
        spec = TrainingSpec(dataset=dataset.id, task="detect", model="yolo11n", strategy=SCRATCH, epochs=500, imgsz=160,
                            batch=8, device="cpu", patience=0)  # fmt: skip
        run = start_run(workspace, spec)
        server, address = serve(workspace.root)
        try:
            while not read_progress(get_run(workspace, run.id)).epochs_done:
                time.sleep(1)
            if options.idle:
                stop_run(workspace, run.id)
            before = Cost.of(server.pid)
            print(f"web process before anybody looks: {before}")
            alone, _ = asyncio.run(crowd(address, f"run={run.id}", 1, 20, server.pid))
            print(said("one viewer, whole page", alone[0].opens))
            print(said("one viewer, live parts", alone[0].parts))
            done = read_progress(get_run(workspace, run.id)).epochs_done
            started, busy = Cost.of(server.pid).seconds, psutil.cpu_times()
            viewers, most = asyncio.run(crowd(address, f"run={run.id}", options.viewers, options.seconds, server.pid))
            print(said(f"{options.viewers} viewers, whole page", [time for viewer in viewers for time in viewer.opens]))
            print(said(f"{options.viewers} viewers, live parts", [time for viewer in viewers for time in viewer.parts]))
            print(f"most the web process held: {most}")
            after = psutil.cpu_times()
            idle, whole = after.idle - busy.idle, sum(after) - sum(busy)
            print(f"processor time of the web process: {most.seconds - started:.1f} s; the machine was idle for "
                  f"{idle / whole:.0%} of its time")  # fmt: skip
            print(f"epochs trained meanwhile: {read_progress(get_run(workspace, run.id)).epochs_done - done}")
            if not options.idle:
                stop_run(workspace, run.id)  # else the Evaluation page looks anew at each epoch's best model
                wait_run(workspace, run.id, 120)
            if options.reruns:
                early, late = asyncio.run(again_and_again(address, f"run={run.id}", options.reruns, server.pid))
                print(f"after {options.reruns // 10} openings of pages: {early}; after {options.reruns}: {late}")
            if options.uploads:
                archive = ROOT / "sample_data" / "surface_defects.zip"
                early, late = upload_again_and_again(address, archive, options.uploads, server.pid)
                print(f"after {max(1, options.uploads // 10)} uploads: {early}; after {options.uploads}: {late}")
            if not options.stay:
                time.sleep(GONE)
                asyncio.run(crowd(address, f"run={run.id}", 1, 5, server.pid))  # what has expired goes when one comes
                time.sleep(5)
                print(f"{GONE:.0f} s after they have gone: {Cost.of(server.pid)}")
        finally:
            stop_run(workspace, run.id, keep_best=False)
            server.kill()
            server.wait()


if __name__ == "__main__":
    main()
