"""What the pages are made of: one folder per page, and in `common` what several share."""
