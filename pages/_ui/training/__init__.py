"""What the Training and Runs pages are made of."""
