"""How a pre-trained model is used: one module per strategy. A new one is a new module here, and nothing else.

Each module holds one `Strategy`; what it sets (layers frozen, rates, stages, words) is all that planning, training,
notebook and pages go by.
"""

from importlib import import_module
from pkgutil import iter_modules

from core.strategies.strategy import Strategy

__all__ = ["STRATEGIES", "Strategy"]

for _module in iter_modules(__path__):
    import_module(f"{__name__}.{_module.name}")

STRATEGIES: tuple[Strategy, ...] = tuple(sorted(Strategy.known.values(), key=lambda item: item.order))
Strategy.known.clear()
Strategy.known.update({item.name: item for item in STRATEGIES})
