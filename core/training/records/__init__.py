"""What a run leaves behind: its events, the progress they tell, the workspace's SQLite file, a whole run as one zip."""
