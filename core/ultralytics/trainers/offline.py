"""The two functions of Ultralytics that reach for the net during a training, fonts and the AMP check, replaced."""

from __future__ import annotations


def stay_offline() -> None:
    """From now on, let no training in this process fetch anything: no font, and no model to try mixed precision on."""
    import ultralytics.data.utils as data_utils
    import ultralytics.engine.trainer as trainer_module

    data_utils.check_font = lambda *_arguments, **_options: None
    trainer_module.check_amp = lambda model: next(model.parameters()).device.type == "cuda"
