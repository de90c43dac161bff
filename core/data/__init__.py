"""From files to a dataset: reading, decoding, checking, splitting, importing and editing."""
