"""Draw the sample set: synthetic pictures of a surface-inspection line, with the defects boxed.

    python sample_data/make_sample.py                       # writes sample_data/surface_defects.zip
    python sample_data/make_sample.py --count 20 --out DIR  # the first 20 pictures only, zipped into DIR

How a picture is made. A surface is a height map, a colour (albedo), a gloss and a grain direction, drawn at
twice the final size. Defects and harmless features (holes, print, drops, edges) change those maps, one lamp
shades them, and a simple camera (exposure, tone curve, blur, vignette, noise, JPEG) takes the picture. So a
dent is dark on the lamp's side and bright on the other, and a drop the other way round, as on a real line.
Every box is the extent of the pixels the defect itself changed, and a defect too faint for its surface is
deepened until it shows: what is labelled can be seen.

The same seed gives the same pictures: picture i has a generator of its own, whatever the count. Needs numpy,
pillow and opencv. Lengths in this file are pixels of the render, which is SCALE times the final picture.
`surface.py` beside this file holds materials and light, `features.py` what lies on them.
"""

from __future__ import annotations

import argparse
import io
import math
import zipfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from features import MAKERS, add_drops, add_dust, add_edge, add_groove, add_hole, add_print
from PIL import Image
from surface import MATERIALS, Array, grid, make_lamp, make_surface, pick, shade

CLASSES = tuple(MAKERS)  # scratch, dent, stain
SCALE = 2  # supersampling of the render
SIZES = ((320, 320), (352, 288), (336, 304), (320, 272), (288, 336), (384, 288))  # width, height of a picture
CYCLE = 20  # pictures in one round of the plan: 14 train, 4 val, 2 test; 3 of them without a defect
JPEG_QUALITY = 85
ZIP_NAME = "surface_defects.zip"


def tone(light: Array, exposure: float) -> Array:
    """Linear light to display values 0..1: a soft shoulder for highlights, then gamma."""
    shown = (1 - np.exp(-exposure * np.maximum(light, 0))) ** (1 / 2.2)
    return shown + 0.35 * shown * (1 - shown) * (2 * shown - 1)  # a little more contrast in the middle


