"""Every kind of finding in one list: how much it matters, what it says, why it matters, what fixes it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from core.data.dataset import Finding, Severity

MAX_EXAMPLES = 10


@dataclass(frozen=True)
class Kind:
    """One kind of finding; `one` and `many` are its sentence for a count of one and of more (`{n}`, `{more}`)."""

    severity: Severity
    one: str
    many: str
    why: str = ""
    fix: str = ""


E, W, I = Severity.ERROR, Severity.WARNING, Severity.INFO  # noqa: E741

KINDS: dict[str, Kind] = {
    # What was left out or changed while reading
    "archive-junk": Kind(
        I,
        "One file that an operating system left behind was ignored.",
        "{n} files that operating systems leave behind (__MACOSX, Thumbs.db and the like) were ignored.",
    ),
    "link-not-followed": Kind(
        W,
        "One symbolic link was not followed.",
        "{n} symbolic links were not followed.",
        "What a link points to may lie anywhere on this machine, so only real files are read.",
    ),
    "other-files": Kind(
        I,
        "One file is neither a picture nor a label of this set, and was left out.",
        "{n} files are neither pictures nor labels of this set, and were left out.",
    ),
    "unreadable-image": Kind(
        W,
        "One picture can't be read and was left out.",
        "{n} pictures can't be read and were left out.",
        "A damaged or truncated file would stop the training or teach it grey patches.",
    ),
    "image-too-large": Kind(
        W,
        "One picture is too large to open safely and was left out.",
        "{n} pictures are too large to open safely and were left out.",
        "Cut such a picture into tiles first; the model sees about 640 x 640 pixels at a time.",
    ),
    "image-too-small": Kind(
        W,
        "One picture is under 10 pixels wide or high and was left out.",
        "{n} pictures are under 10 pixels wide or high and were left out.",
        "The training would skip them without a word.",
    ),
    "image-converted": Kind(
        I,
        "One picture was converted to an 8-bit PNG file.",
        "{n} pictures were converted to 8-bit PNG files.",
        "The training reads 8-bit pictures of the common formats only; your own files stay as they are.",
    ),
    "windowed": Kind(
        I,
        "One picture has more than 8 bits a channel and was windowed to 8 bits.",
        "{n} pictures have more than 8 bits a channel and were windowed to 8 bits.",
        "The training sees 256 grey levels; the window decides which of the source's levels they show.",
    ),
    "window-not-hounsfield": Kind(
        W,
        "One picture carries no Hounsfield units, so the named window could not be used on it.",
        "{n} pictures carry no Hounsfield units, so the named window could not be used on them.",
        "They were windowed automatically instead (0.5 to 99.5 percentile).",
    ),
    "exif-rotated": Kind(
        I,
        "One picture was turned upright as its camera noted (EXIF).",
        "{n} pictures were turned upright as their camera noted (EXIF).",
    ),
    "exif-ignored": Kind(
        W,
        "One picture carries a camera rotation that its labels ignore; it was kept as the labels see it.",
        "{n} pictures carry a camera rotation that their labels ignore; they were kept as the labels see them.",
        "Turning the picture but not its boxes would put every box in the wrong place.",
    ),
    "transparency-flattened": Kind(
        I,
        "One picture has transparent parts; they were filled with white.",
        "{n} pictures have transparent parts; they were filled with white.",
    ),
    "multi-page": Kind(
        I,
        "One file holds several pages or frames.",
        "{n} files hold several pages or frames.",
    ),
    "dicom-identity": Kind(
        I,
        "The identity tags of one DICOM file (name, birth date, institution) were not copied.",
        "The identity tags of {n} DICOM files (name, birth date, institution) were not copied.",
        "Text burnt into the pixels stays: look at the pictures before you share them.",
    ),
    "renamed-image": Kind(
        I,
        "One picture shares its name with another and was renamed.",
        "{n} pictures share their name with another and were renamed.",
    ),
    "not-in-split": Kind(
        W,
        "One picture is in no part of the source's own split and was left out.",
        "{n} pictures are in no part of the source's own split and were left out.",
        "Import with a split of your own (for example 70/20/10) to use every picture.",
    ),
    "splits-share-folder": Kind(
        W,
        "Two parts of the source's split are the same pictures, so a split was made anew.",
        "{n} parts of the source's split are the same pictures, so a split was made anew.",
        "Judging a model on the pictures it learnt from says nothing about new ones.",
    ),
    "yaml-path-missing": Kind(
        W,
        "One path in data.yaml leads nowhere; the folders of the upload were used instead.",
        "{n} paths in data.yaml lead nowhere; the folders of the upload were used instead.",
    ),
    "list-entry-missing": Kind(
        W,
        "One entry of a split list names a picture that is not in the upload.",
        "{n} entries of the split lists name pictures that are not in the upload.",
    ),
    "yaml-download-ignored": Kind(
        W,
        "data.yaml holds a download address; it was ignored.",
        "{n} yaml files hold a download address; it was ignored.",
        "Nothing is fetched from the net that you did not ask for.",
    ),
    "image-missing": Kind(
        W,
        "One label file or entry has no picture and was left out.",
        "{n} label files or entries have no picture and were left out.",
        "Either pictures were lost on the way, or names differ between pictures and labels.",
    ),
    "unreadable-label": Kind(
        W,
        "One label file can't be read; its picture was left out.",
        "{n} label files can't be read; their pictures were left out.",
        "A picture without its labels would be learnt as one with nothing on it.",
    ),
    "bad-row": Kind(
        W,
        "One label row is not in the expected form and was left out.",
        "{n} label rows are not in the expected form and were left out.",
        "The training would drop the whole picture without a word.",
    ),
    "extra-columns": Kind(
        W,
        "One box row carries a sixth number (a confidence?), which was left out.",
        "{n} box rows carry a sixth number (a confidence?), which was left out.",
        "Rows like these often come from a model's predictions, not from a person.",
    ),
    "zero-size-box": Kind(
        W,
        "One object has no width or no height and was left out.",
        "{n} objects have no width or no height and were left out.",
        "Nothing can be learnt from an empty box; it usually is a slip of the mouse.",
    ),
    "corners-swapped": Kind(
        I,
        "One box has its corners the wrong way round; they were swapped.",
        "{n} boxes have their corners the wrong way round; they were swapped.",
    ),
    "box-out-of-range": Kind(
        W,
        "One object reached past the edge of its picture and was cut off there.",
        "{n} objects reached past the edge of their picture and were cut off there.",
        "The training would drop the whole picture without a word.",
    ),
    "box-outside": Kind(
        W,
        "One object lies wholly outside its picture and was left out.",
        "{n} objects lie wholly outside their picture and were left out.",
        "The labels may belong to another picture or another size.",
    ),
    "class-out-of-range": Kind(
        W,
        "One label row has a class number that the class list does not know, and was left out.",
        "{n} label rows have a class number that the class list does not know, and were left out.",
        "The class list and the labels may come from different versions of the set.",
    ),
    "size-mismatch": Kind(
        W,
        "One picture has another size than its labels state; its labels were scaled to it.",
        "{n} pictures have another size than their labels state; the labels were scaled to them.",
        "Look at a few of them in the gallery: a cropped picture can't be repaired by scaling.",
    ),
    "mixed-labels": Kind(
        W,
        "One object is labelled in another way than the rest (box or outline).",
        "{n} objects are labelled in another way than the rest (box or outline).",
        "The training uses one way for all; outlines become their boxes, boxes become four-cornered outlines.",
    ),
    "crowd-left-out": Kind(
        I,
        "One crowd region (iscrowd) was left out.",
        "{n} crowd regions (iscrowd) were left out.",
        "A crowd marks many objects at once and is not one object to learn.",
    ),
    "parts-joined": Kind(
        I,
        "One object consists of several separate outlines; they were joined into one.",
        "{n} objects consist of several separate outlines; they were joined into one each.",
    ),
    "hole-filled": Kind(
        I,
        "One outline has a hole in it, which was filled.",
        "{n} outlines have holes in them, which were filled.",
        "A YOLO outline is one closed line and can't hold a hole.",
    ),
    "mask-specks": Kind(
        I,
        "One region of a mask is smaller than 4 pixels and was left out.",
        "{n} regions of masks are smaller than 4 pixels and were left out.",
    ),
    "unused-class-dropped": Kind(
        I,
        "One class of the source has no object and was left out of the class list.",
        "{n} classes of the source have no object and were left out of the class list.",
    ),
    "no-class-names": Kind(
        W,
        "The upload names no classes; the one class number was given a stand-in name.",
        "The upload names no classes; {n} class numbers were given stand-in names (class_0, class_1, ...).",
        "Rename them on this page, or add a data.yaml or classes.txt, before you read any result.",
    ),
    "task-assumed": Kind(I, "{more}", "{more}", "Choose the task yourself in the import settings if this is wrong."),
    "other-shape": Kind(
        W,
        "One object of another shape (line, point, circle ...) was left out.",
        "{n} objects of other shapes (lines, points ...) were left out.",
    ),
    "several-labels": Kind(
        W,
        "One picture has several labels where one is expected; the first was used.",
        "{n} pictures have several labels where one is expected; the first was used.",
    ),
    "missing-class": Kind(
        W,
        "One picture has no class and was left out.",
        "{n} pictures have no class and were left out.",
        "A picture without a class can't be learnt from in classification.",
    ),
    # What is so in the imported copy
    "no-labels": Kind(
        E,
        "There is not a single labelled object.",
        "There is not a single labelled object.",
        "Without labels there is nothing to learn: label the pictures first, or add the label files to the upload.",
    ),
    "too-few-images": Kind(
        E,
        "There is only one picture to learn from.",
        "There are only {n} pictures to learn from.",
        "The training needs at least two pictures in train and one in val.",
    ),
    "empty-split": Kind(
        E,
        "One part of the split that is needed holds no picture.",
        "{n} parts of the split that are needed hold no picture.",
        "The training needs pictures in train to learn from and in val to pick the best epoch by.",
        "Split anew",
    ),
    "single-class": Kind(
        E,
        "There is only one class, so there is nothing to tell apart.",
        "There is only one class, so there is nothing to tell apart.",
        "Add a second folder, for instance pictures of what is normal.",
    ),
    "missing-label": Kind(
        W,
        "One picture has no label file.",
        "{n} pictures have no label file.",
        "They are learnt as pictures with nothing on them; if they do show objects, the model is taught to miss them.",
        "Take pictures without a label file out",
    ),
    "empty-label": Kind(
        I,
        "One picture is labelled as having no object (background).",
        "{n} pictures are labelled as having no object (background).",
        "Some background, up to about one in ten, helps against false alarms.",
    ),
    "duplicate-box": Kind(
        W,
        "One object is labelled twice in the same place.",
        "{n} objects are labelled twice in the same place.",
        "A doubled label counts double in the training and as a miss in the evaluation.",
        "Remove doubled labels",
    ),
    "tiny-object": Kind(
        W,
        "One object is under 4 pixels wide or high once its picture is scaled to {more}.",
        "{n} objects are under 4 pixels wide or high once their picture is scaled to {more}.",
        "Too small to be seen by the model: choose a larger image size or cut the pictures into tiles.",
        "Remove objects that small",
    ),
    "whole-image-box": Kind(
        I,
        "One object covers its whole picture.",
        "{n} objects cover their whole picture.",
        "If that is so for most, classification may be the better task.",
    ),
    "identical-boxes": Kind(
        W,
        "All {n} objects have the very same box.",
        "All {n} objects have the very same box.",
        "Labels made by a script or a fixed template; the model would learn the place, not the object.",
    ),
    "class-missing-in-train": Kind(
        W,
        "One class never occurs in train.",
        "{n} classes never occur in train.",
        "What the model never sees it can't learn.",
        "Split anew, balanced by class",
    ),
    "class-missing-in-val": Kind(
        W,
        "One class never occurs in val.",
        "{n} classes never occur in val.",
        "Nothing can be said about how well they are found.",
        "Split anew, balanced by class",
    ),
    "unused-class": Kind(
        I,
        "One class of the class list has no object.",
        "{n} classes of the class list have no object.",
        "Harmless, but every table carries it along.",
        "Drop classes without objects",
    ),
    "class-names-alike": Kind(
        W,
        "One pair of class names differs by case, spacing or plural only.",
        "{n} pairs of class names differ by case, spacing or plural only.",
        "One thing under two names: the model is punished for mixing up what is the same.",
        "Merge names that are alike",
    ),
    "class-imbalance": Kind(
        W,
        "One class is more than 20 times rarer than the most frequent.",
        "{n} classes are more than 20 times rarer than the most frequent.",
        "Rare classes are learnt late and their figures are shaky; add pictures of them if you can.",
    ),
    "few-objects": Kind(
        W,
        "One class has fewer than 20 objects in train.",
        "{n} classes have fewer than 20 objects in train.",
        "Expect poor and uncertain results for them.",
    ),
    "small-val": Kind(
        I,
        "Val holds only one picture.",
        "Val holds only {n} pictures.",
        "A figure from so few pictures is uncertain by ten points and more; look at its interval.",
    ),
    "mostly-background": Kind(
        W,
        "One of the pictures has no object, which is more than half of the set.",
        "{n} pictures have no object, which is more than half of the set.",
        "A model can score well by finding nothing.",
    ),
    "duplicate-image": Kind(
        W,
        "One picture is a byte-for-byte copy of another in the same part.",
        "{n} pictures are byte-for-byte copies of others in the same part.",
        "Copies add nothing to learn and count double.",
        "Keep one of each",
    ),
    "near-duplicate-image": Kind(
        I,
        "One picture is nearly the same as another in the same part.",
        "{n} pictures are nearly the same as others in the same part.",
        "Frames of one video or augmented copies: the set is smaller than it looks.",
        "Keep one of each",
    ),
    "leak-across-splits": Kind(
        W,
        "One picture of val or test is also in train (a copy, possibly mirrored, cropped or recompressed).",
        "{n} pictures of val or test are also in train (copies, possibly mirrored, cropped or recompressed).",
        "The model is then tested on what it has learnt by heart, and every figure is too good.",
        "Move all copies to train",
    ),
    "leak-val-test": Kind(
        W,
        "One picture of test is also in val.",
        "{n} pictures of test are also in val.",
        "Test is meant to be seen once, at the very end; val picks the best epoch.",
        "Move all copies to train",
    ),
    "group-across-splits": Kind(
        W,
        "One group (patient or part) has pictures in more than one part of the split.",
        "{n} groups (patients or parts) have pictures in more than one part of the split.",
        "The model may recognise the patient or part instead of the finding.",
        "Split anew by group",
    ),
    "brightness-shift": Kind(
        W,
        "One part of the split is much brighter or darker than train.",
        "{n} parts of the split are much brighter or darker than train.",
        "The parts may come from different cameras or days; figures then mix two questions.",
    ),
    "size-shift": Kind(
        W,
        "One part of the split has pictures of a very different size than train.",
        "{n} parts of the split have pictures of a very different size than train.",
        "The parts may come from different cameras; figures then mix two questions.",
    ),
    "brightness-tells-class": Kind(
        W,
        "One class can be told by the picture's mean brightness alone.",
        "{n} classes can be told by the picture's mean brightness alone.",
        "The model may learn the exposure or the camera instead of the thing.",
    ),
}

# Codes up to "several-labels" are seen while reading only; checks of the imported copy can't find them again.
IMPORT_ONLY = frozenset(list(KINDS)[: list(KINDS).index("no-labels")])


@dataclass
class Problems:
    """Collects findings by code while reading; the first few examples of each are kept."""

    counts: Counter[str] = field(default_factory=Counter)
    examples: dict[str, list[str]] = field(default_factory=dict)
    more: dict[str, str] = field(default_factory=dict)

    def note(self, code: str, example: str = "", *, count: int = 1, more: str = "") -> None:
        """Count one more of `code` (a key of KINDS) with the file or row it concerns."""
        if code not in KINDS:
            raise KeyError(code)
        self.counts[code] += count
        if more:
            self.more[code] = more
        kept = self.examples.setdefault(code, [])
        if example and len(kept) < MAX_EXAMPLES:
            kept.append(example[:200])

    def merge(self, other: Problems) -> None:
        """Add all of another collection."""
        for code, count in other.counts.items():
            self.note(code, count=count, more=other.more.get(code, ""))
            room = MAX_EXAMPLES - len(self.examples[code])
            self.examples[code] += other.examples[code][:room]

    def findings(self) -> list[Finding]:
        """Return the findings, gravest first, in the order of KINDS within a severity."""
        rank = {E: 0, W: 1, I: 2}
        order = list(KINDS)
        codes = sorted(self.counts, key=lambda code: (rank[KINDS[code].severity], order.index(code)))
        return [
            make_finding(code, self.counts[code], self.examples.get(code, []), self.more.get(code, ""))
            for code in codes
            if self.counts[code]
        ]


def make_finding(code: str, count: int, examples: list[str], more: str = "") -> Finding:
    """Return the finding of a kind with its sentence filled in; examples beyond ten are dropped."""
    kind = KINDS[code]
    sentence = kind.one if count == 1 else kind.many
    return Finding(
        code=code,
        severity=kind.severity,
        count=count,
        message=sentence.format(n=f"{count:,}", more=more),
        examples=examples[:MAX_EXAMPLES],
        why=kind.why,
        fix=kind.fix,
    )
