"""How good a run is, how sure that is, and where it fails."""
