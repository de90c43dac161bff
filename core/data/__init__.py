"""From files to a dataset: importing, decoding, checking and splitting."""
