"""Runs: what to train, the queue and its states, the detached worker and what it reports."""
