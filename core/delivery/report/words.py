"""The sentences of the report: what is known of a run, its data and its evaluation, in words for people who decide."""

from __future__ import annotations

from typing import Any

from core.data.dataset import Dataset, Severity
from core.evaluation.crossfit.rules import MAX_F1
from core.evaluation.evaluation import Evaluation
from core.evaluation.figures.figure import UNKNOWN
from core.evaluation.figures.operating_point import load_operating_point
from core.evaluation.verdict import sureness_sentence
from core.metric_words import validator_words
from core.models.catalog import find_model
from core.models.weights import OWN_FILE
from core.spec import TrainingSpec
from core.tasks import TASKS
from core.training.records.progress import RunProgress
from core.training.store import Run
from core.words import SPLIT_WORDS, count, date, duration, points, score, times, value_between

PLACES_OF_THE_MACHINE = frozenset({"data", "project", "save_dir", "name", "exist_ok", "cfg", "source", "resume"})


def facts(run: Run, dataset: Dataset, author: str) -> str:
    """Return the line under the title."""
    parts = [f"{run.model} on “{dataset.name}”", TASKS[dataset.task].does, f"trained {date(run.ended or run.created)}"]
    return ", ".join(parts) + (f". Made by {author}" if author else "")


def interval_note(evaluation: Evaluation, dataset: Dataset) -> str:
    """Say on which pictures the figures rest and what the intervals mean."""
    part = SPLIT_WORDS[evaluation.split]
    unseen = "which it has never learned from"
    if evaluation.split == "test":
        unseen = f"opened {times(len(dataset.test_openings))}" if dataset.test_openings else unseen
    expected = ""
    if evaluation.expected is not None and (evaluation.expected.line or evaluation.expected.epoch):
        expected = (
            " “Expected” is what new pictures will give: line or best epoch were chosen on these, which flatters, so "
            "that it may differ a little from what was counted here."
        )
    return (
        f"Judged on {count(evaluation.images, f'{part} picture')}, {unseen}. The bands hold the true figure in 95 of "
        f"100 sets like this one (bootstrap over pictures, or over groups where they are known).{expected}"
    )


def trained_on(run: Run, dataset: Dataset, progress: RunProgress) -> str:
    """Say what the model learned from and what it knew before."""
    pictures = count(dataset.images.get("train", 0), "picture")
    labelled = sum(dataset.instances_by_split.get("train", {}).values())
    things = "" if not TASKS[dataset.task].finds_objects else f" with {count(labelled, 'labelled object')}"
    names = ", ".join(dataset.classes[:8]) + (
        f" and {len(dataset.classes) - 8} more" if len(dataset.classes) > 8 else ""
    )
    text = f"{pictures}{things} of the classes {names}. "
    spec = run.spec
    taught = (
        f" It also learned from a teacher, {spec.teacher}, {spec.teacher_weights['origin']}." if spec.teacher else ""
    )
    if not spec.strategy.reuses:
        return f"{text}It started from random numbers and knew nothing before.{taught}"
    if run.model.startswith("run:"):
        return f"{text}It started from the model of the run {run.model.removeprefix('run:')}.{taught}"
    known = find_model(run.model)
    before = f"{run.model}, pre-trained on {known.pretrained_on}" if known else f"the weights {run.model}"
    if known and spec.transfer.get("origin") == OWN_FILE:
        before = f"a file named {known.file} that was brought in (what it was trained on before is not known to Graft)"
    reused = f" {progress.transfer['message']}" if progress.transfer.get("message") else ""
    return f"{text}It started from {before}.{reused}"


def operating_point(run: Run, evaluation: Evaluation) -> str:
    """Say above which confidence a finding counts and how that was chosen."""
    confidence, positive = evaluation.operating_point.confidence, evaluation.operating_point.positive
    if confidence is None:
        one = "pixel" if TASKS[evaluation.task].names_pixels else "picture"
        return f"None: each {one} gets the class the model holds likeliest."
    stored = load_operating_point(run.folder)
    rule = (stored.rule if stored else "") or "Ultralytics’ default"
    if rule == MAX_F1 and evaluation.detector is not None and not evaluation.detector.arrays.hit.any():
        return (
            f"A finding counts from a confidence of {score(confidence)} on, the usual value: nothing this model finds "
            "is right, so there is nothing to choose a line by."
        )
    if rule == MAX_F1:
        rule = "the best balance of finding and false alarms (highest F1)"
    where = f" on the {SPLIT_WORDS[stored.chosen_on]} pictures" if stored and stored.chosen_on in SPLIT_WORDS else ""
    if positive is not None:
        [other] = set(evaluation.classes) - {positive}
        return (
            f"A picture gets the class “{positive}” from a confidence of {score(confidence)} in it on, else "
            f"“{other}”: {rule[:1].lower()}{rule[1:]}{where}. All counts in this report use it; AUROC is over all "
            "confidences."
        )
    return (
        f"A finding counts from a confidence of {score(confidence)} on, chosen for {rule}{where}. All counts in this "
        "report use it; mAP is over all confidences. A finding is right when it overlaps a label of its class by "
        f"at least {evaluation.operating_point.iou} (IoU)."
    )


