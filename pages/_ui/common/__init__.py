"""What several pages draw: the frame, notebook cells, charts, galleries, wording of numbers."""
