"""What an experiment has found out so far: one model per kind of question, stored as `result` in its status.json."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from core.evaluation.figures.figure import UNKNOWN, Difference, Figure, plain_values


class Result(BaseModel):
    """The figures behind an answer."""

    model_config = ConfigDict(extra="ignore")

    @classmethod
    def read(cls, stored: dict[str, Any]) -> Self:
        """Return what `stored` gave; what it lacks is not known yet."""
        return cls.model_validate(stored)

    def stored(self) -> dict[str, Any]:
        """Return what is known as plain JSON values, without what nobody has set yet."""
        whole = self.model_dump(mode="json")
        known: dict[str, Any] = plain_values({name: whole[name] for name in whole if name in self.model_fields_set})
        return known


class WithFigure(BaseModel):
    """Something with a field `figure`, which is stored as "value", "low" and "high" in its place among the others."""

    model_config = ConfigDict(extra="ignore")

    @model_validator(mode="before")
    @classmethod
    def _gather(cls, values: Any) -> Any:
        if not isinstance(values, dict) or "value" not in values:
            return values
        known = {name: values[name] for name in ("value", "low", "high") if values.get(name) is not None}
        return {**values, "figure": Figure(**known)}

    @model_serializer(mode="wrap")
    def _spread(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        spread: dict[str, Any] = {}
        for name, value in handler(self).items():
            spread |= plain_values(value) if name == "figure" else {name: value}
        return spread


class Row(WithFigure):
    """One contender on a leaderboard."""

    label: str
    model: str = ""
    strategy: str = ""
    runs: list[str] = Field(default_factory=list)
    epochs: int = 0
    figure: Figure = UNKNOWN
    seconds: float | None = None
    """seconds of training (epochs only), mean over seeds"""
    state: Literal["racing", "stopped", "finished", "failed"] = "racing"
    """stopped is early, by halving"""
    note: str = ""


class RaceResult(Result):
    """How the contenders of a race stand."""

    rungs: list[int] = Field(default_factory=list)
    """epochs after which the field is looked at"""
    done: int = 0
    """rungs that are behind them"""
    board: list[Row] = Field(default_factory=list)
    racing: list[str] = Field(default_factory=list)
    behind: dict[str, Difference] = Field(default_factory=dict)
    """each other finalist minus the best"""


class Course(BaseModel):
    """The figure after each epoch over the seconds of training."""

    seconds: list[float]
    values: list[float]


class Way(WithFigure):
    """One way of training, with or without what the model knew before."""

    way: str
    runs: list[str]
    strategy: str
    figure: Figure = UNKNOWN
    seconds: float
    curve: Course


class ZeroShot(WithFigure):
    """How the pre-trained model does as it comes, on the classes it knows by name."""

    classes: dict[str, str]
    """{class: the model's own name for it}"""
    figure: Figure = UNKNOWN
    trained: float | None = None
    """the figure after training, on the same classes"""
    gain: Difference | None = None
    sentence: str = ""


class TransferResult(Result):
    """Both ways of training, side by side."""

    ways: list[Way] = Field(default_factory=list)
    difference: Difference | None = None
    """with minus without transfer"""
    zero_shot: ZeroShot | None = None


class SizePoint(WithFigure):
    """One training on a part of the pictures."""

    pictures: int
    seed: int = 0
    run: str = ""
    figure: Figure = UNKNOWN


class CurveResult(Result):
    """The trainings on parts of the pictures, and the curve through them."""

    points: list[SizePoint] = Field(default_factory=list)
    curve: dict[str, list[float]] = Field(default_factory=dict)
    """columns pictures, value, and low and high where there is a band; empty where nothing was fitted"""
    explained: float | None = None
    """share of the variation between the sizes that the curve explains, at most 1"""
    looks_ahead: bool = True
    """whether the curve is fit to tell what more pictures would bring"""


class NamedFigure(WithFigure):
    """A figure and what it is of."""

    name: str
    figure: Figure = UNKNOWN


class ProductResult(Result):
    """A model before and after it learned a new product."""

    figures: list[NamedFigure] = Field(default_factory=list)
    changes: dict[str, Difference] = Field(default_factory=dict)
    """after minus before, on the "old" and on the "new" pictures"""
    dataset: str = ""
    run: str = ""
    new_classes: list[str] = Field(default_factory=list)


class Try(WithFigure):
    """One set of settings and what came of it."""

    name: str
    settings: dict[str, Any]
    runs: list[str]
    figure: Figure = UNKNOWN
    seconds: float
    """seconds of training, mean over seeds"""
    wall: float = 0.0
    """seconds it took in all, start and comparison included"""


class TakenSettings(BaseModel):
    """The settings of the best try, as fields of a training's specification."""

    strategy: str
    imgsz: int
    extra: dict[str, Any] = Field(default_factory=dict)


class TuneResult(Result):
    """What was tried, and which try came out best."""

    tries: list[Try] = Field(default_factory=list)
    gain: Difference | None = None
    """the best minus the plan"""
    best: str = ""
    take: TakenSettings | None = None
    """None where the plan is kept"""
