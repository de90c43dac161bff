"""The tasks a model can learn, and all that differs between them: one record per task.

Code that behaves differently by task asks the record what it needs to know: `TASKS[dataset.task].has_label_files`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

Task = Literal["detect", "segment", "semantic", "pose", "obb", "classify"]


@dataclass(frozen=True, kw_only=True)
class TaskRecord:
    """What there is to know about one task."""

    name: Task
    to_do: str
    """what a model learns, after "to": find and box objects (detection)"""
    does: str
    """what a model does, after its name: finds and boxes objects (detection)"""
    judges: Literal["objects", "pictures", "pixels"]
    """what gets a class: each object of a picture, the picture as a whole, or each of its pixels"""
    shape: Literal["box", "outline", "corners", "points", ""]
    """what a label says of an object's place; "" where no object is labelled"""
    labels: Literal["rows", "folders", "masks"]
    """where labels are kept: a text of rows per picture, the folder of a class around it, or a PNG of class ids"""

    suffix: str
    """how the names of its checkpoints end: yolo11n-seg"""
    pretrained_on: str
    """what official checkpoints learned from"""
    usual_size: int
    """side in pixels for which GFLOPs are told; classifiers learned at it as well"""
    network: str
    trainer: str
    validator: str
    """Ultralytics' classes, as `pkgutil.resolve_name` takes them"""
    metrics_part: str = ""
    """the part of Ultralytics' validation result that is the task's own measure; "" where there is one only"""

    headline: str = "mAP50-95"
    """the figure that runs are compared by"""
    report_figures: tuple[str, ...] = ("recall", "precision", "mAP50", "mAP50-95")
    """the figures a report opens with"""
    measure: str = ""
    """what overlap is measured by, where it is not the box: mask, pose, rotated box"""
    layers: tuple[str, ...] = ("boxes", "names")
    """what can be drawn of an answer, as in `core.delivery.predict.drawing.LAYERS`"""

    fits_tiles: bool = False
    """findings in parts of a big picture can be joined"""
    fits_teacher: bool = True
    """a model can learn from a larger one as well (distillation)"""
    fits_cached_features: bool = False
    """training can go on from stored features of a frozen backbone"""
    fits_class_weights: bool = True
    """Ultralytics can weigh rare classes more"""
    fits_bundle: bool = True
    """the scripts of a bundle can serve it"""

    @property
    def finds_objects(self) -> bool:
        """Whether an answer is a list of objects, each with a confidence; an operating point decides which count."""
        return self.judges == "objects"

    @property
    def names_pictures(self) -> bool:
        """Whether an answer is one class for a whole picture, read off its middle square."""
        return self.judges == "pictures"

    @property
    def names_pixels(self) -> bool:
        """Whether an answer is a class for each pixel."""
        return self.judges == "pixels"

    @property
    def counted(self) -> str:
        """What the numbers per class count, in the plural: objects, or the pictures a class is in."""
        return "objects" if self.finds_objects else "pictures"

    @property
    def has_masks(self) -> bool:
        """Whether labels are PNG files with a class id per pixel, 255 where nothing is judged."""
        return self.labels == "masks"

    @property
    def has_label_files(self) -> bool:
        """Whether each picture has a file with its labels, and the dataset a data.yaml."""
        return self.labels != "folders"

    @property
    def has_class_folders(self) -> bool:
        """Whether pictures lie in the folders of their classes."""
        return self.labels == "folders"

    @property
    def has_polygons(self) -> bool:
        """Whether a label is a line of points around the object: free outlines, or the corners of rotated boxes."""
        return self.shape in ("outline", "corners")

    @property
    def has_keypoints(self) -> bool:
        """Whether a label has a box and key points in it."""
        return self.shape == "points"

    @property
    def has_shapes(self) -> bool:
        """Whether there is more to draw of an object than an upright box."""
        return self.has_polygons or self.has_keypoints

    @property
    def is_rotated(self) -> bool:
        """Whether boxes stand at any angle."""
        return self.shape == "corners"

    @property
    def is_drawn_freely(self) -> bool:
        """Whether labels of any shape, boxes or outlines, can be turned into those of this task."""
        return self.finds_objects and not self.has_keypoints


