"""Figures that don't flatter: what is counted on a picture was chosen without that picture."""
