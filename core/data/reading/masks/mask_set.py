"""The masks of an upload as one: the pictures they belong to, the values they hold and what those are called."""

from __future__ import annotations

from collections import Counter
from pathlib import PurePosixPath

import numpy as np

from core.data.findings.problems import Problems
from core.data.images.page import UnreadableImage
from core.data.reading.choices import Option
from core.data.reading.masks.names import BACKGROUND, ValueNames, read_names
from core.data.reading.masks.pairing import LOSSY, Pairing, pair
from core.data.reading.masks.values import Read, is_smoothed, looker, read_values
from core.data.reading.tree import Tree
from core.words import count

SAMPLE = 40
"""Masks that are looked at to tell objects from classes."""
UNREADABLE = (UnreadableImage, OSError, ValueError)


class MaskSet:
    """The masks of an upload, how their values are read, and the pictures they belong to."""

    def __init__(self, tree: Tree) -> None:
        self.tree = tree
        self.problems = Problems()
        self.others: set[str] = set()
        """masks in folders that were not chosen"""
        self.pairs: Pairing = pair(tree, looker(tree))
        self._settle_folders()
        self.named: ValueNames = read_names(tree)
        self.used: set[str] = self.named.used | self.others
        self.assumed: list[str] = []
        self.pixels: Counter[int] = Counter()
        self.broken: set[str] = set()
        """pictures whose mask can't be read"""
        self.colours = self.named.colours
        self.count_values()
        if self.named.names and not set(self.named.names) & set(self.pixels) - {0}:
            self._name_otherwise()
        if not self.colours and self.coloured:
            self.colours = True
            self.count_values()
        nothing = {0} | self.named.background
        self.background = nothing if nothing & set(self.pixels) or not self.named.background else {0}
        self.levels = sorted(level for level in self.pixels if level not in self.background)
        self.lossy = any(name.lower().endswith(LOSSY) for name in self.pairs.used)
        self.binary = not self.named.names and not self.colours and is_smoothed(dict(self.pixels), self.lossy)

    def _settle_folders(self) -> None:
        """Ask which masks count where pictures have one in each of several folders that name no kind of object."""
        pairs = self.pairs
        folders = {mask: PurePosixPath(mask).parent.name for masks in pairs.masks.values() for mask in masks}
        twice = sum(len({folders[mask] for mask in masks}) > 1 for masks in pairs.masks.values())
        if pairs.told_by_folder or twice * 2 <= sum(bool(masks) for masks in pairs.masks.values()):
            return
        told = Counter(folders.values())
        options = [
            Option(name, f"the {count(number, 'mask')} in “{name}” alone") for name, number in sorted(told.items())
        ]
        options.append(Option("all", "all of them, laid over each other"))
        question = f"{count(twice, 'picture')} have masks in several folders: which of them mark the objects?"
        wanted = self.tree.choices.ask("mask-folder", question, options)
        for masks in pairs.masks.values() if wanted != "all" else ():
            for mask in [mask for mask in masks if folders[mask] != wanted]:
                masks.remove(mask)
                self.others.add(mask)
        for mask in sorted(self.others):
            self.problems.note("mask-not-chosen", mask)

    def count_values(self) -> None:
        """Count the pixels of every value; a picture whose mask can't be read is left out."""
        self.pixels.clear()
        self.coloured = False
        for picture, masks in self.pairs.masks.items():
            for mask in masks:
                try:
                    read = self.read(mask)
                except UNREADABLE as error:
                    if picture not in self.broken:
                        self.problems.note("unreadable-label", f"{mask}: {error}")
                    self.broken.add(picture)
                    self.used |= {picture, *masks}
                    break
                self.coloured |= read.coloured
                levels, numbers = np.unique(read.values, return_counts=True)
                self.pixels.update(dict(zip(levels.tolist(), numbers.tolist(), strict=True)))

    def _name_otherwise(self) -> None:
        """No name fits a value: give the only name to the only value, else forget them."""
        if self.colours:
            self.colours = False
            self.count_values()
        levels = [level for level in self.pixels if level]
        names = [name for name in self.named.names.values() if name.lower() not in BACKGROUND]
        fits = len(levels) == len(names) == 1
        self.named = ValueNames({levels[0]: names[0]}, source=self.named.source) if fits else ValueNames()

    def read(self, mask: str) -> Read:
        """Return the values of a mask, as colours where the set is in colour."""
        return read_values(self.tree, mask, colours=self.colours)

    def sample(self) -> list[Read]:
        """Return some of the masks."""
        names = sorted(
            mask for picture, found in self.pairs.masks.items() if picture not in self.broken for mask in found
        )
        return [self.read(name) for name in names[:: max(1, len(names) // SAMPLE)]]

    def name(self, level: int) -> str:
        """Return what a value is called."""
        if level in self.named.names:
            return self.named.names[level]
        return f"colour #{level:06x}" if self.colours else f"level {level}"

    @property
    def pictures(self) -> list[tuple[str, list[str]]]:
        """Pictures whose masks can be read, with them."""
        return [(picture, masks) for picture, masks in self.pairs.masks.items() if picture not in self.broken]
