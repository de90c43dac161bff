"""Layouts of radiology: volumes with label volumes, and DICOM objects that label other DICOM files."""
