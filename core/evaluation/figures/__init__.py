"""What stored predictions are worth: matching, figures with their intervals, curves, the operating point."""
