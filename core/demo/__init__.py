"""A workspace to show Graft by: drawn pictures, small trainings, what they are worth, an answer of the Lab."""
