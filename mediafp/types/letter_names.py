"""Names that are letters."""


def letter_name(number: int) -> str:
    """Return the letters that name the segment or the account of a number, from 0 on: A to Z, then AA, AB."""
    name = ""
    number += 1
    while number:
        number, letter = divmod(number - 1, 26)
        name = chr(ord("A") + letter) + name
    return name
