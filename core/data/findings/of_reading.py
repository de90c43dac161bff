"""What can be found while an upload is read: left out or changed on its way in. The copy does not show it any more."""

from __future__ import annotations

from core.data.dataset import FindingKind as Kind
from core.data.dataset import Severity

W, I = Severity.WARNING, Severity.INFO  # noqa: E741

READING: dict[str, Kind] = {
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
    "nested-archive": Kind(
        W,
        "One archive inside the upload was not opened.",
        "{n} archives inside the upload were not opened.",
        "Its pictures and labels are missing here: unpack it first, or import the archives together.",
    ),
    "other-files": Kind(
        I,
        "One file is neither a picture nor a label of this set, and was left out.",
        "{n} files are neither pictures nor labels of this set, and were left out.",
    ),
    "video-frames": Kind(
        I,
        "One frame of a video was taken as a picture.",
        "{n} frames of videos were taken as pictures.",
        "Frames of one video are alike, so they are never divided over two parts of the split; of a video that comes "
        "alone it is a stretch of it that stays together, and between two stretches one frame is left out.",
    ),
    "video-copies": Kind(
        I,
        "One frame of a video shows the same as the frame before it and was left out.",
        "{n} frames of videos show the same as the frame before them and were left out.",
    ),
    "video-cut-short": Kind(
        W,
        "One video is damaged: frames were taken up to there.",
        "{n} videos are damaged: frames were taken up to there.",
        "The file may not have been copied completely: fetch it again, or go on without its end.",
    ),
    "video-unreadable": Kind(
        W,
        "One video can't be read and was left out.",
        "{n} videos can't be read and were left out.",
        "It is damaged, or of a kind that is not known here: save it as MP4 (H.264).",
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
        "One picture has more than 8 bits per channel and was windowed to 8 bits.",
        "{n} pictures have more than 8 bits per channel and were windowed to 8 bits.",
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
    "channels-left-out": Kind(
        W,
        "One picture has more channels than red, green and blue; the first three were kept (of two, the first).",
        "{n} pictures have more channels than red, green and blue; the first three were kept (of two, the first).",
        "The models learn from three channels; choose and save the three that show most, if these are not.",
    ),
    "dicom-identity": Kind(
        I,
        "The identity tags of one DICOM file (name, birth date, institution) were not copied.",
        "The identity tags of {n} DICOM files (name, birth date, institution) were not copied.",
        "Text burnt into the pixels stays: look at the pictures before you share them.",
    ),
    "dicom-overlay": Kind(
        I,
        "One DICOM file carries graphics in planes of their own (overlays), which were not drawn into the picture.",
        "{n} DICOM files carry graphics in planes of their own (overlays), which were not drawn into the pictures.",
        "What somebody drew on a picture would give the answer away to the model.",
    ),
    "pages-left-out": Kind(
        W,
        "One file has more than 2,000 pages or frames; those after were left out.",
        "{n} files have more than 2,000 pages or frames; those after were left out.",
        "Neighbouring frames show nearly the same; take every tenth, say, and import those.",
    ),
    "in-several-tiles": Kind(
        I,
        "One object lies in several tiles and is labelled in each.",
        "{n} objects lie in several tiles and are labelled in each.",
        "Tiles overlap by a fifth, so that what lies on a border is whole in one of them. Objects and pictures are "
        "counted by tiles from here on.",
    ),
    "volumes-left-out": Kind(
        W,
        "One volume of a case or a file that holds several (channels, times) was left out; the first was taken.",
        "{n} volumes of cases or files that hold several (channels, times) were left out; the first was taken.",
        "A picture shows one volume; import the other channel by itself if it shows more.",
    ),
    "volume-without-label": Kind(
        W,
        "One volume has no label volume and was left out.",
        "{n} volumes have no label volume and were left out.",
        "Its slices would be learnt as pictures with nothing on them.",
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
        "One label row ends with a number more than its object needs (a confidence?), which was left out.",
        "{n} label rows end with a number more than their objects need (a confidence?), which was left out.",
        "Rows like these often come from a model's predictions, not from a person.",
    ),
    "keypoint-confidence": Kind(
        W,
        "One object gives each of its points a confidence instead of seen, hidden or missing; from .5 it is seen.",
        "{n} objects give each of their points a confidence instead of seen, hidden or missing; from .5 it is seen.",
        "Rows like these come from a model's predictions, not from a person.",
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
    "odd-outline": Kind(
        W,
        "One outline has fewer than three points, or half a point too many, and was left out; its box is used.",
        "{n} outlines have fewer than three points, or half a point too many, and were left out; their boxes are used.",
        "Such an outline can't be drawn; where there is no box either, the object is left out as a row.",
    ),
    "parts-joined": Kind(
        I,
        "One object consists of several separate outlines; they were joined into one.",
        "{n} objects consist of several separate outlines; they were joined into one each.",
    ),
    "points-alone": Kind(
        I,
        "One picture has labelled points and no box; all its points were taken for one object.",
        "{n} pictures have labelled points and no box; all points of a picture were taken for one object.",
        "If a picture shows several, draw a box around each, so that its points can be told apart.",
    ),
    "track-filled": Kind(
        I,
        "One box of a video was put on the straight line between two key frames.",
        "{n} boxes of a video were put on the straight line between two key frames.",
        "Look at a few of them: what moves in curves is off between its key frames.",
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
    "names-differ": Kind(
        W,
        "One more file names other classes; it was not used.",
        "{n} more files name other classes; they were not used.",
        "With the wrong list every number is a wrong class: look at the pictures, and leave one list in the upload.",
    ),
    "names-from-list": Kind(
        I,
        "The class names come from {more}.",
        "The class names come from {more}.",
        "A labelling tool keeps this file as its menu. Look at the pictures: do the names fit the boxes?",
    ),
    "label-shared": Kind(
        W,
        "One label file belongs to two pictures that differ in their ending or folder only; both got its labels.",
        "{n} label files belong to several pictures that differ in their ending or folder only; all got the labels.",
        "If the pictures are not the same scene, one of them has the labels of the other.",
    ),
    "decimal-comma": Kind(
        I,
        "One label file writes numbers with a decimal comma; it was read as a point.",
        "{n} label files write numbers with a decimal comma; it was read as a point.",
    ),
    "no-class-names": Kind(
        W,
        "The upload names no classes; the one class number was given a stand-in name.",
        "The upload names no classes; {n} class numbers were given stand-in names (class_0, class_1, ...).",
        "Rename them on this page, or add a data.yaml or classes.txt, before you read any result.",
    ),
    "task-assumed": Kind(I, "{more}", "{more}", "Choose the task yourself in the import settings if this is wrong."),
    "reading-chosen": Kind(
        I,
        "Several readings fitted, and one was taken: {more}",
        "In {n} places several readings fitted, and one was taken: {more}",
        "Import again with another choice if this is not what was meant; `import --dry-run` lists them all.",
    ),
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
    "several-classes": Kind(
        W,
        "One picture has several classes and was left out.",
        "{n} pictures have several classes and were left out.",
        "A classification learns one class per picture.",
    ),
    "missing-mask": Kind(
        W,
        "One picture has no mask and was left out.",
        "{n} pictures have no mask and were left out.",
        "A picture without a mask says nothing about its pixels, so nothing can be learned from it.",
    ),
    "mask-disputed": Kind(
        W,
        "One mask fits several pictures of the same name and was left out.",
        "{n} masks fit several pictures of the same name and were left out.",
        "A mask on the wrong picture teaches the wrong thing: give its folders the names of those of its picture.",
    ),
    "mask-not-chosen": Kind(
        I,
        "One mask lies in a folder of masks that was not chosen, and was left out.",
        "{n} masks lie in folders of masks that were not chosen, and were left out.",
    ),
    "split-shows-nothing": Kind(
        I,
        "All pictures with something marked on them ({more}) lay in test, so the split was made anew.",
        "All pictures with something marked on them ({more}) lay in test, so the split was made anew.",
    ),
    "folder-without-pictures": Kind(
        W,
        "One folder beside those of the classes holds no picture, so it is no class.",
        "{n} folders beside those of the classes hold no picture, so they are no classes.",
        "If it should be one, put its pictures in and import again: a model can’t learn what it is never shown.",
    ),
    "missing-class": Kind(
        W,
        "One picture has no class and was left out.",
        "{n} pictures have no class and were left out.",
        "A picture without a class can't be learnt from in classification.",
    ),
}
