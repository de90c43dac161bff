"""Taking a run away: predict, export, report, notebook."""
