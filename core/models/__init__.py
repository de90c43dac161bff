"""Which pre-trained models there are, where their weights come from, and the user's own library."""
