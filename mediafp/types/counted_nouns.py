"""A number with its noun, for messages and pages in English."""


def count_of(number: int, noun: str, plural: str | None = None) -> str:
    """Return a number with its noun in the singular or the plural, which ends in s if it is not given."""
    return f"{number} {noun if number == 1 else plural or noun + 's'}"
