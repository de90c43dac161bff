"""Everything an engineer needs to run a model elsewhere, in one zip."""

from core.delivery.bundle.bundle import make_bundle

__all__ = ["make_bundle"]
