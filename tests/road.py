"""The whole road without a network: every page, strategy, task, export, question of the Lab, video and document.

    unshare -n python -m tests.road [STEP...]      # as root, on Linux: a network namespace with nothing but loopback

Run by `make network`. Every Python process carries the hook of network_hook.py, which stops and writes down each name
that is looked up and each address that is dialled beyond this machine; the browser's requests are listened to as well.
Prints a line for each step and a JSON object at the end; exit code 1 when a step failed or something was dialled.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from functools import partial
from pathlib import Path

from tests.network_hook import dialled, hooked, processes

ROOT = Path(__file__).resolve().parents[1]
QUICK = ["--epochs", "1", "--imgsz", "64", "--batch", "8"]
STRATEGIES = ("fine-tune", "frozen", "two-stage", "discriminative", "scratch")
OTHER_TASKS = {"segment": "yolo11n-seg", "classify": "yolo11n-cls", "semantic": "yolo26n-sem"}
DRAW = """
import sys
from core.data.dataset import load_dataset
from core.labelling.label import Label
from core.labelling.labelling import open_labelling
from core.labelling.settings import add_class, begin
from core.labelling.versions import make_version
from core.workspace import Workspace
dataset, other = (load_dataset(Workspace.current(), name) for name in sys.argv[1:])
begin(dataset, "detect", None)
for name in other.classes:
    add_class(dataset, name)
work = open_labelling(dataset)
drawn = Label.model_validate({"objects": [{"class": other.classes[0], "box": (4, 4, 20, 20)}]})
for picture in list(work.pictures)[:2]:
    work.set(picture, drawn, since=0, by="")
