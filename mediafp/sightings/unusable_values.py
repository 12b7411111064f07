"""Errors for values of sidecars that no field can hold."""


class UnusableValueError(ValueError):
    """A value of the wrong type or range; the message is the reason."""


class AmbiguousValueError(UnusableValueError):
    """A value that can be read in two ways."""


class RoundedIdError(UnusableValueError):
    """An id whose last digits a spreadsheet or another program has replaced."""
