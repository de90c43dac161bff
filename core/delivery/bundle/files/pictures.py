"""Pictures as this model saw them in its training: 8 bits, upright, RGB, nothing see-through.

The files beside this one are those by which Graft itself reads pictures. They need numpy and Pillow; what a format
needs besides is named when such a file comes.
"""

import json
import sys
from pathlib import Path

import numpy as np

from .decoding import decode
from .page import UnreadableImage
from .windows import Window

PACKAGES = {"cv2": "opencv-python-headless", "pillow_heif": "pillow-heif"}
"""What is installed under another name than it is imported by."""


class Refused(Exception):
    """A picture can't be read; the text names it, says why and what helps."""


def pages(file, window):
    """Give every page of a picture file as an RGB PIL picture; more than 8 bits are brought to 8 by `window`.

    `window` is that of model.json. Raises Refused.
    """
    empty = True
    try:
        for page in decode(Path(file), Window(**window)):
            empty = False
            yield page.image.convert("RGB")
    except (UnreadableImage, ImportError, OSError, MemoryError) as error:
        raise Refused(f"{file} can't be read: {_reason(error)}") from error
    if empty:
        raise Refused(f"{file} can't be read: there is no picture in it")


def _reason(error):
    lacking = error if isinstance(error, ImportError) else error.__cause__
    if isinstance(lacking, ImportError) and lacking.name:
        package = lacking.name.partition(".")[0]
        return f"this kind of picture needs one more package: pip install {PACKAGES.get(package, package)}"
    return " ".join(str(error).split()) or type(error).__name__


def named_first(found, settings):
    """Return the classes of a picture with the one it is named by first: at the model's line, where it has one."""
    positive = settings["positive"]
    if positive is None:
        return found
    reached = any(item["class"] == positive and item["confidence"] >= settings["confidence"] for item in found)
    return sorted(found, key=lambda item: (item["class"] == positive) != reached)


def run_lengths(mask):
    """Return an array of true and false as COCO writes it: its size (height, width) and the lengths of its runs.

    They go down the columns, one after the other, and begin with false.
    """
    down = np.asarray(mask, dtype=bool).ravel(order="F")
    ends = np.flatnonzero(down[1:] != down[:-1]) + 1
    counts = np.diff([0, *ends, down.size]).tolist()
    return {"size": list(mask.shape), "counts": [0, *counts] if down.size and down[0] else counts}


def answer(files, window, find):
    """Print a JSON object for every page of every file: what `find` says of it; return the exit code.

    A file that can't be read is named on standard error with the reason; the code is 2 then.
    """
    code = 0
    for file in files:
        try:
            for number, picture in enumerate(pages(file, window), 1):
                print(json.dumps({"file": file, "page": number, "objects": find(picture)}), flush=True)
        except Refused as error:
            print(error, file=sys.stderr)
            code = 2
    return code
