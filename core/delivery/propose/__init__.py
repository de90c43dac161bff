"""A model's proposals for pictures that are being labelled, made in a child process."""
