"""Runs: the queue and its states, the detached worker, where it is started and what it reports."""
