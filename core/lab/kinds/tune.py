"""Can the settings be better? A small search over the few settings that matter, within a time, with Optuna.

The first try is the plan as it is; the others are proposed by Optuna's TPE sampler (Bergstra et al. 2011). The study
lies in the experiment's folder (`optuna.db`), so a driver that vanished goes on where it was.
"""

from __future__ import annotations

import time
from statistics import median
from typing import TYPE_CHECKING, Any

from core.evaluation.figures.figure import Difference
from core.lab.experiment import TuneSettings
from core.lab.experiment_runs import ExperimentRuns, Part, run_seconds
from core.lab.paired_figures import difference, draws_by_name, figure
from core.lab.results import TakenSettings, Try, TuneResult
from core.planning.plan import complete_spec
from core.strategies import STRATEGIES
from core.strategies.strategy import strategy_named
from core.training.arguments import training_arguments
from core.training.store import State
from core.words import duration, points, span, value_from_to

if TYPE_CHECKING:
    import optuna

AUGMENTATION = ("hsv_h", "hsv_s", "hsv_v", "translate", "scale", "mosaic", "erasing")
"""Arguments that one strength scales together; mirroring is a matter of the subject, not of strength."""
STRENGTHS = (0.0, 1.5)
RATES = (0.2, 5.0)
"""The learning rate is searched between these multiples of the planned one, on a logarithmic scale."""
SIZES = (0.75, 1.0, 1.5)
MOST_FAILED = 3
BY_CHANCE = 4
"""Tries taken at random before the sampler trusts what it has seen."""


def drive(own_runs: ExperimentRuns) -> None:
    """Try settings until the time or the number of tries is used up."""
    import optuna

    settings = own_runs.experiment.settings
    assert isinstance(settings, TuneSettings)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    planned = _planned(own_runs)
    tries = TuneResult.read(own_runs.status.result).tries
    storage = f"sqlite:///{own_runs.experiment.folder / 'optuna.db'}"
    # a sampler that is made anew must not draw the same again
    sampler = optuna.samplers.TPESampler(seed=len(tries), n_startup_trials=BY_CHANCE)
    study = optuna.create_study(
        storage=storage, study_name="tune", direction="maximize", sampler=sampler, load_if_exists=True
    )
    if not study.get_trials(deepcopy=False):
        study.enqueue_trial(first_values(settings, planned))
    left = [trial.number for trial in study.get_trials(states=(optuna.trial.TrialState.RUNNING,))]
    spent, failed = sum(item.wall for item in tries), 0
    while not own_runs.stopping and wanted(settings, tries, spent, failed):
        if left:  # begun by a driver that vanished
            number = left.pop(0)
            values = dict(study.get_trials()[number].params)
        else:
            trial = study.ask()
            number, values = trial.number, suggest(trial, settings, planned)
        began = time.monotonic()
        name = "as planned" if number == 0 else f"try {number + 1}"
        own_runs.say(f"Trying {name}: {described(values)}.")
        made = _train(own_runs, name, values, planned)
        if made is None:
            if own_runs.stopping:
                break
            study.tell(number, state=optuna.trial.TrialState.FAIL)
            spent, failed = spent + time.monotonic() - began, failed + 1
            continue
        made.wall = time.monotonic() - began
        spent += made.wall
        tries.append(made)
        own_runs.status.result = TuneResult(tries=tries).stored()
        own_runs.save()
        study.tell(number, made.figure.value)
    if not tries:
        raise own_runs.nothing_trained()
    _sum_up(own_runs, tries)


def wanted(settings: TuneSettings, tries: list[Try], spent: float, failed: int = 0) -> bool:
    """Say whether another try is begun: two in any case, then as long as it is likely to end in time.

    After MOST_FAILED tries that could not be trained nothing more is tried.
    """
    if len(tries) >= settings.tries or failed >= MOST_FAILED:
        return False
    if len(tries) < 2:
        return True
    return spent + median(item.wall for item in tries) <= settings.minutes * 60


def first_values(settings: TuneSettings, planned: dict[str, Any]) -> dict[str, Any]:
    """Return the plan itself as a point of the search."""
    values = {"lr0": planned["lr0"], "strategy": str(settings.strategy), "imgsz": settings.imgsz, "augmentation": 1.0}
    return {name: value for name, value in values.items() if name in settings.search}


def suggest(trial: optuna.Trial, settings: TuneSettings, planned: dict[str, Any]) -> dict[str, Any]:
    """Let Optuna choose a value for each setting that may change."""
    values: dict[str, Any] = {}
    if "lr0" in settings.search:
        low, high = (planned["lr0"] * factor for factor in RATES)
        values["lr0"] = trial.suggest_float("lr0", low, high, log=True)
    if "strategy" in settings.search:
        options = dict.fromkeys([str(settings.strategy), *(item.name for item in STRATEGIES if item.searched)])
        values["strategy"] = trial.suggest_categorical("strategy", list(options))
    if "imgsz" in settings.search:
        values["imgsz"] = trial.suggest_categorical("imgsz", sizes(settings.imgsz))
    if "augmentation" in settings.search:
        values["augmentation"] = trial.suggest_float("augmentation", *STRENGTHS)
    return values


