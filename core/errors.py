"""The errors a user sees: each names the file, says what is wrong and what to do."""


class GraftError(Exception):
    """Something went wrong that a sentence can explain; the command line exits with 1."""


class InputError(GraftError):
    """What the user gave can't be used; the command line exits with 2 and prints the one line.

    The message names the file or setting, says what is wrong with it and what to do about it.
    """
