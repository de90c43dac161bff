"""Find things in pictures with this model, without PyTorch.

    python predict_onnx.py PICTURE...      (needs: pip install onnxruntime numpy pillow)

Prints one JSON object per picture, or per page of a file with several; boxes are x1, y1, x2, y2 in pixels of the
picture. Of turned boxes the four corners are told as well, of key points x, y and how sure each is, of an outline its
pixels as COCO writes a mask (run lengths); `find(picture)`, which can be imported, returns it as an array. A picture
that can't be read is named on standard error, and the exit code is 2. The steps are those the model was trained and
evaluated with: read model.json for its settings.
"""

import json
import sys
from pathlib import Path

import numpy as np
import onnxruntime
from pictures import answer, named_first, run_lengths
from PIL import Image

HERE = Path(__file__).resolve().parent
SETTINGS = json.loads((HERE / "model.json").read_text(encoding="utf-8"))
SESSION = onnxruntime.InferenceSession(str(HERE / "model.onnx"), providers=onnxruntime.get_available_providers())
NAMES, SIZE, STRIDE = SETTINGS["names"], SETTINGS["imgsz"], SETTINGS["stride"]


def find(picture):
    """Return what the model finds in an RGB PIL picture, as `pictures.pages` gives it: objects, the surest first."""
    if SETTINGS["task"] == "classify":
        scores = run(middle_square(picture))[0][0]
        found = [{"class": NAMES[i], "confidence": float(scores[i])} for i in np.argsort(-scores)[:5]]
        return named_first(found, SETTINGS)
    canvas, scale, left, top = letterbox(picture)
    outputs = run(canvas)
    rows = outputs[0][0].T  # one row per candidate: centre x, centre y, width, height, one score per class, then extras
    scores = rows[:, 4 : 4 + len(NAMES)]
    classes, sure = scores.argmax(axis=1), scores.max(axis=1)
    kept = np.flatnonzero(sure > SETTINGS["confidence"])
    kept = kept[np.argsort(-sure[kept], kind="stable")]
    boxes, extras = rows[kept, :4].astype(np.float64), rows[kept, 4 + len(NAMES) :].astype(np.float64)
    rotated = SETTINGS["task"] == "obb"
    corners = turned(boxes, extras[:, -1]) if rotated else edges(boxes)
    overlaps = (
        turned_overlaps(boxes, extras[:, -1], classes[kept]) if rotated else plain_overlaps(corners, classes[kept])
    )
    found = []
    for index in without_doubles(overlaps, len(kept)):
        item = {"class": NAMES[classes[kept[index]]], "confidence": float(sure[kept[index]])}
        points = (corners[index].reshape(-1, 2) - (left, top)) / scale
        low, high = points.min(axis=0), points.max(axis=0)
        if not rotated:
            low, high = np.clip(low, 0, picture.size), np.clip(high, 0, picture.size)
        item["box"] = [*low.tolist(), *high.tolist()]
        if rotated:
            item["corners"] = points.tolist()
        if SETTINGS["task"] == "pose":
            shape = SETTINGS["keypoint_shape"]
            keypoints = extras[index].reshape(shape)
            keypoints[:, :2] = (keypoints[:, :2] - (left, top)) / scale
            item["keypoints"] = keypoints.tolist()
        if SETTINGS["task"] == "segment":
            item["mask"] = mask(
                extras[index], outputs[1][0], corners[index], canvas.size, scale, left, top, picture.size
            )
        found.append(item)
    return found


def run(canvas):
    """Run the network on a prepared picture: colours from 0 to 1, channels first."""
    tensor = np.asarray(canvas, dtype=np.float32).transpose(2, 0, 1)[None] / 255
    return SESSION.run(None, {SESSION.get_inputs()[0].name: np.ascontiguousarray(tensor)})


def letterbox(picture):
    """Scale the longer side to SIZE and pad with grey to whole strides; return canvas, scales and margins."""
    whole, scale = picture.size, min(SIZE / picture.width, SIZE / picture.height)
    width, height = max(1, round(picture.width * scale)), max(1, round(picture.height * scale))
    if (width, height) != picture.size:
        picture = resized(picture, width, height)
    square = not SETTINGS["dynamic"]
    across, down = (SIZE - width, SIZE - height) if square else (-width % STRIDE, -height % STRIDE)
    left, top = round(across / 2 - 0.1), round(down / 2 - 0.1)
    canvas = Image.new("RGB", (width + across, height + down), (114, 114, 114))
    canvas.paste(picture, (left, top))
    return canvas, np.array([width / whole[0], height / whole[1]]), left, top


