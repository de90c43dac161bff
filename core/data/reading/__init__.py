"""What every format reads with: the files of an upload, archives, label rows, outlines, and what a reader hands on."""
