"""The app on a network."""
