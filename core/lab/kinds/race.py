"""Which model should I use? Models and strategies train on the same pictures; the better half trains on.

The end is a recommendation that never says "better" where the interval of the difference holds zero: then the
quickest of those that can't be told from the best is the one to take.
"""

from __future__ import annotations

from collections.abc import Sequence

from core.evaluation.figures.figure import Difference
from core.evaluation.judgement import has_learned
from core.lab.experiment import Contender, RaceSettings
from core.lab.experiment_runs import ExperimentRuns, Part, run_seconds
from core.lab.kinds.halving import rungs, survivors
from core.lab.paired_figures import difference, draws_by_name, figure
from core.lab.results import RaceResult, Row
from core.words import count, duration, points, span, value_from_to

CLOSE_IN_TIME = 0.85
"""A contender counts as faster when it takes less than this share of another's time."""


def drive(own_runs: ExperimentRuns) -> None:
    """Run the race, or go on with it where a driver before this one left off."""
    settings = own_runs.experiment.settings
    assert isinstance(settings, RaceSettings)
    contenders = {item.label: item for item in settings.contenders}
    rounds = rungs(settings.epochs, len(contenders), halving=settings.halving)
    result = RaceResult(rungs=rounds, done=0, racing=list(contenders))
    if own_runs.status.result:
        result = RaceResult.read(own_runs.status.result)
    rows = {row.label: row for row in result.board}
    rows = {label: rows.get(label) or _row(item) for label, item in contenders.items()}

    def tell() -> None:
        result.board = ordered(list(rows.values()))
        own_runs.status.result = result.stored()
        own_runs.save()

    tell()
    for number, epochs in enumerate(rounds):
        if number < result.done:
            continue
        field = [label for label in result.racing if rows[label].state == "racing"]
        words = f"Round {number + 1} of {len(rounds)}: " if len(rounds) > 1 else ""
        own_runs.say(f"{words}{len(field)} contenders train up to {count(epochs, 'epoch')}.")
        parts = [
            Part(_key(label, seed, settings.seeds), contenders[label].model, contenders[label].strategy, epochs, seed)
            for label in field
            for seed in range(settings.seeds)
        ]
        trained = own_runs.train(parts)
        for label in field:
            keys = [_key(label, seed, settings.seeds) for seed in range(settings.seeds)]
            rows[label].runs = [trained[key].id for key in keys if key in trained]
            if not rows[label].runs:
                reasons = [own_runs.status.refused.get(key, "") for key in keys]
                rows[label].state, rows[label].note = "failed", next(filter(None, reasons), "It could not be trained.")
        field = [label for label in field if rows[label].runs]
        if not field:
            raise own_runs.nothing_trained()
        if own_runs.stopping and not all(_done(own_runs, rows[label].runs, epochs) for label in field):
            # who was cut off in the middle can't be compared with who was not
            own_runs.status.sentences = cut_off_words(ordered(list(rows.values())), result.done, len(rounds))
            tell()
            return
        own_runs.say("Comparing them on the same validation pictures.")
        drawn = draws_by_name(
            own_runs.workspace, {label: rows[label].runs for label in field}, own_runs.experiment.metric
        )
        for label in field:
            rows[label].figure = figure(drawn[label])
            runs = [own_runs.run(run) for run in rows[label].runs]
            rows[label].epochs = max(run.epochs_done for run in runs)
            rows[label].seconds = sum(map(run_seconds, runs)) / len(runs)
            if min(run.epochs_done for run in runs) < epochs:
                rows[label].note = f"A training of it ended before {epochs} epochs, so its figure may be too low."
        last = number == len(rounds) - 1 or own_runs.stopping
        keep = survivors({label: float(drawn[label][0]) for label in field}, last=last)
        for label in field:
            if label not in keep:
                behind = difference(drawn[keep[0]], drawn[label])
                rows[label].state, rows[label].note = "stopped", stopped_words(epochs, keep[0], behind)
        result.racing, result.done = keep, number + 1
        if last:
            for label in keep:
                rows[label].state = "finished"
            behind_best = {label: difference(drawn[label], drawn[keep[0]]) for label in keep[1:]}
            result.behind = behind_best
            own_runs.status.sentences = recommend(
                [rows[label] for label in keep], behind_best, own_runs.metric_words, settings.seeds
            )
            own_runs.status.sentences += remarks(settings.seeds, list(rows.values()), own_runs.validation_pictures)
            tell()
            return
        tell()