def photograph(rng: np.random.Generator, light: Array, exposure: float) -> Image.Image:
    """Take the picture: vignette, tone curve, slight blur, down to the final size, sensor noise."""
    h, w = light.shape[:2]
    x, y = grid((h, w))
    off = np.hypot(x - w / 2, y - h / 2) / math.hypot(h, w) * 2
    shown = tone(light * (1 - rng.uniform(0, 0.4) * off**2)[..., None], exposure).astype(np.float32)
    shown = cv2.GaussianBlur(shown, (0, 0), rng.choice([0.5, 0.6, 0.8, 1.3]))
    small = cv2.resize(shown, (w // SCALE, h // SCALE), interpolation=cv2.INTER_AREA)
    level = rng.uniform(0.004, 0.016)
    grainy = rng.standard_normal((*small.shape[:2], 1)) + 0.5 * rng.standard_normal(small.shape)
    small = small + level * grainy * (0.5 + np.sqrt(np.clip(small, 0, 1)))
    return Image.fromarray((np.clip(small, 0, 1) * 255 + 0.5).astype(np.uint8))


def draw_picture(index: int, seed: int, wanted: Sequence[str], material: str) -> tuple[Image.Image, list[str]]:
    """Picture number `index` and its label rows `class x y w h`, normalised to 0..1."""
    rng = np.random.default_rng([seed, index])
    width, height = (SCALE * (side + int(rng.integers(-8, 9))) for side in pick(rng, SIZES))
    s = make_surface(rng, material, (height, width))
    lamp = make_lamp(rng, (height, width))
    for chance, feature in ((0.28, add_edge), (0.14, add_groove), (0.3, add_hole), (0.12, add_hole), (0.25, add_print)):
        s = feature(rng, s) if rng.random() < chance else s
    target = rng.uniform(0.42, 0.62)  # brightness of the median, so dark parts aren't lost
    median = float(np.median(shade(s, lamp)[s.part > 0.5]))
    exposure = -math.log(1 - target**2.2) / median * (0.75 if np.median(s.albedo) < 0.15 else 1.0)
    rows = []
    for name in wanted:
        before = tone(shade(s, lamp), exposure).mean(axis=2)
        for _ in range(8):  # until one is large enough and lies in the picture
            cover, change = MAKERS[name](rng, s)
            ys, xs = np.nonzero(cover > 0.5)
            sides = (np.ptp(xs) + 1, np.ptp(ys) + 1) if xs.size else (0, 0)
            if min(sides) >= 7 * SCALE and max(sides) <= 0.8 * max(width, height):
                break
        else:
            continue
        visible, strength = rng.uniform(0.035, 0.11), rng.uniform(0.5, 0.9)
        while strength < 4:
            changed = change(s, strength)
            shift = np.abs(tone(shade(changed, lamp), exposure).mean(axis=2) - before)[cover > 0.5]
            if shift.mean() >= visible:
                break
            strength *= 1.3
        near = cv2.dilate((cover > 0.3).astype(np.uint8), np.ones((17, 17), np.uint8))
        s = replace(changed, free=s.free * (1 - near * (rng.random() < 0.8)))
        left, top, right, bottom = xs.min() / width, ys.min() / height, (xs.max() + 1) / width, (ys.max() + 1) / height
        box = ((left + right) / 2, (top + bottom) / 2, right - left, bottom - top)
        rows.append(f"{CLASSES.index(name)} " + " ".join(f"{value:.6f}" for value in box))
    s = add_drops(rng, s, lamp) if rng.random() < 0.2 else s
    s = add_dust(rng, s) if rng.random() < 0.35 else s
    return photograph(rng, shade(s, lamp), exposure * rng.uniform(0.8, 1.25)), rows


def plan(count: int, seed: int) -> list[tuple[str, tuple[str, ...], str]]:
    """For each picture its split, the defects it gets and its material; rounds of CYCLE keep all three balanced."""
    pictures: list[tuple[str, tuple[str, ...], str]] = []
    for turn in range(-(-count // CYCLE)):
        rng = np.random.default_rng([seed, 10_000 + turn])
        splits = ["train"] * 14 + ["val"] * 4 + ["test"] * 2
        clean = {0, 1, 18 if turn % 4 == 3 else 14}  # two in train, one in val or, every fourth round, in test
        chosen = []
        for k, split in enumerate(splits):
            first = CLASSES[(k + turn) % 3]
            more = rng.choice(CLASSES, size=int(rng.choice([0, 1, 2, 3], p=[0.4, 0.33, 0.2, 0.07])))
            material = MATERIALS[(k + turn * CYCLE) % len(MATERIALS)]
            chosen.append((split, () if k in clean else (first, *(str(name) for name in more)), material))
        pictures += [chosen[k] for k in rng.permutation(CYCLE)]
    return pictures[:count]


def write_sample(out: Path, count: int = 160, seed: int = 2024) -> Path:
    """Write `surface_defects.zip` into the folder `out` and return its path; same arguments, same archive."""
    out.mkdir(parents=True, exist_ok=True)
    path = out / ZIP_NAME
    names = "".join(f"  {k}: {name}\n" for k, name in enumerate(CLASSES))
    members = {
        "data.yaml": f"path: .\ntrain: images/train\nval: images/val\ntest: images/test\nnames:\n{names}".encode()
    }
    for index, (split, wanted, material) in enumerate(plan(count, seed)):
        picture, rows = draw_picture(index, seed, wanted, material)
        jpeg = io.BytesIO()
        picture.save(jpeg, "JPEG", quality=JPEG_QUALITY, optimize=True)
        members[f"images/{split}/surface_{index + 1:03d}.jpg"] = jpeg.getvalue()
        members[f"labels/{split}/surface_{index + 1:03d}.txt"] = "".join(f"{row}\n" for row in rows).encode()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(members):
            archive.writestr(zipfile.ZipInfo(name, (2024, 1, 1, 0, 0, 0)), members[name], zipfile.ZIP_DEFLATED)
    return path


def main() -> None:
    """Read the command line and write the archive."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=160, help="pictures to draw (default 160)")
    parser.add_argument("--seed", type=int, default=2024)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent, help="folder for the zip")
    args = parser.parse_args()
    path = write_sample(args.out, args.count, args.seed)
    print(f"{path}: {args.count} pictures, {path.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
