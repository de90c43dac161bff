"""Import and open damaged uploads by number, and say which of them did harm.

    python -m tests.fuzz.trying 20000             # seeds 0 to 19,999
    python -m tests.fuzz.trying 3000 --first 50000

An upload may be imported, refused with a sentence, or its pictures may be left out with a finding. Harm is anything
else: another exception, more than SLOW seconds of processor time (or LONG by the clock, on a machine that may be busy),
more than MUCH memory, or something left in the workspace's staging.
"""

from __future__ import annotations

import argparse
import contextlib
import shutil
import sys
import tempfile
import time
import traceback
from collections import Counter
from pathlib import Path

import psutil

from core.data.images.decoding import decode
from core.data.images.page import UnreadableImage
from core.data.importing.from_upload import import_dataset
from core.delivery.predict.intake import take_in
from core.errors import InputError
from core.workspace import Workspace
from tests.fuzz.mutating import make_upload

SLOW, LONG = 20.0, 300.0
MUCH = 600_000_000


def harm_of(number: int, folder: Path) -> tuple[str, str]:
    """Try upload `number` below an empty folder; return its outcome and what harm it did, empty for none."""
    source = make_upload(number, folder / "given")
    workspace = Workspace.open(folder / "workspace")
    process = psutil.Process()
    before, began, worked = process.memory_info().rss, time.monotonic(), time.process_time()
    outcome = "imported"
    try:
        try:
            import_dataset(workspace, source)
        except InputError as error:
            outcome = "refused"
            str(error).encode("utf-8", "replace")
        with contextlib.suppress(InputError):
            take_in([source], folder / "shown", "auto", workspace.free_bytes())
        for path in sorted(source.rglob("*"))[:12] if source.is_dir() else []:
            if path.is_file():
                try:
                    for _ in decode(path):
                        pass
                except (UnreadableImage, OSError):
                    continue
    except Exception:
        return "harm", traceback.format_exc()
    if (took := time.process_time() - worked) > SLOW or time.monotonic() - began > LONG:
        return "harm", f"took {took:.0f} s of processor time, {time.monotonic() - began:.0f} s by the clock"
    if (grown := process.memory_info().rss - before) > MUCH:
        return "harm", f"grew by {grown / 1e6:.0f} MB"
    if left := list(workspace.staging_root.iterdir()):
        return "harm", f"left {left[0].name} in the staging"
    return outcome, ""


def try_all(numbers: range) -> tuple[Counter[str], dict[int, str]]:
    """Try several uploads; return how often which outcome came, and the harm by number."""
    outcomes: Counter[str] = Counter()
    harms: dict[int, str] = {}
    for number in numbers:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            (folder / "given").mkdir()
            outcome, harm = harm_of(number, folder)
            shutil.rmtree(folder / "workspace", ignore_errors=True)
        outcomes[outcome] += 1
        if harm:
            harms[number] = harm
    return outcomes, harms


def main() -> int:
    """Try as many as asked for; print what did harm as it comes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("count", type=int)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parsed = parser.parse_args()
    whole: Counter[str] = Counter()
    for start in range(parsed.first, parsed.first + parsed.count, 100):
        outcomes, harms = try_all(range(start, min(start + 100, parsed.first + parsed.count)))
        whole += outcomes
        for number, harm in harms.items():
            print(f"{number}: {harm}", flush=True)
        print(f"{sum(whole.values())} tried: {dict(whole)}", file=sys.stderr, flush=True)
    print(dict(whole))
    return 1 if whole["harm"] else 0


if __name__ == "__main__":
    sys.exit(main())
