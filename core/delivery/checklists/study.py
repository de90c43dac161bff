"""What only people know about a study: the open fields of the checklist and the model card, asked for on one page."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from core.errors import InputError
from core.workspace import write_json_atomic


def _field(title: str, description: str) -> str:
    text: str = Field(default="", max_length=4000, title=title, description=description)
    return text


class StudyDetails(BaseModel):
    """What is said by people; each field may stay empty, and is then shown as open."""

    model_config = ConfigDict(extra="forbid")

    background: str = _field("Background", "The clinical or technical question, and what the model is to do in it.")
    aims: str = _field("Aims", "What was to be shown, and the hypotheses.")
    design: str = _field("Design", "Prospective or retrospective; feasibility, development or validation.")
    inclusion: str = _field("Who or what was included", "Criteria for and against, numbers excluded and why, dates.")
    sources: str = _field("Where the pictures come from", "Sites, departments or lines, and the period.")
    acquisition: str = _field("How the pictures were taken", "Devices, protocols, settings, who took them.")
    deidentification: str = _field("De-identification", "How identity was removed, and who checked it.")
    missing_data: str = _field("Missing data", "What was missing, and what was done about it.")
    reference_standard: str = _field("Reference standard", "How the truth was established, and why that way.")
    annotators: str = _field("Annotators", "Who labelled, with which experience and instructions; how they settled.")
    agreement: str = _field("Agreement of annotators", "How far two readers agree (kappa), and over which pictures.")
    sample_size: str = _field("Sample size", "How the number of pictures to test on was decided.")
    demographics: str = _field("Who is in the pictures", "Age, sex and condition, or product and lot, of each part.")
    external: str = _field(
        "External test", "Results on pictures of another site, device or line, or that there are none."
    )
    registration: str = _field("Registration", "Number of the registered study, or that there is none.")
    protocol: str = _field("Protocol", "Where the full protocol or further technical details can be read.")
    availability: str = _field("Availability", "Where code, model and pictures can be had, or why not.")
    funding: str = _field("Funding", "Who paid, and what they had a say in.")
    contact: str = _field("Responsible", "Who answers for the model, and how to reach them.")


def study_path(run_folder: Path) -> Path:
    """Return where a run's study details are kept."""
    return run_folder / "study.json"


def read_study(run_folder: Path) -> StudyDetails:
    """Return what was said of a run's study, empty where nothing was. Raises InputError for a damaged file."""
    return load_study(study_path(run_folder)) if study_path(run_folder).is_file() else StudyDetails()


def load_study(path: Path) -> StudyDetails:
    """Return the study details in a JSON file. Raises InputError with what is wrong with it."""
    try:
        return StudyDetails.model_validate_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, ValidationError) as error:
        fields = ", ".join(StudyDetails.model_fields)
        raise InputError(f"{path.name} is not a JSON object of study details; its fields are {fields}.") from error


def save_study(run_folder: Path, study: StudyDetails) -> None:
    """Keep what was said of a run's study."""
    write_json_atomic(study_path(run_folder), study.model_dump())
