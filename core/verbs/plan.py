"""`plan`: settings with their reasons, before anything is trained."""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict
from typing import Any

from core.spec import TrainingSpec
from core.strategies import STRATEGIES
from core.strategies.scratch import SCRATCH
from core.verbs.verb import Add, settings_from
from core.workspace import Workspace


def register(add: Add) -> None:
    """Add the verb of planning."""
    verb = add("plan", _plan, "Plan a training for a dataset on this machine: every setting with its reason.")
    verb.add_argument("dataset", help="id or name of a dataset")
    verb.add_argument("--model", help=f"{TrainingSpec.model_fields['model'].description} Default: yolo26n.")
    verb.add_argument(
        "--budget",
        metavar="quick|balanced|thorough|MINUTES",
        help="how much time the training may take. Default: balanced.",
    )
    verb.add_argument("--strategy", choices=[item.name for item in STRATEGIES], help="how pre-trained layers are used")
    verb.add_argument("--device", help=f"{TrainingSpec.model_fields['device'].description} Default: auto.")
    verb.add_argument(
        "--no-mirror", action="store_true", help="left and right matter: pictures are not mirrored in training"
    )
    verb.add_argument(
        "--measure",
        action="store_true",
        help="time this machine and compare the pictures with the model first (half a minute)",
    )


def _plan(parsed: argparse.Namespace, workspace: Workspace) -> dict[str, Any]:
    from core.data.dataset import load_dataset
    from core.evaluation.doubtful_labels import doubtful_labels
    from core.models.weights import default_model
    from core.planning.facts import dataset_facts, machine_facts
    from core.planning.plan import make_plan
    from core.planning.source_distance import known_distance, measure_distance
    from core.planning.speed import measure_speed
    from core.planning.strategy import recommend
    from core.processes.cores import free_cores, usable_cores
    from core.training.starting_points import locate

    dataset = load_dataset(workspace, parsed.dataset)
    values = {name: getattr(parsed, name) for name in ("model", "budget", "strategy", "device")}
    if parsed.model is None and parsed.strategy != SCRATCH.name:
        values["model"] = default_model(workspace, dataset.task)
    spec = settings_from(TrainingSpec, values | {"dataset": dataset.id, "task": dataset.task})
    weights = locate(workspace, spec.model, spec.task)
    if parsed.measure:
        print("Timing training steps on this machine ...", file=sys.stderr)
        measure_speed(workspace)
        if weights is not None:
            print("Comparing the pictures with what the model has seen ...", file=sys.stderr)
            measure_distance(dataset, weights, spec.model)
    facts = dataset_facts(dataset)
    machine = machine_facts(workspace, spec.device)
    plan = make_plan(facts, machine, spec, mirror=False if parsed.no_mirror else None)
    if machine.device == "cpu":
        plan = plan.beside_others(free_cores(), usable_cores())
    advice = recommend(facts, known_distance(dataset, weights))
    width = max(len(item.name) for item in plan.settings)
    lines = [f"{dataset.name}, {plan.model}, {plan.strategy}, {plan.budget}: {plan.time_words} ({plan.time_source})"]
    lines += [f"  {item.name:<{width}}  {item.value!s:<9} {item.reason}" for item in plan.settings]
    lines += [f"  Note: {note}" for note in plan.notes]
    doubtful = doubtful_labels(workspace, dataset)
    if doubtful and doubtful.worth_saying:
        lines.append(f"  {doubtful.words(dataset.task)} `evaluate {doubtful.run} --json` lists them.")
    lines.append(f"  Recommended strategy: {advice.strategy}. {advice.reason}")
    if not plan.measured and machine.device == "cpu":
        lines.append("  --measure times this machine.")
    return {
        "dataset": dataset.id,
        "model": plan.model,
        "strategy": str(plan.strategy),
        "budget": plan.budget,
        "settings": [item.model_dump(mode="json") for item in plan.settings],
        "seconds": round(plan.seconds, 1),
        "least_seconds": round(plan.least_seconds, 1),
        "most_seconds": round(plan.most_seconds, 1),
        "measured": plan.measured,
        "learnt_from": plan.learnt_from,
        "busy_cores": plan.busy_cores,
        "notes": plan.notes,
        "doubtful_labels": asdict(doubtful) if doubtful else None,
        "recommendation": advice.model_dump(mode="json"),
        "words": "\n".join(lines),
    }
