"""Sheets: their rows one by one, what each column is, and what a cell says."""