def resized(picture, width, height):
    """Scale a picture from the four nearest pixels in whole numbers, as OpenCV does, so that every answer agrees."""
    pixels, places = np.asarray(picture).astype(np.int64), []
    for axis, length in ((0, height), (1, width)):
        last = pixels.shape[axis] - 1
        place = np.clip((np.arange(length) + 0.5) * ((last + 1) / length) - 0.5, 0, last).astype(np.float32)
        first = place.astype(int)
        share = place - first
        shares = [np.rint(part * 2048).astype(np.int64) for part in (1 - share, share)]  # 11 bits, OpenCV's own
        places.append((first, np.minimum(first + 1, last), *shares))
    (top, bottom, above, below), (left, right, before, after) = places
    lines = (pixels[:, left] * before[:, None] + pixels[:, right] * after[:, None]) >> 4
    rows = (above[:, None, None] * lines[top] >> 16) + (below[:, None, None] * lines[bottom] >> 16)
    return Image.fromarray(((rows + 2) >> 2).astype(np.uint8))


def middle_square(picture):
    """Scale the shorter side to SIZE and cut out the middle square."""
    short = min(picture.size)
    scaled = picture.resize([max(SIZE, int(SIZE * side / short)) for side in picture.size], Image.Resampling.BILINEAR)
    left, top = round((scaled.width - SIZE) / 2), round((scaled.height - SIZE) / 2)
    return scaled.crop((left, top, left + SIZE, top + SIZE))


def edges(boxes):
    """Turn centre, width, height into x1, y1, x2, y2."""
    half = boxes[:, 2:] / 2
    return np.hstack([boxes[:, :2] - half, boxes[:, :2] + half])


def turned(boxes, angles):
    """Return the four corners of boxes turned by angles in radians."""
    cosine, sine = np.cos(angles), np.sin(angles)
    along = np.stack([boxes[:, 2] / 2 * cosine, boxes[:, 2] / 2 * sine], axis=1)
    beside = np.stack([-boxes[:, 3] / 2 * sine, boxes[:, 3] / 2 * cosine], axis=1)
    centre = boxes[:, :2]
    return np.hstack(
        [centre + along + beside, centre + along - beside, centre - along - beside, centre - along + beside]
    )


def plain_overlaps(corners, classes):
    """Return a function from a box's place to its overlap (IoU) with all others of its class."""
    areas = (corners[:, 2:] - corners[:, :2]).prod(axis=1)

    def overlap(index):
        low = np.maximum(corners[index, :2], corners[:, :2])
        shared = np.clip(np.minimum(corners[index, 2:], corners[:, 2:]) - low, 0, None).prod(axis=1)
        return shared / np.maximum(areas[index] + areas - shared, 1e-9) * (classes == classes[index])

    return overlap


def turned_overlaps(boxes, angles, classes):
    """The same for turned boxes, by the overlap of Gaussians (ProbIoU, arXiv:2106.06072)."""
    a, b = boxes[:, 2] ** 2 / 12, boxes[:, 3] ** 2 / 12
    cosine, sine = np.cos(angles), np.sin(angles)
    a, b, c = a * cosine**2 + b * sine**2, a * sine**2 + b * cosine**2, (a - b) * cosine * sine

    def overlap(index):
        x, y = boxes[index, 0] - boxes[:, 0], boxes[index, 1] - boxes[:, 1]
        p, q, r = a[index] + a, b[index] + b, c[index] + c
        size = p * q - r**2 + 1e-7
        apart = (p * y**2 + q * x**2) / size / 4 - r * x * y / size / 2
        own = np.sqrt(np.clip(a[index] * b[index] - c[index] ** 2, 0, None) * np.clip(a * b - c**2, 0, None))
        distance = np.clip(apart + np.log(size / (4 * own + 1e-7) + 1e-7) / 2, 1e-7, 100)
        return (1 - np.sqrt(1 - np.exp(-distance) + 1e-7)) * (classes == classes[index])

    return overlap


def without_doubles(overlap, count):
    """Return the places to keep: the surest of those that overlap more than allowed (NMS), at most so many."""
    left, kept = np.ones(count, dtype=bool), []
    for index in range(count):
        if left[index] and len(kept) < SETTINGS["max_det"]:
            kept.append(index)
            left &= overlap(index) <= SETTINGS["nms_iou"]
    return kept


def mask(weights, prototypes, corners, canvas, scale, left, top, size):
    """Return the outline of one object as an array of true and false, one per pixel of the picture."""
    values = np.tensordot(weights, prototypes.astype(np.float64), axes=1)
    whole = np.asarray(Image.fromarray(values.astype(np.float32)).resize(canvas, Image.Resampling.BILINEAR)) > 0
    x1, y1, x2, y2 = corners
    rows, columns = np.arange(canvas[1])[:, None], np.arange(canvas[0])[None]
    inside = whole & (columns >= x1) & (columns < x2) & (rows >= y1) & (rows < y2)
    part = Image.fromarray(inside).crop((left, top, left + round(size[0] * scale[0]), top + round(size[1] * scale[1])))
    return np.asarray(part.resize(size))


def told(picture):
    """Return what is found as JSON can hold it."""
    found = find(picture)
    for item in found:
        if "mask" in item:
            item["mask"] = run_lengths(item["mask"])
    return found


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    if sys.argv[1] in ("-h", "--help"):
        print(__doc__)
        sys.exit(0)
    sys.exit(answer(sys.argv[1:], SETTINGS["window"], told))
