"""What the Evaluation page is made of."""
