"""Graft's engine: everything that is not a widget. Never imports streamlit."""

__version__ = "0.1.0"