def _done(own_runs: ExperimentRuns, runs: Sequence[str], epochs: int) -> bool:
    return all(own_runs.run(run).epochs_done >= epochs for run in runs)


def cut_off_words(rows: Sequence[Row], done: int, rounds: int) -> list[str]:
    """Say where a race stood that was stopped in the middle of a round: nothing is recommended."""
    said = [f"Stopped in round {done + 1} of {rounds}, before these could be compared: nothing is recommended."]
    known = [row for row in rows if row.figure.is_known]
    if done and known:
        best = max(known, key=lambda row: row.figure.value)
        said.append(f"After round {done} {best.label} was ahead with {value_from_to(best.figure, share=False)}.")
    return said


def _row(contender: Contender) -> Row:
    return Row(label=contender.label, model=contender.model, strategy=str(contender.strategy))


def _reached(row: Row) -> float:
    return row.figure.value if row.figure.is_known else 0.0


def _key(label: str, seed: int, seeds: int) -> str:
    return label if seeds == 1 else f"{label}, seed {seed}"


def ordered(rows: Sequence[Row]) -> list[Row]:
    """Return the leaderboard: further epochs first, then the higher figure; the failed ones last."""
    return sorted(rows, key=lambda row: (row.state == "failed", -row.epochs, -_reached(row)))


def stopped_words(epochs: int, leader: str, behind: Difference) -> str:
    """Say why a contender was stopped early, and whether that was safe."""
    size = f"{points(behind.value)} points behind {leader} ({span(behind.low, behind.high)})"
    doubt = "" if behind.low > 0 else ", so it might have caught up"
    return f"Stopped after {count(epochs, 'epoch')}: {size}{doubt}."


def recommend(rows: Sequence[Row], behind: dict[str, Difference], metric: str, seeds: int = 1) -> list[str]:
    """Return the recommendation and what it rests on; `rows` are the finalists, the best figure first.

    `behind` is each other finalist minus the best, on the same pictures. With one training each (`seeds`) a lead is
    said to be that of one training.
    """
    best = rows[0]
    if len(rows) == 1:
        return [f"{best.label}: the only one that could be trained to the end, so there was no race."]
    level = [best, *(row for row in rows[1:] if not behind[row.label].decided)]
    times = {row.label: row.seconds or 0.0 for row in level}
    quickest = min(level, key=lambda row: times[row.label])
    choice = quickest if times[quickest.label] < CLOSE_IN_TIME * times[best.label] else best
    figures = "; ".join(
        f"{row.label} {value_from_to(row.figure, share=False)} in {duration(row.seconds)}" for row in rows
    )
    facts = f"{metric[:1].upper()}{metric[1:]}: {figures}."
    if not has_learned(_reached(best)):
        return ["None of them has learned anything to speak of yet: let them train longer.", facts]
    if len(level) == 1:
        second = rows[1]
        lead = -behind[second.label]
        faster = all((best.seconds or 0) <= CLOSE_IN_TIME * (row.seconds or 0) for row in rows[1:])
        end = ", and the fastest" if faster else ""
        once = " in one training each" if seeds == 1 else ""
        size = f"{points(lead.value)} points{once} ({span(lead.low, lead.high)})"
        return [f"{best.label}: better than {second.label} by {size}{end}.", facts]
    others = [row for row in level if row is not choice]
    if choice is not best:
        slower = f"{duration(choice.seconds)} against {duration(best.seconds)}"
        return [f"{choice.label}: as good as the best within the noise, and the fastest ({slower}).", facts]
    names = " and ".join(row.label for row in others)
    if all(times[best.label] < CLOSE_IN_TIME * times[row.label] for row in others):
        return [f"{best.label}: nothing is better beyond the noise, and it is the fastest.", facts]
    return [f"{best.label}, or {names}: they can’t be told apart on these pictures, and take about as long.", facts]


def remarks(seeds: int, rows: Sequence[Row], pictures: int) -> list[str]:
    """Return what limits the answer: luck between trainings, few pictures, early stops."""
    said = []
    if seeds == 1:
        said.append(
            "Each was trained once: the luck of a single training is not in these intervals. Race the finalists "
            "again with three trainings each to see it."
        )
    doubtful = [row.label for row in rows if row.state == "stopped" and "caught up" in row.note]
    if doubtful:
        said.append(f"Stopped early without being clearly behind: {', '.join(doubtful)}.")
    if pictures < 100:
        said.append(f"{pictures} validation pictures decide little; more of them narrow the intervals.")
    return said
