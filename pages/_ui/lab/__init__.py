"""What the Lab page is made of."""
