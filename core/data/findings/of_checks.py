"""What the checks can find in the imported copy: labels, classes, copies, the split."""

from __future__ import annotations

from core.data.dataset import FindingKind as Kind
from core.data.dataset import Severity

E, W, I = Severity.ERROR, Severity.WARNING, Severity.INFO  # noqa: E741

CHECKS: dict[str, Kind] = {
    "no-labels": Kind(
        E,
        "There is not a single labelled object.",
        "There is not a single labelled object.",
        "Without labels there is nothing to learn: draw them on the Label page, or add the label files to the upload.",
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
    "tiny-in-picture": Kind(
        W,
        "One object is under 4 pixels wide or high in its picture.",
        "{n} objects are under 4 pixels wide or high in their pictures.",
        "Often a slip of the hand, or a crumb of a mask. No image size shows more than there is: take such things from "
        "closer, or remove them.",
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
    "class-in-one-picture": Kind(
        W,
        "One class is in one picture only.",
        "{n} classes are in one picture only.",
        "That picture can be learned from or checked on, not both: add pictures of it, or leave the class out.",
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
        "One class has fewer than 20 objects to learn from.",
        "{n} classes have fewer than 20 objects to learn from.",
        "Expect poor and uncertain results for what is rare.",
    ),
    "small-val": Kind(
        I,
        "The validation part holds only one picture.",
        "The validation part holds only {n} pictures.",
        "A figure from so few pictures is uncertain by ten points and more; look at its interval.",
    ),
    "mostly-background": Kind(
        W,
        "One of the pictures has no object, which is more than half of the set.",
        "{n} pictures have no object, which is more than half of the set.",
        "A model can score well by finding nothing.",
    ),
    "copies-disagree": Kind(
        W,
        "One picture is a copy of another, and is labelled otherwise.",
        "{n} pictures are copies of others, and are labelled otherwise.",
        "Only one of the labels can be right, and a model learns both. Nothing is taken out by itself: mend the wrong "
        "ones on the Label page or in the source.",
    ),
    "duplicate-image": Kind(
        W,
        "One picture is an exact copy of another in the same part.",
        "{n} pictures are exact copies of others in the same part.",
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
    "group-in-names": Kind(
        W,
        "One number in the file names ({more}) has pictures in more than one part of the split.",
        "{n} numbers in the file names ({more}) have pictures in more than one part of the split.",
        "If it is a patient or part, the model may recognise it instead of the finding; numbers may also start anew.",
        "Split anew, keeping them together",
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
