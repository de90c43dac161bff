"""Where a run's worker is started: on this machine, or on a Ray cluster."""
