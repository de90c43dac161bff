"""What can be found in an upload and in an imported copy, and how findings are collected and worded."""
