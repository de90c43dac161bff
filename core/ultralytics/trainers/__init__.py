"""Trainers of Graft: Ultralytics' own with the same maths in less time."""
