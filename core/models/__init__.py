"""Which pre-trained models there are, where their weights come from, and how to plan a fine-tune."""
