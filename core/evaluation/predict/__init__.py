"""What a model says of the pictures of a split: one pass, matched to the labels and stored, for all that follows."""
