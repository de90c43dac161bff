"""How long each page takes to settle in an open browser, on a workspace that is in use, such as that of `demo`.

    python -m bench.pages WORKSPACE [--rounds 3] [--chromium /usr/bin/chromium]

One server; each page in a browser session of its own, as from a bookmark. The first round also loads what later ones
find in the server's memory, and is told apart. A page has settled when its script has ended and nothing has changed on
it for 200 ms, which are not counted.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from core.data.dataset import list_datasets
from core.training.runs import list_runs
from core.workspace import Workspace
from tests.e2e.conftest import Server

SETTLED = """() => new Promise((done) => {
  const app = () => document.querySelector('[data-testid="stApp"]')?.getAttribute("data-test-script-state");
  let last = performance.now();
  new MutationObserver(() => { last = performance.now(); })
    .observe(document.body, { childList: true, subtree: true, characterData: true });
  const look = () => app() === "notRunning" && document.querySelector("h1") && performance.now() - last > 200
    ? done(last) : setTimeout(look, 20);
  look();
})"""


def addresses(workspace: Path) -> dict[str, str]:
    """Return the pages of a workspace in use, each with its newest dataset and run."""
    opened = Workspace.open(workspace)
    runs = [run for run in list_runs(opened) if run.best_weights is not None and run.task == "detect"]
    dataset, run = list_datasets(opened)[0].id, runs[0].id
    return {
        "home": "/", "dataset": f"/dataset?dataset={dataset}", "model": f"/model?dataset={dataset}",
        "training": f"/training?run={run}", "evaluation": f"/evaluation?run={run}", "compare": "/compare",
        "lab": "/lab",
        "predict": f"/predict?run={run}", "deliver": f"/deliver?run={run}", "runs": "/runs", "library": "/library",
        "settings": "/settings",
    }  # fmt: skip


def settle(browser: Browser, address: str) -> float:
    """Return the seconds from opening an address until its page has settled."""
    page = browser.new_context(viewport={"width": 1280, "height": 1000}).new_page()
    page.goto(address, wait_until="commit")
    seconds = float(page.evaluate(SETTLED)) / 1000
    page.context.close()
    return seconds


def main() -> None:
    """Open every page and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("workspace", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--chromium", default=shutil.which("chromium") or shutil.which("google-chrome"))
    options = parser.parse_args()
    pages = addresses(options.workspace)
    server = Server(options.workspace)
    try:
        server.start()
        with sync_playwright() as play:
            browser = play.chromium.launch(executable_path=options.chromium, args=["--no-sandbox", "--disable-gpu"])
            for name, path in pages.items():
                first, *rest = (settle(browser, f"{server.address}{path}") for _ in range(options.rounds + 1))
                print(f"{name:12} first {first:5.2f} s, then {statistics.median(rest):5.2f} s "
                      f"({min(rest):.2f} to {max(rest):.2f}), load {os.getloadavg()[0]:.1f}", flush=True)  # fmt: skip
            browser.close()
    finally:
        server.kill()


if __name__ == "__main__":
    main()
