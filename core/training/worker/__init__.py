"""The detached process that trains one run: `python -m core.training.worker FOLDER ATTEMPT`."""
