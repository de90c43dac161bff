"""What a run leaves behind and is known by: events, progress, the states in SQLite, and all of it as one zip."""
