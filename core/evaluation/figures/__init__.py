"""What stored predictions are worth: figures with their intervals, curves, the operating point."""
