"""The CLAIM 2024 checklist and the model card as one HTML file each, filled as far as is known, open fields marked.

CLAIM: Tejani, Klontzas, Gatti et al. 2024, "Checklist for Artificial Intelligence in Medical Imaging (CLAIM): 2024
Update", Radiology: Artificial Intelligence 6(4): e240300. Numbers are its; the words here are Graft's own. Model card:
Mitchell et al. 2019, "Model Cards for Model Reporting", FAT*.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import jinja2

from core.data.dataset import Dataset
from core.delivery.checklists import facts
from core.delivery.checklists.study import StudyDetails, load_study, read_study
from core.delivery.report import words
from core.errors import InputError
from core.evaluation.decisions.decide import decide
from core.evaluation.decisions.settings import DecisionSettings
from core.evaluation.evaluation import Evaluation, evaluate_run
from core.evaluation.predict.predictions import are_fresh, run_dataset
from core.files.digests import file_sha256
from core.training.records.progress import read_progress
from core.training.runs import get_run
from core.training.store import Run
from core.words import count, date
from core.workspace import Workspace, write_text_atomic

Kind = Literal["claim", "card"]
TITLES: dict[Kind, str] = {"claim": "CLAIM 2024 checklist", "card": "Model card"}
LEADS: dict[Kind, str] = {
    "claim": "The 44 items of the Checklist for Artificial Intelligence in Medical Imaging (2024). What Graft knows is "
    "filled in; what only people know is open until they say it. It describes, and claims no approval of any kind.",
    "card": "What this model is, what it is for, how good it is and what is not known. It describes, and claims no "
    "approval of any kind.",
}


@dataclass(frozen=True)
class Item:
    """One line of a document: what is asked, and what is known; "" is open."""

    number: str
    asked: str
    known: str = ""
    said: str = ""
    """by a person"""

    @property
    def is_open(self) -> bool:
        """True while nobody has said anything."""
        return not self.known and not self.said


Section = tuple[str, list[Item]]


def write_document(
    workspace: Workspace,
    run_id: str,
    out: Path,
    kind: Kind,
    study: Path | None = None,
    decisions: DecisionSettings | None = None,
) -> tuple[Path, int]:
    """Write the checklist or card of a run to `out`; return it and how many of its fields are open.

    It judges on the test part when that was opened for this model, else on the validation part. `study` is a JSON file
    of StudyDetails; without it what was said on the page counts. Raises InputError for an unknown run, a run without a
    model or dataset, or a place that can't be written to.
    """
    run = get_run(workspace, run_id)
    if run.best_weights is None:
        raise InputError(f"The run {run.id} has no trained model yet (it is {run.state}).")
    dataset = run_dataset(run.folder)
    split = "test" if dataset.images.get("test") and are_fresh(run.folder, "test", dataset) else "val"
    evaluation = evaluate_run(workspace, run.id, split)
    details = load_study(study) if study is not None else read_study(run.folder)
    sections = sections_of(kind, run, dataset, evaluation, details, decisions or DecisionSettings())
    still_open = sum(item.is_open for _, items in sections for item in items)
    loader = jinja2.FileSystemLoader(Path(__file__).parent)
    environment = jinja2.Environment(loader=loader, autoescape=True, undefined=jinja2.StrictUndefined)
    html = environment.get_template("document.html.j2").render(
        title=TITLES[kind], name=run.name, facts=words.facts(run, dataset, ""), lead=LEADS[kind], sections=sections,
        still_open=count(still_open, "field") if still_open else "", date=date(datetime.now(UTC)),
        weights=file_sha256(run.best_weights),
    )  # fmt: skip
    try:
        write_text_atomic(out, html)
    except OSError as error:
        raise InputError(f"{out} can't be written ({error.strerror}); choose another place.") from error
    return out, still_open


def sections_of(
    kind: Kind, run: Run, dataset: Dataset, evaluation: Evaluation, study: StudyDetails, decisions: DecisionSettings
) -> list[Section]:
    """Return the sections of a document with their items."""
    make = _claim if kind == "claim" else _card
    return make(run, dataset, evaluation, study, decisions)


def _claim(
    run: Run, dataset: Dataset, evaluation: Evaluation, study: StudyDetails, decisions: DecisionSettings
) -> list[Section]:
    progress = read_progress(run)
    made = decide(evaluation, decisions)
    use = " ".join(words.intended_use(evaluation, dataset))
    limits = " ".join(words.limits(evaluation, dataset))
    test = facts.figures(evaluation) if evaluation.split == "test" else ""
    return [
        ("Title and abstract", [
            Item("1", "Says that it is a study of AI, and of which kind", facts.method(run)),
            Item("2", "A structured summary", facts.figures(evaluation)),
        ]),
        ("Introduction", [
            Item("3", "Background, intended use and role of the model", use, study.background),
            Item("4", "Aims and hypotheses", "", study.aims),
        ]),
        ("Study design", [
            Item("5", "Prospective or retrospective", "", study.design),
            Item("6", "Goal of the study", "", study.aims),
        ]),
        ("Data", [
            Item("7", "Sources of the data", "", study.sources),
            Item("8", "Criteria for inclusion and exclusion", "", study.inclusion),
            Item("9", "Preparation of the pictures", facts.preprocessing(run, dataset, evaluation)),
            Item("10", "Parts of the data that were selected", "; ".join(dataset.fixes)
                 or "All pictures that could be read were used; those left out are listed at import."),
            Item("11", "De-identification", "", study.deidentification),
            Item("12", "Missing data", "", study.missing_data),
            Item("13", "How the pictures were taken", "", study.acquisition),
        ]),
        ("Reference standard", [
            Item("14", "How the reference standard was obtained", "", study.reference_standard),
            Item("15", "Why this reference standard", "", study.reference_standard),
            Item("16", "Who annotated", "", study.annotators),
            Item("17", "Annotation of the test pictures", "", study.annotators),
            Item("18", "How far annotators agree", "", study.agreement),
        ]),
        ("Partitions", [
            Item("19", "How data were assigned to parts", facts.partitions(dataset)),
            Item("20", "At which level the parts are disjoint", facts.disjoint(dataset)),
            Item("21", "Intended number of test pictures", "", study.sample_size),
        ]),
        ("Model", [
            Item("22", "Description of the model", words.trained_on(run, dataset, progress)),
            Item("23", "Software", facts.software()),
            Item("24", "How parameters began", facts.start(run, dataset, progress)),
        ]),
        ("Training", [
            Item("25", "Training in detail", "; ".join(f"{words.setting_title(name)}: {words.setting_value(value)}"
                                                       for name, value in words.plan_settings(run.spec))),
            Item("26", "How the final model was selected", facts.selection(run, progress)),
            Item("27", "Ensembles", "None: one model."),
        ]),
        ("Evaluation", [
            Item("28", "Measures of performance", facts.figures(evaluation)),
            Item("29", "Uncertainty", f"{words.interval_note(evaluation, dataset)} {facts.corrected(evaluation)}"),
            Item("30", "Robustness", facts.failures(evaluation)),
            Item("31", "Explanations", "What an answer rests on can be looked at picture by picture in Graft."),
            Item("32", "Evaluation on internal data", facts.figures(evaluation)),
            Item("33", "Test on external data", "", study.external),
            Item("34", "Registration of a clinical trial", "", study.registration),
        ]),
        ("Results", [
            Item("35", "Numbers included and excluded", "", study.inclusion),
            Item("36", "Who or what is in each part", "", study.demographics),
            Item("37", "Performance on all parts", test or facts.figures(evaluation)),
            Item("38", "Diagnostic performance and its precision", facts.diagnostic(made)),
            Item("39", "Analysis of failures", facts.failures(evaluation)),
        ]),
        ("Discussion and other information", [
            Item("40", "Limitations", limits),
            Item("41", "What it means for practice", " ".join(made.sentences)),
            Item("42", "Protocol or further details", "", study.protocol),
            Item("43", "Availability of code, model and data", "", study.availability),
            Item("44", "Funding", "", study.funding),
        ]),
    ]  # fmt: skip


def _card(
    run: Run, dataset: Dataset, evaluation: Evaluation, study: StudyDetails, decisions: DecisionSettings
) -> list[Section]:
    progress = read_progress(run)
    made = decide(evaluation, decisions)
    return [
        ("The model", [
            Item("", "What it is", facts.method(run)),
            Item("", "How it came about", words.trained_on(run, dataset, progress)),
            Item("", "Training", words.training(run, progress)),
            Item("", "Who answers for it", "", study.contact),
        ]),
        ("Use", [
            Item("", "Intended use", " ".join(words.intended_use(evaluation, dataset)), study.background),
            Item("", "Not for", " ".join(words.not_for(evaluation, dataset))),
            Item("", "How to use it", " ".join(words.how_to_use(run, evaluation))),
        ]),
        ("Data", [
            Item("", "Pictures", facts.partitions(dataset)),
            Item("", "Parts are disjoint", facts.disjoint(dataset)),
            Item("", "Where they come from", "", study.sources),
            Item("", "How they were taken", "", study.acquisition),
            Item("", "Who or what is in them", "", study.demographics),
            Item("", "Who labelled them, and how", "", study.annotators),
            Item("", "Quality of pictures and labels", facts.quality_control(dataset)),
        ]),
        ("Figures", [
            Item("", "Headline", facts.figures(evaluation)),
            Item("", "How sure", f"{words.interval_note(evaluation, dataset)} {facts.corrected(evaluation)}"),
            Item("", "What would be decided", " ".join(made.sentences)),
            Item("", "Where it fails", facts.failures(evaluation)),
            Item("", "Confidence", words.calibration(evaluation)),
            Item("", "On pictures of other sites", "", study.external),
        ]),
        ("Limits and terms", [
            Item("", "Limits", " ".join(words.limits(evaluation, dataset))),
            Item("", "Availability", "", study.availability),
            Item("", "Licence", "The weights were trained with Ultralytics and are under AGPL-3.0 as Ultralytics is."),
        ]),
    ]  # fmt: skip
