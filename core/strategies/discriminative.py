"""The backbone at a tenth of the learning rate."""

from core.strategies.strategy import Strategy

DISCRIMINATIVE = Strategy(
    name="discriminative",
    order=3,
    words="Adjust the seeing part slowly, the deciding part quickly",
    term="discriminative rates",
    lesson="""
Each part of the network learns at its own rate: the backbone slowly, neck and head ten times as fast (Howard and Ruder,
2018). Plain Ultralytics has no setting for it. The function below is called back by its trainer when the optimizer is
ready and splits its groups, as Graft does.""",
    backbone_rate=0.1,  # Ultralytics docs, custom trainer guide: 0.1
    several_gpus=False,
)
