"""The app on a network: who may come in, how they say who they are, and what every answer carries."""
