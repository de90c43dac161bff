"""What goes wrong around Graft, and what the user sees of it: the table, and what tries it."""
