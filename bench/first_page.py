"""Time from starting the server to the first page standing in a browser that is already open.

    python bench/first_page.py [--rounds 5] [--chromium /usr/bin/chromium]

Each round starts a fresh server on an empty workspace, opens its address as soon as it answers, and stops the clock
when the page's heading is visible. Prints every round and the median, in seconds.
"""

from __future__ import annotations

import argparse
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Error, Page, sync_playwright

ROOT = Path(__file__).resolve().parents[1]


def first_page(page: Page, workspace: Path) -> tuple[float, float]:
    """Return the seconds until the server answers and until the first page's heading is seen."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", "streamlit_app.py", "--server.port", str(port)]
    began = time.monotonic()
    server = subprocess.Popen(
        [*command, "--server.headless", "true"],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "GRAFT_WORKSPACE": str(workspace)},
    )
    try:
        while True:
            try:
                page.goto(f"http://127.0.0.1:{port}/", wait_until="commit")
                break
            except Error:
                time.sleep(0.02)
        answered = time.monotonic() - began
        page.get_by_role("heading", level=1).first.wait_for()
        return answered, time.monotonic() - began
    finally:
        server.kill()
        server.wait()


def main() -> None:
    """Run the rounds and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--chromium", default=shutil.which("chromium") or shutil.which("google-chrome"))
    options = parser.parse_args()
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    seen = []
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        browser = playwright.chromium.launch(executable_path=options.chromium, args=["--no-sandbox"])
        for number in range(options.rounds):
            page = browser.new_context().new_page()
            answered, whole = first_page(page, Path(folder) / str(number))
            seen.append(whole)
            print(f"round {number + 1}: server answers after {answered:.2f} s, first page after {whole:.2f} s")
            page.close()
        browser.close()
    print(f"median {statistics.median(seen):.2f} s")


if __name__ == "__main__":
    main()
