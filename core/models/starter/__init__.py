"""The starter checkpoint: a small model pre-trained on drawn scenes, for machines that have no other weights.

`scenes` draws, `make` trains (`python -m core.models.starter.make`), `checkpoint` says what came of it. Nothing here is
shared with the generator of the sample set (sample_data/), so that the sample stays a fair first test.
"""
