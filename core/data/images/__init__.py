"""From any picture file to 8-bit pixels: decoding, DICOM, windows, thumbnails, fingerprints."""
