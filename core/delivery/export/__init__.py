"""The model in other formats, each run and compared with the checkpoint before it is called verified."""
