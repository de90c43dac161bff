"""Exports of labelling tools, one module per tool."""