def intended_use(evaluation: Evaluation, dataset: Dataset) -> list[str]:
    """Return a careful sentence on what the model is for."""
    names = ", ".join(dataset.classes[:8])
    verb = "Telling apart" if TASKS[evaluation.task].names_pictures else "Pointing out"
    return [
        f"{verb} {names} in pictures taken the same way as the training pictures: same kind of camera or device, same "
        "subject, same distance and light. It supports a person who looks at the picture; that person decides."
    ]


def not_for(evaluation: Evaluation, dataset: Dataset) -> list[str]:
    """Return what the model must not be used for without more work."""
    missing = "A picture without a finding is not proof that nothing is there."
    lines = [
        "Decisions without a person, above all diagnosis, safety or law: it holds no approval for any of these.",
        "Pictures from other devices, sites or subjects than those it learned from, before it was checked on them.",
        missing
        if TASKS[evaluation.task].finds_objects
        else f"{TASKS[evaluation.task].judges.capitalize()} of none of its classes: it names one all the same.",
    ]
    if dataset.window:
        lines.append("Pictures of more than 8 bits windowed in another way than the training pictures.")
    return lines


def limits(evaluation: Evaluation, dataset: Dataset) -> list[str]:
    """Return what weakens the verdict, each with its figure."""
    task = TASKS[evaluation.task]
    told = evaluation.told("recall" if task.finds_objects else task.headline)
    main = told.figure if told else UNKNOWN
    lines = []
    width = round(main.high, 2) - round(main.low, 2) if main.has_interval else 0.0  # of the ends as they are told
    if width > 0.1:
        lines.append(f"The verdict is known only to {points(width)} points ({value_between(main)}).")
    if evaluation.split == "val":
        has_line = evaluation.operating_point.confidence is not None
        chosen = "the best epoch and the operating point were" if has_line else "the best epoch was"
        lines.append(
            f"Judged on the validation pictures, on which {chosen} chosen. "
            + (
                "The headline is corrected for that; counts, mAP and figures by class are as counted."
                if evaluation.expected is not None and evaluation.expected.epoch and task.finds_objects
                else "The headline is corrected for that; other figures are as counted."
                if evaluation.expected is not None and evaluation.expected.epoch
                else "Expect figures a little too rosy."
            )
            + (" A test part exists and was not opened for this report." if dataset.images.get("test") else "")
        )
    if evaluation.leak_aware:
        lines.append(f"Near twins of training pictures among those it was judged on: {evaluation.leak_aware.twins}.")
    labelled = {name: item.objects for name, item in evaluation.per_class.items()}
    absent = [name for name in evaluation.classes if not labelled.get(name)]
    if absent:
        lines.append(f"Nothing can be said about {', '.join(absent[:8])}: not labelled in these pictures.")
    few = [name for name in evaluation.classes if 0 < labelled.get(name, 0) < 10]
    if few:
        lines.append(f"Fewer than ten labelled examples to judge by: {', '.join(few[:8])}.")
    for item in evaluation.slices:
        if item.worse and item.by not in ("source", "group", "class"):
            lines.append(f"Clearly worse where {item.name}: {value_between(item.figure)}.")
    lines += [item.message for item in dataset.findings if item.severity is not Severity.INFO][:5]
    lines.append("One training run: another seed would give somewhat other figures.")
    return lines


def how_to_use(run: Run, evaluation: Evaluation) -> list[str]:
    """Return how the model has to be fed and read to behave as in this report."""
    size = run.spec.imgsz
    fed = (
        f"The shorter side is scaled to {size} px and the middle square is used"
        if TASKS[evaluation.task].names_pictures
        else f"Pictures are scaled so that the longer side has {size} px and padded with grey (114)"
    )
    lines = [f"{fed}; colour values are divided by 255."]
    confidence, positive = evaluation.operating_point.confidence, evaluation.operating_point.positive
    if positive is not None:
        lines.append(f"A picture is named “{positive}” from a confidence of {score(confidence)} in it on.")
    elif confidence is not None:
        lines.append(f"Findings below {score(confidence)} are dropped; doubles are removed at an overlap of 0.7 (NMS).")
    lines.append("Check it anew on a few dozen of your own labelled pictures before it is used, and again when the "
                 "device, the site or the product changes.")  # fmt: skip
    return lines