def sizes(planned: int) -> list[int]:
    """Return the picture sizes that are tried: the planned one, smaller and larger, multiples of 32."""
    return sorted({planned, *(max(32, round(planned * factor / 32) * 32) for factor in SIZES)})


def part_settings(values: dict[str, Any], planned: dict[str, Any]) -> dict[str, Any]:
    """Return what a try sets differently from the plan: Ultralytics' arguments and the picture size."""
    extra: dict[str, Any] = {}
    if "lr0" in values:
        extra |= {"lr0": round(values["lr0"], 7), "optimizer": planned["optimizer"]}
    strength = values.get("augmentation", 1.0)
    if strength != 1.0:
        for name in AUGMENTATION:
            if planned.get(name):
                extra[name] = round(min(0.95 if name == "erasing" else 1.0, planned[name] * strength), 4)
    changed: dict[str, Any] = {"extra": extra}
    if "imgsz" in values:
        changed["imgsz"] = int(values["imgsz"])
    return changed


def described(values: dict[str, Any]) -> str:
    """Say what a try sets, in a clause."""
    words = {"lr0": "learning rate", "imgsz": "picture size"}
    parts = [
        f"{words.get(name, name)} {value:.3g}" if isinstance(value, float) else f"{words.get(name, name)} {value}"
        for name, value in values.items()
    ]
    return ", ".join(parts)


def _planned(own_runs: ExperimentRuns) -> dict[str, Any]:
    """Return what the plan would train with: Ultralytics' defaults, the plan, the user's own settings."""
    settings = own_runs.experiment.settings
    assert isinstance(settings, TuneSettings)
    spec = own_runs.spec(Part("plan", settings.model, settings.strategy, settings.epochs))
    planned = complete_spec(own_runs.workspace, own_runs.dataset, spec).extra
    values = {item.name: item.default for item in training_arguments()} | planned
    if values.get("optimizer") == "auto":  # it would ignore the rate
        values["optimizer"] = "AdamW"
    return values


def _train(own_runs: ExperimentRuns, name: str, values: dict[str, Any], planned: dict[str, Any]) -> Try | None:
    settings = own_runs.experiment.settings
    assert isinstance(settings, TuneSettings)
    changed = part_settings(values, planned)
    strategy = strategy_named(str(values.get("strategy", settings.strategy)))
    parts = [
        Part(
            name if settings.seeds == 1 else f"{name}, seed {seed}", settings.model, strategy, settings.epochs, seed,
            settings=changed,
        )
        for seed in range(settings.seeds)
    ]  # fmt: skip
    trained = list(own_runs.train(parts).values())
    if not trained or any(run.state is not State.FINISHED for run in trained):
        return None  # cut short it can't be compared
    drawn = draws_by_name(own_runs.workspace, {name: [run.id for run in trained]}, own_runs.experiment.metric)[name]
    seconds = sum(map(run_seconds, trained)) / len(trained)
    runs = [run.id for run in trained]
    return Try(name=name, settings=values, runs=runs, figure=figure(drawn), seconds=seconds)


def _sum_up(own_runs: ExperimentRuns, tries: list[Try]) -> None:
    best = max(tries, key=lambda item: item.figure.value)
    first = tries[0]
    result = TuneResult(tries=tries)
    gain = None
    if best is not first:
        drawn = draws_by_name(own_runs.workspace, {"a": best.runs, "b": first.runs}, own_runs.experiment.metric)
        gain = difference(drawn["a"], drawn["b"])
        result.gain = gain
    result.best = best.name
    if gain is not None and gain.decided:
        spec = own_runs.run(best.runs[0]).spec
        extra = part_settings(best.settings, _planned(own_runs))["extra"]
        result.take = TakenSettings(strategy=str(spec.strategy), imgsz=spec.imgsz, extra=extra)
    own_runs.status.result = result.stored()
    own_runs.status.sentences = tune_sentences(tries, gain, own_runs.metric_words)
    own_runs.save()


def tune_sentences(tries: list[Try], gain: Difference | None, metric: str) -> list[str]:
    """Say which settings to take; `gain` is the best try minus the first (the plan), None when that is the best."""
    first, best = tries[0], max(tries, key=lambda item: item.figure.value)
    planned, found = (
        f"{value_from_to(item.figure, share=False)} in {duration(item.seconds)}" for item in (first, best)
    )
    facts = f"{len(tries)} tries; {metric}: {first.name} {planned}"
    if gain is None:
        rest = len(tries) - 1
        others = "the other try did not come out" if rest == 1 else f"none of the {rest} others came out"
        return [f"Keep the settings as planned: {others} higher.", f"{facts}."]
    facts += f", {best.name} ({described(best.settings)}) {found}."
    if not gain.decided:
        return [
            f"Keep the settings as planned: the best try is {points(gain.value)} points higher, "
            f"{span(gain.low, gain.high)}, which these pictures don’t decide.",
            facts,
        ]
    return [
        f"Take {best.name} ({described(best.settings)}): better than the plan by {points(gain.value)} points "
        f"({span(gain.low, gain.high)}).",
        facts,
        f"It was picked as the best of {len(tries)} on these same pictures, so its figure flatters it: confirm it "
        "on the test part, or with three trainings of each.",
    ]
