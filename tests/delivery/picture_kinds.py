"""One scene in every kind of picture that Graft reads, for what has to read them all alike."""

from __future__ import annotations

from pathlib import Path

import cv2
import nibabel
import numpy as np
import pillow_heif
import tifffile
from PIL import Image

from tests.data.test_images import dicom

WINDOW = "100,3900"
"""Levels between which the deep pictures lie."""
NEEDS = {
    "colour16.png": "cv2", "photo.heic": "pillow_heif", "volume.nii.gz": "nibabel",
    "scan.dcm": "pydicom", "frames.dcm": "pydicom",
    "grey16.tif": "tifffile", "float.tif": "tifffile", "white-is-zero.tif": "tifffile",
}  # fmt: skip
"""What has to be installed besides numpy and Pillow, by file name."""


def write_kinds(folder: Path, scene: np.ndarray) -> list[Path]:
    """Write an RGB scene (h, w, 3) as a file of every kind; return the paths in alphabetical order."""
    folder.mkdir(parents=True)
    image = Image.fromarray(scene)
    grey = np.asarray(image.convert("L"))
    deep = 100 + grey.astype(np.uint16) * 15
    holes = np.dstack([scene, np.where(grey > 128, 255, 60).astype(np.uint8)])
    image.save(folder / "plain.png")
    image.save(folder / "plain.bmp")
    image.save(folder / "plain.tif")
    image.save(folder / "plain.webp", lossless=True)
    image.save(folder / "photo.jpg", quality=95)
    image.convert("L").save(folder / "grey.png")
    image.convert("1").save(folder / "two-levels.png")
    image.convert("P", palette=Image.Palette.ADAPTIVE).save(folder / "palette.png", transparency=3)
    image.convert("P", palette=Image.Palette.ADAPTIVE).save(folder / "palette.gif")
    Image.fromarray(holes).save(folder / "see-through.png")
    Image.fromarray(np.dstack([grey, holes[..., 3]])).save(folder / "see-through-grey.png")
    image.convert("CMYK").save(folder / "print.jpg", quality=95)
    exif = Image.Exif()
    exif[0x0112] = 6
    image.save(folder / "turned.jpg", exif=exif, quality=95)
    image.save(folder / "pages.tif", save_all=True, append_images=[image.rotate(90)])
    Image.fromarray(deep).save(folder / "grey16.png")
    cv2.imwrite(str(folder / "colour16.png"), 100 + scene[..., ::-1].astype(np.uint16) * 15)
    tifffile.imwrite(folder / "grey16.tif", deep)
    tifffile.imwrite(folder / "float.tif", deep.astype(np.float32))
    tifffile.imwrite(folder / "white-is-zero.tif", deep, photometric="miniswhite")
    dicom(folder / "scan.dcm", deep.astype(np.int16), RescaleSlope=1, RescaleIntercept=0)
    dicom(folder / "frames.dcm", np.stack([deep, deep[::-1]]), PhotometricInterpretation="MONOCHROME1")
    volume = np.stack([deep, deep[::-1]], axis=2).astype(np.int16)
    nibabel.save(nibabel.Nifti1Image(volume, np.eye(4)), folder / "volume.nii.gz")
    pillow_heif.register_heif_opener()
    image.save(folder / "photo.heic")
    return sorted(folder.iterdir())
