"""What a strategy is: how much of what a pre-trained model knows is kept, for how long, and at which rates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema


@dataclass(frozen=True)
class Strategy:
    """One way to use a pre-trained model; a record and the command line write its name."""

    name: str
    order: int
    """place in lists, from 0"""
    words: str
    """what happens, for someone who has never heard of it"""
    term: str
    """what the field calls it"""
    lesson: str
    """what a notebook says of it, Markdown"""
    reuses: bool = True
    """False: every layer starts from random numbers"""
    frozen_share: float = 0.0
    """share of the epochs in which the backbone stays as it is: 0 never, 1 always, between: in a first stage"""
    backbone_rate: float = 1.0
    """the backbone's share of the learning rate"""
    later_rate: float = 1.0
    """share of the learning rate once a first stage is over"""
    several_gpus: bool = True
    """False where the optimizer's groups change under way, which several processes would have to do in step"""
    steps_factor: int = 1
    """how many times the optimizer steps of a fine-tune a plan gives it"""
    rounds_factor: int = 1
    """how many times the epochs a plan gives it at most"""
    searched: bool = True
    """whether a search over settings tries it"""

    known: ClassVar[dict[str, Strategy]] = {}
    """Every strategy by its name; filled by core.strategies."""

    def __post_init__(self) -> None:
        self.known[self.name] = self

    def __str__(self) -> str:
        return self.name

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        """Copy and pickle by name, so that there is one of each."""
        return strategy_named, (self.name,)

    @property
    def freezes(self) -> bool:
        """True where the backbone stays as it is in some epochs or all."""
        return self.frozen_share > 0

    @property
    def staged(self) -> bool:
        """True where it is frozen in a first stage only."""
        return 0 < self.frozen_share < 1

    @property
    def title(self) -> str:
        """Its words with the term of the field in brackets."""
        return f"{self.words} ({self.term})"

    def first_stage(self, epochs: int) -> int:
        """Return how many of `epochs` a first stage takes: at least 1, at most all but one; 0 without a first stage."""
        return max(1, min(epochs - 1, round(epochs * self.frozen_share))) if self.staged else 0

    @classmethod
    def __get_pydantic_core_schema__(cls, _source: Any, _handler: GetCoreSchemaHandler) -> CoreSchema:
        written = core_schema.plain_serializer_function_ser_schema(str, return_schema=core_schema.str_schema())
        return core_schema.no_info_plain_validator_function(_as_strategy, serialization=written)

    @classmethod
    def __get_pydantic_json_schema__(cls, _schema: CoreSchema, _handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"type": "string", "enum": list(cls.known)}


def strategy_named(name: str) -> Strategy:
    """Return the strategy of a name. Raises ValueError, naming those there are, when there is none."""
    if name not in Strategy.known:
        raise ValueError(f"“{name}” is not a strategy: use one of {', '.join(Strategy.known)}")
    return Strategy.known[name]


def _as_strategy(value: Any) -> Strategy:
    return value if isinstance(value, Strategy) else strategy_named(str(value))
