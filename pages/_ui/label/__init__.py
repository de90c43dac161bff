"""The parts of the Label page."""
