"""Files: digests, what survives a full disk or a kill, and fetching one that the user asked for."""