make_version(dataset, by="")
"""
"""Begins to label argv[1] with the classes of argv[2], and makes a version of two labelled pictures."""


class Road:
    """The steps, each in children with the hook."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.environment = folder, hooked(folder) | {"NO_COLOR": "1"}
        self.runs: list[str] = []
        self.dataset = self.labelling = ""
        self.done: dict[str, float] = {}
        self.failed: dict[str, str] = {}

    def graft(self, *words: str) -> dict[str, object]:
        """Run a verb; return its answer."""
        done = subprocess.run(
            [sys.executable, "-m", "core", *words, "--json"], cwd=ROOT, env=self.environment, capture_output=True,
            text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(f"{' '.join(words)}: {done.stderr.strip()[-600:]}")
        return dict(json.loads(done.stdout.strip().splitlines()[-1]))

    def python(self, code: str, *words: str) -> str:
        """Run Python with the project at hand; return what it printed."""
        done = subprocess.run(
            [sys.executable, "-c", code, *words], cwd=ROOT, env=self.environment, capture_output=True, text=True,
            check=False,
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(done.stderr.strip()[-600:])
        return done.stdout

    def step(self, name: str, work: Callable[[], object]) -> None:
        """Do a step, say how it went."""
        began = time.monotonic()
        try:
            work()
        except Exception as error:  # each step is told, the others go on
            self.failed[name] = str(error)
        self.done[name] = round(time.monotonic() - began, 1)
        how = f"failed ({self.failed[name]}), " if name in self.failed else ""
        print(f"{how}{name}: {self.done[name]} s, dialled: {dialled(self.folder) or 'nothing'}, processes so far: "
              f"{processes(self.folder)}", file=sys.stderr, flush=True)  # fmt: skip

    def train(self, dataset: str, *words: str) -> str:
        """Train an epoch; return the run's id."""
        run = str(self.graft("train", dataset, *words, *QUICK)["id"])
        self.runs.append(run)
        return run

    def train_one(self, *words: str) -> str:
        """Train an epoch on the sample."""
        return self.train(self.dataset, *words)

    def bring_in(self) -> None:
        """Import, check, describe, plan."""
        self.dataset = str(self.graft("import", str(ROOT / "sample_data" / "surface_defects.zip"))["id"])
        self.graft("check", self.dataset)
        self.graft("plan", self.dataset)
        self.graft("datasets")
        self.graft("models")

    def other_task(self, task: str) -> None:
        """Import and train a small set of another task."""
        given = self.folder / task
        maker = "write_class_folders" if task == "classify" else "write_masks_folder"
        self.python(
            f"import sys, pathlib; from tests.tiny import {maker} as m; m(pathlib.Path(sys.argv[1]))", str(given)
        )
        more = ["--task", "semantic"] if task == "semantic" else []
        dataset = str(self.graft("import", str(given), "--name", task, *more)["id"])
        run = self.train(dataset, "--model", OTHER_TASKS[task], "--strategy", "scratch")
        self.graft("evaluate", run)
        self.graft("report", run, str(self.folder / f"{task}.html"))

    def judge(self) -> None:
        """Evaluate, compare, predict."""
        first, second = self.runs[:2]
        self.graft("evaluate", first)
        self.graft("evaluate", first, "--split", "test")
        self.graft("compare", first, second)
        pictures = self.folder / "workspace" / "datasets" / self.dataset / "images" / "val"
        self.graft("predict", first, str(pictures), "--out", str(self.folder / "predicted"))

    def background(self) -> None:
        """Thousands of pictures and a video, as the page starts them."""
        self.python(
            "import sys, time, pathlib\n"
            "from core.workspace import Workspace\n"
            "from core.delivery.predict.job import JobRequest, read_job, start_job\n"
            "from tests.delivery.predict.test_video import write_video\n"
            "video = write_video(pathlib.Path(sys.argv[3]) / 'belt.mp4'); w = Workspace.current()\n"
            "for kind, source in (('pictures', sys.argv[2]), ('video', str(video))):\n"
            "    job = start_job(w, JobRequest(kind=kind, model=sys.argv[1], sources=[source], confidence=0.01))\n"
            "    while (job := read_job(job.folder)).state == 'running': time.sleep(0.3)\n"
            "    assert job.state == 'finished', job.error\n",
            self.runs[0], str(self.folder / "workspace" / "datasets" / self.dataset / "images" / "val"),
            str(self.folder),
        )  # fmt: skip

    def label(self) -> None:
        """Draw labels on some pictures, let a model propose those of the others, order them, write them out."""
        pictures = self.folder / "workspace" / "datasets" / self.dataset / "images" / "val"
        given = self.folder / "unlabelled"
        given.mkdir()
        for path in sorted(pictures.iterdir())[:6]:
            shutil.copyfile(path, given / path.name)
        self.labelling = str(self.graft("import", str(given), "--name", "unlabelled")["id"])
        self.python(DRAW, self.labelling, self.dataset)
        self.graft("propose", self.labelling, self.runs[0])
        if len(self.graft("label-queue", self.labelling)["queue"]) != 4:  # type: ignore[arg-type]
            raise RuntimeError("four of six pictures wait for a label")
        self.graft("labels", self.labelling, "--export", "coco", str(self.folder / "labels.zip"))

    def demonstrate(self) -> None:
        """The demonstration, with fewer pictures and epochs than `demo` takes."""
        self.python(
            "from core.workspace import Workspace; from core.demo.demo import Sizes, prepare_demo\n"
            "small = Sizes(chests=24, leaves=24, sample_epochs=1, chest_epochs=1, leaf_epochs=1, imgsz=64)\n"
            "prepare_demo(Workspace.current(), lambda words: None, small)"
        )

    def look(self) -> None:
        """The verbs that only tell something, a table of sites, and weights that are brought in."""
        for words in (
            ["machine"], ["storage"], ["settings"], ["licences"], ["runs"], ["show", self.runs[0]], ["models"], ["lab"],
        ):  # fmt: skip
            self.graft(*words)
        pictures = self.folder / "workspace" / "datasets" / self.dataset / "images" / "val"
        table = self.folder / "sites.csv"
        table.write_text("file,site\n" + "".join(f"{path.name},Basel\n" for path in sorted(pictures.iterdir())))
        self.graft("describe", self.dataset, str(table))
        weights = self.folder / "workspace" / "runs" / self.runs[0] / "train" / "weights" / "best.pt"
        self.graft("import-weights", str(weights))

    def deliver(self) -> None:
        """Documents, bundle, notebook, library."""
        run = self.runs[0]
        for kind in ("report", "claim", "card"):
            more = [] if kind == "report" else ["--kind", kind]
            self.graft("report", run, str(self.folder / f"{kind}.html"), *more)
        for ending in ("ipynb", "py"):
            self.graft("notebook", run, str(self.folder / f"run.{ending}"))
        self.graft("bundle", run, str(self.folder / "bundle.zip"))
        kept = str(self.graft("keep", run)["id"])
        self.train(self.dataset, "--model", f"library:{kept}")
        self.train(self.dataset, "--model", "starter", "--teacher", f"run:{run}")

    def export(self) -> None:
        """Every format that can be made here."""
        formats = self.graft("export", self.runs[0], "formats")["formats"]
        made = [item["format"] for item in formats if not item["obstacle"]]  # type: ignore[attr-defined,index]
        if len(made) < 2:
            raise RuntimeError(f"only {made} can be made here")
        for name in made:
            self.graft("export", self.runs[0], str(name))

    def lab(self) -> None:
        """Every question, as small as it can be asked."""
        small = ["--epochs", "1", "--imgsz", "32", "--batch", "8"]
        starter = ["--model", "starter"]
        self.graft("race", self.dataset, "--contender", "starter", "--contender", "yolo11n:scratch", *small)
        self.graft("transfer", self.dataset, *starter, *small, "--patience-with-scratch", "1")
        self.graft("curve", self.dataset, "--parts", "2", *starter, *small)
        given = self.folder / "product"
        self.python("import sys, pathlib; from tests.tiny import write_yolo_folder as m; m(pathlib.Path(sys.argv[1]))",
                    str(given))  # fmt: skip
        product = str(self.graft("import", str(given), "--name", "product")["id"])
        self.graft("product", self.runs[0], product, *small)
        self.graft("tune", self.dataset, *starter, "--tries", "2", "--minutes", "1", *small)

    def pages(self) -> None:
        """Open every page in a browser, and listen to what it asks for."""
        from playwright.sync_api import sync_playwright

        from tests.conftest import CHROMIUM_OPTIONS

        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        command = [sys.executable, "-m", "streamlit", "run", "streamlit_app.py", "--server.port", str(port)]
        server = subprocess.Popen(command, cwd=ROOT, env=self.environment, stdout=subprocess.DEVNULL,
                                  stderr=subprocess.DEVNULL)  # fmt: skip
        address, outside = f"http://127.0.0.1:{port}", list[str]()
        try:
            while True:
                try:
                    urllib.request.urlopen(f"{address}/_stcore/health", timeout=1)
                    break
                except OSError:
                    time.sleep(0.2)
            path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))))
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=path, args=CHROMIUM_OPTIONS)
                page = browser.new_page()
                page.on("request", lambda asked: outside.append(asked.url) if not _own(asked.url, address) else None)
                names = sorted(item.stem for item in (ROOT / "pages").glob("*.py") if not item.name.startswith("_"))
                asked = [(name, self.dataset) for name in names]
                for name, dataset in [*asked, ("label", self.labelling)] if self.labelling else asked:
                    page.goto(f"{address}/{'' if name == 'home' else name}?dataset={dataset}&run={self.runs[0]}")
                    page.locator('[data-testid="stApp"][data-test-script-state="notRunning"]').wait_for(timeout=120_000)
                    page.get_by_role("heading", level=1).first.wait_for(timeout=60_000)
                    if page.get_by_test_id("stException").count():
                        raise RuntimeError(f"{name}: {page.get_by_test_id('stException').first.inner_text()[:300]}")
                browser.close()
        finally:
            server.kill()
            server.wait()
        if outside:
            raise RuntimeError(f"the browser asked for {outside[:5]}")


