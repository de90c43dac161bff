"""Plan a fine-tune: settings for this data on this machine in the time there is, each with its reason."""
