"""From an upload, or a public set, to a dataset on disk: read, prepared, divided, written, moved into place at once."""
