"""What a model says of the pictures of a part: one pass, stored, so that everything else is derived from it."""
