"""Parts of paths that two paths have in common."""

from itertools import takewhile


def count_common_parts(path: str, other: str) -> int:
    """Return the number of last parts that two paths share."""
    pairs = zip(reversed(path.split("/")), reversed(other.split("/")), strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
