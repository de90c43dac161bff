"""What the Dataset page is made of."""