_RECORDS = (
    TaskRecord(
        name="detect",
        to_do="find and box objects (detection)",
        does="finds and boxes objects (detection)",
        judges="objects",
        shape="box",
        labels="rows",
        suffix="",
        pretrained_on="COCO: 118,000 everyday photographs, 80 kinds of objects",
        usual_size=640,
        network="ultralytics.nn.tasks:DetectionModel",
        trainer="ultralytics.models.yolo.detect:DetectionTrainer",
        validator="ultralytics.models.yolo.detect:DetectionValidator",
        metrics_part="box",
        fits_tiles=True,
        fits_cached_features=True,
    ),
    TaskRecord(
        name="segment",
        to_do="outline objects (segmentation)",
        does="outlines objects (segmentation)",
        judges="objects",
        shape="outline",
        labels="rows",
        suffix="-seg",
        pretrained_on="COCO: 118,000 everyday photographs, 80 kinds of objects, with outlines",
        usual_size=640,
        network="ultralytics.nn.tasks:SegmentationModel",
        trainer="ultralytics.models.yolo.segment:SegmentationTrainer",
        validator="ultralytics.models.yolo.segment:SegmentationValidator",
        metrics_part="seg",
        report_figures=("recall", "precision", "mask mAP50", "mask mAP50-95", "mAP50-95"),
        measure="mask",
        layers=("masks", "boxes", "names"),
        fits_tiles=True,
    ),
    TaskRecord(
        name="semantic",
        to_do="give every pixel its class (semantic segmentation)",
        does="gives every pixel its class (semantic segmentation)",
        judges="pixels",
        shape="",
        labels="masks",
        suffix="-sem",
        pretrained_on="Cityscapes: 3,000 street scenes, every pixel one of 19 classes",
        usual_size=640,
        network="ultralytics.nn.tasks:SemanticSegmentationModel",
        trainer="ultralytics.models.yolo.semantic:SemanticSegmentationTrainer",
        validator="ultralytics.models.yolo.semantic:SemanticSegmentationValidator",
        headline="mIoU",
        report_figures=("mIoU", "pixel_accuracy"),
        layers=("masks",),
        fits_teacher=False,
        fits_bundle=False,
    ),
    TaskRecord(
        name="pose",
        to_do="find body or key points (pose)",
        does="finds objects and their key points (pose)",
        judges="objects",
        shape="points",
        labels="rows",
        suffix="-pose",
        pretrained_on="COCO: 57,000 photographs of people with 17 body points",
        usual_size=640,
        network="ultralytics.nn.tasks:PoseModel",
        trainer="ultralytics.models.yolo.pose:PoseTrainer",
        validator="ultralytics.models.yolo.pose:PoseValidator",
        metrics_part="pose",
        report_figures=("recall", "precision", "pose mAP50", "pose mAP50-95", "mAP50-95"),
        measure="pose",
        layers=("points", "boxes", "names"),
    ),
    TaskRecord(
        name="obb",
        to_do="find and box objects at any angle (oriented boxes)",
        does="finds and boxes objects at any angle (oriented boxes)",
        judges="objects",
        shape="corners",
        labels="rows",
        suffix="-obb",
        pretrained_on="DOTA: aerial pictures, 15 kinds of objects",
        usual_size=640,
        network="ultralytics.nn.tasks:OBBModel",
        trainer="ultralytics.models.yolo.obb:OBBTrainer",
        validator="ultralytics.models.yolo.obb:OBBValidator",
        metrics_part="box",
        measure="rotated box",
        fits_tiles=True,
    ),
    TaskRecord(
        name="classify",
        to_do="sort pictures into classes (classification)",
        does="sorts pictures into classes (classification)",
        judges="pictures",
        shape="",
        labels="folders",
        suffix="-cls",
        pretrained_on="ImageNet: 1.2 million photographs, 1,000 kinds of things",
        usual_size=224,
        network="ultralytics.nn.tasks:ClassificationModel",
        trainer="ultralytics.models.yolo.classify:ClassificationTrainer",
        validator="ultralytics.models.yolo.classify:ClassificationValidator",
        headline="top1",
        report_figures=("top1", "balanced_accuracy", "AUROC"),
        layers=(),
        fits_teacher=False,
        fits_class_weights=False,
    ),
)

TASKS: Mapping[str, TaskRecord] = MappingProxyType({record.name: record for record in _RECORDS})
"""Every task by its name, as it stands in dataset.json, spec.json and on the command line."""
