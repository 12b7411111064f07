"""Matches and placements for tests, whole by default: a test states only the fields that it depends on."""

from dataclasses import replace

from mediafp.types.matches import Match, Placement

_CORNERS = ((0.0, 0.0), (100.0, 0.0), (100.0, 80.0), (0.0, 80.0))
_PLACEMENT = Placement(
    quad=_CORNERS,
    overlap=_CORNERS,
    covered=1.0,
    shown=1.0,
    mirrored=False,
    rotation=0.0,
    scale=1.0,
    removed=(0.0, 0.0, 0.0, 0.0),
    inliers=40,
)
_MATCH = Match(
    sha256="a" * 64,
    uris=("a.jpg",),
    kind="image",
    relation="copy",
    verdict="copy",
    probability=0.9,
    coverage=(1.0, 1.0),
    placement=None,
    segments=(),
    why=(),
)


def sample_placement(**changes: object) -> Placement:
    """Return a placement of one whole image in another of its size, with these fields changed."""
    return replace(_PLACEMENT, **changes)  # type: ignore[arg-type]


def sample_match(**changes: object) -> Match:
    """Return a match of two images as copies, without a placement, with these fields changed."""
    return replace(_MATCH, **changes)  # type: ignore[arg-type]