def identity(run: Run, dataset: Dataset, sha256: str) -> list[tuple[str, str]]:
    """Return what tells this model from any other."""
    return [
        ("Run", run.id),
        ("Weights (SHA-256)", sha256),
        ("Dataset (SHA-256 over pictures and labels)", dataset.checksum or "not recorded"),
        *([("Version of the labels", str(version))] if (version := run.spec.labels_version) else []),
    ]


def dataset_card(dataset: Dataset) -> str:
    """Say what the dataset is, how it was split and windowed."""
    total = count(sum(dataset.images.values()), "picture")
    text = f"“{dataset.name}”: {total}, {count(len(dataset.classes), 'class')}, read from "
    text += f"the layout {dataset.format}. {dataset.split_note}"
    if dataset.window and dataset.window not in dataset.split_note:
        text += f" Window: {dataset.window.rstrip('.')}."
    if dataset.test_locked:
        text += f" The test part is locked; it was opened {times(len(dataset.test_openings))}."
    return text


def training(run: Run, progress: RunProgress) -> str:
    """Say how long it trained, on what and which epoch was kept."""
    spec = run.spec
    text = f"{spec.strategy.title}. {count(run.epochs_done, 'epoch')} of {progress.epochs or spec.epochs} on "
    text += "the processor (CPU)" if run.device == "cpu" else f"the graphics card (device {run.device})"
    if run.seconds:
        text += f" in {duration(run.seconds)}"
    text += f"; the model after epoch {run.best_epoch} was kept." if run.best_epoch else "."
    if progress.early:
        text += f" It ended early: no better result for {spec.patience} epochs."
    return f"{text} {validator_words(progress.ultralytics)}".rstrip()


def plan_settings(spec: TrainingSpec) -> list[tuple[str, Any]]:
    """Return the settings of the run that were chosen, the main ones first."""
    main = ("model", "strategy", "epochs", "goes_on", "imgsz", "batch", "patience", "seed", "device")
    told = [name for name in main if name != "goes_on" or spec.goes_on]
    return [(name, getattr(spec, name)) for name in told] + sorted(spec.extra.items())


def setting_reason(spec: TrainingSpec, name: str, value: Any) -> str:
    """Return why a setting has its value: the recorded reason, else whose choice it was."""
    if name in spec.reasons:
        return spec.reasons[name]
    field = TrainingSpec.model_fields.get(name)
    return "Graft’s default." if field is not None and field.default == value else "Chosen for this run."


def setting_title(name: str) -> str:
    """Return a setting's title where it has one, else its own name."""
    field = TrainingSpec.model_fields.get(name)
    return (field.title if field else None) or name


def epochs_value(planned: int, progress: RunProgress) -> str:
    """Return how many epochs were planned and, where they are others, how many were trained."""
    return f"{planned} planned, {progress.epochs_done} trained" if planned != progress.epochs_done else str(planned)


def setting_value(value: Any) -> str:
    """Return a setting's value as it is read."""
    if value is None:
        return "automatic"
    if isinstance(value, float):
        return f"{value:g}"
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


def calibration(evaluation: Evaluation) -> str:
    """Say how far the stated confidence can be trusted."""
    if TASKS[evaluation.task].names_pixels:
        return "The class of a pixel is told without how sure that is."
    error = evaluation.calibration.error
    if not error.is_known:
        return "How far its stated confidence can be trusted is not known: too few answers."
    sure = evaluation.calibration.sure
    said = f"On average its stated confidence is {points(error.value)} points away from how often it is right (ECE)."
    return f"{said} {sureness_sentence(sure)}" if sure else said


def picture_note(evaluation: Evaluation) -> str:
    """Say how the pictures are to be read."""
    if TASKS[evaluation.task].names_pixels:
        return (
            "Colours are the classes the model gave the pixels, the same as in the tables. Numbers are places in the "
            "list of the part; names of files are left out."
        )
    if TASKS[evaluation.task].names_pictures:
        return "Numbers are places in the list of the part; names of files are left out."
    return (
        "Solid lines are labels, dashed ones the model’s answers with their confidence; a cross marks a miss, a "
        "triangle a false alarm. Numbers are places in the list of the part; names of files are left out."
    )


def digests(run: Run, dataset: Dataset, sha256: str) -> list[tuple[str, str]]:
    """Return digests and versions."""
    from importlib import metadata

    rows = [*identity(run, dataset, sha256), ("Trained", f"{run.created:%Y-%m-%d %H:%M} UTC, seed {run.spec.seed}")]
    for name in ("ultralytics", "torch"):
        try:
            rows.append((f"{name} installed here", metadata.version(name)))
        except metadata.PackageNotFoundError:
            continue  # a machine that only writes reports
    return rows
