"""What a model's answers mean for whoever decides by them: units passed and rejected, escapes, overkill, readers."""
