"""What several pages draw: the frame, notebook cells, charts, galleries, findings, wording of numbers."""