def _own(url: str, address: str) -> bool:
    return url.startswith((address, "data:", "blob:"))


def main() -> int:
    """Walk the road, or the steps that are named."""
    wanted = sys.argv[1:]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("198.51.100.7", 9))
            away = "a network is there: only the hook watches"
        except OSError:
            away = "no route leads away from this machine"
    print(away, file=sys.stderr)
    with tempfile.TemporaryDirectory() as name:
        road = Road(Path(name))
        road.step("import, check, plan", road.bring_in)
        for strategy in STRATEGIES[: 1 if wanted else None]:
            model = "yolo11n" if strategy == "scratch" else "starter"
            road.step(f"train, {strategy}", partial(road.train_one, "--model", model, "--strategy", strategy))
        steps: dict[str, Callable[[], object]] = {
            **{f"task {task}": partial(road.other_task, task) for task in OTHER_TASKS},
            "evaluate, compare, predict": road.judge, "pictures and video in the background": road.background,
            "labels and proposals": road.label, "documents, bundle, library, teacher": road.deliver,
            "every export": road.export, "the Lab": road.lab,
            "tables, weights and what is told": road.look, "the demonstration": road.demonstrate,
            "every page": road.pages,
        }  # fmt: skip
        for step, work in steps.items():
            if not wanted or any(word in step for word in wanted):
                road.step(step, work)
        said = dialled(road.folder)
        found = {"where": away, "seconds": road.done, "failed": road.failed, "dialled": said.splitlines(),
                 "processes": processes(road.folder)}  # fmt: skip
    print(json.dumps(found, indent=1))
    return 1 if road.failed or said else 0


if __name__ == "__main__":
    os.environ.setdefault("GRAFT_CORES", "2")
    sys.exit(main())
