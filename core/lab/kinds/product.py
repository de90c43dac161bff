"""A new product on the line: a model of the user's own learns new pictures or classes; what it gains, what it loses.

Both models are judged on the same pictures: the validation pictures of the old and of the new dataset, classes
matched by name.
"""

from __future__ import annotations

from core.data.dataset import Dataset, load_dataset
from core.errors import InputError
from core.evaluation.figures.figure import Difference
from core.lab.cross_dataset import figures, predict_files
from core.lab.experiment import ProductSettings
from core.lab.experiment_runs import ExperimentRuns, Part
from core.lab.paired_figures import difference, figure
from core.lab.results import NamedFigure, ProductResult
from core.lab.subsets import join
from core.tasks import TASKS
from core.training.runs import get_run
from core.words import points, span
from core.workspace import Workspace


def check(workspace: Workspace, new: Dataset, settings: ProductSettings) -> None:
    """Raise InputError when the run has no model, or its dataset is gone, the same or for another task."""
    run = get_run(workspace, settings.run)
    if run.best_weights is None:
        raise InputError(f"The run {run.id} has no trained model to start from (it is {run.state}).")
    old = load_dataset(workspace, run.dataset)
    if old.id == new.id:
        raise InputError(f"{run.name} was trained on {new.name} already: choose the dataset of the new product.")
    if old.task != new.task:
        raise InputError(f"{run.name} is for the task {old.task}, “{new.name}” for {new.task}: they must be the same.")
    if TASKS[old.task].names_pixels:
        raise InputError("What a new product gains and costs can't be measured for models that class every pixel yet.")
    if old.keypoint_shape != new.keypoint_shape:
        raise InputError(f"“{old.name}” and “{new.name}” have different key points: they can't be learned together.")
    if not old.images.get("val"):
        raise InputError(f"“{old.name}” has no validation pictures, so nothing could be said about what was lost.")


def drive(own_runs: ExperimentRuns) -> None:
    """Join the datasets, let the model go on learning, and judge it before and after on both."""
    settings = own_runs.experiment.settings
    assert isinstance(settings, ProductSettings)
    check(own_runs.workspace, own_runs.dataset, settings)
    new = own_runs.dataset
    source = get_run(own_runs.workspace, settings.run)
    old = load_dataset(own_runs.workspace, source.dataset)
    classes = [*old.classes, *(name for name in new.classes if name not in old.classes)]
    own_runs.say("Putting both datasets side by side.")
    joined = join(
        own_runs.workspace, old, new, classes, keep_old=settings.keep_old, made_for="",
        joined_id=f"{own_runs.experiment.id[:70]}-both",
    )  # fmt: skip
    own_runs.say(f"Learning from {joined.images['train']} pictures, starting from your model.")
    part = Part("your model, after", f"run:{source.id}", settings.strategy, settings.epochs, 0, joined.id)
    trained = own_runs.train([part]).get(part.key)
    if trained is None or trained.best_weights is None or source.best_weights is None:
        raise own_runs.nothing_trained()
    own_runs.say("Looking at the old and the new pictures with the model before and after.")
    table = joined.image_table()
    files = table[table["split"] == "val"]["file"].astype(str).tolist()
    parts = {
        "old": ([file for file in files if file.rsplit("/", 1)[1].startswith("old-")], old.classes),
        "new": ([file for file in files if file.rsplit("/", 1)[1].startswith("new-")], new.classes),
    }
    before = predict_files(source.best_weights, joined, files, imgsz=source.spec.imgsz, device=settings.device)
    after = predict_files(trained.best_weights, joined, files, imgsz=trained.spec.imgsz, device=settings.device)
    rows: list[NamedFigure] = []
    changes: dict[str, Difference] = {}
    for name, (chosen, names) in parts.items():
        was, now = (figures(predicted, joined, chosen, names) for predicted in (before, after))
        rows += [
            NamedFigure(name=f"{name} pictures, {when}", figure=figure(draws))
            for when, draws in (("before", was), ("after", now))
        ]
        changes[name] = difference(now, was)
    fresh = [name for name in new.classes if name not in old.classes]
    own_runs.status.result = ProductResult(
        figures=rows, changes=changes, dataset=joined.id, run=trained.id, new_classes=fresh
    ).stored()
    own_runs.status.sentences = product_sentences(changes["new"], changes["old"], keep_old=settings.keep_old)
    if fresh and settings.keep_old:
        own_runs.status.sentences.append(
            f"New to it: {', '.join(fresh)}. Where old pictures show these without a label, it is taught the opposite: "
            "look through them."
        )
    own_runs.save()


def product_sentences(gained: Difference, lost: Difference, *, keep_old: bool) -> list[str]:
    """Say what was gained on the new pictures and lost on the old; both are after minus before."""
    new = f"On the new pictures {_change(gained)}"
    old = f"On the old pictures {_change(lost)}"
    learned, worse = gained.decided and gained.value > 0, lost.decided and lost.value < 0
    if learned and not worse:
        first = "It learned the new product, and no loss on the old one can be seen."
    elif learned:
        first = f"It learned the new product and forgot some of the old: {points(lost.value)} points."
    elif worse:
        first = "It lost on the old product without clearly gaining on the new: keep the model you have."
    else:
        first = "These pictures don’t show a gain on the new product: train longer, or label more of it."
    said = [first, f"{new}; {old[0].lower()}{old[1:]}."]
    if worse and not keep_old:
        said.append("It saw none of the old pictures while learning. Keep showing them to it, and it forgets less.")
    return said


def _change(change: Difference) -> str:
    if not change.decided:
        return f"the difference is not decided ({span(change.low, change.high)} points)"
    word = "gained" if change.value > 0 else "lost"
    low, high = sorted((abs(change.low), abs(change.high)))
    return f"{word} {points(change.value)} points ({span(low, high)})"
