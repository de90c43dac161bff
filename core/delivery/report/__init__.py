"""One HTML file on a run for people who decide."""
