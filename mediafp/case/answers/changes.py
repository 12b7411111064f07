"""The differences between a query and a use of it, as far as a match states them."""

from typing import Final

from mediafp.types.answers import Change
from mediafp.types.matches import Match, Placement
from mediafp.types.media import Asset

MIN_ROTATION: Final = 3.0
"""Degrees from which a rotation is named. Chosen: hand-held photographs of a screen are off by one or two."""
MAX_WHOLE_SHARE: Final = 0.97
"""Share of an area from which it counts as whole: placements are inexact by a few tenths of a percent. Chosen, not measured."""
MAX_INSIDE_SHARE: Final = 0.5
"""Share of a use's area below which the query is inside something larger, such as a page. Chosen, not measured."""
MAX_SQUARE_RATIO: Final = 1.03
"""Longer side by shorter side up to which a picture is a square. Chosen, not measured."""
MIN_SPEED_CHANGE: Final = 0.02
"""Change of the speed that is named. Chosen, not measured: conversions between 24 and 25 frames a second change it by .04."""
MAX_SMALLER_SCALE: Final = 0.67
"""Reference pixels per query pixel below which a use is smaller. Chosen, not measured."""


def list_changes(match: Match, asset: Asset, *, is_identical: bool) -> tuple[Change, ...]:
    """Return the differences between the query of a match and its reference, the use.

    Args:
        match: The match.
        asset: The reference.
        is_identical: The two have the same bytes.
    """
    if is_identical:
        return (Change("identical"),)
    if asset.kind == "image":
        if not match.placement:
            return (Change("unplaced"),)
        altered = [Change("altered", len(match.changes))] if match.changes else []
        return (*_placed(match.placement, asset, match.rows[1]), *altered)
    changes = []
    pictures = [one for one in match.segments if one.channel == "picture"]
    timed = [one for one in match.segments if one.query is not None]
    if any(one.mirrored for one in pictures):
        changes.append(Change("mirrored"))
    if any(one.speed < 0 for one in timed):
        changes.append(Change("backwards"))
    speeds = sorted(abs(one.speed) for one in timed)
    if speeds and match.relation != "same_script":
        # Readers of one script differ in speed, which is no change of it.
        speed = speeds[len(speeds) // 2]
        if abs(speed - 1) >= MIN_SPEED_CHANGE:
            # A reference that takes longer for the same is slower.
            changes.append(Change("slower" if speed > 1 else "faster", speed if speed > 1 else 1 / speed))
    return tuple(changes)


def change_share(match: Match) -> float:
    """Return how much of the two files of a match is not shared: 0 for whole copies, nearly 1 for a small part of both."""
    return 1.0 - match.coverage[0] * match.coverage[1]


def _placed(placement: Placement, asset: Asset, row: int) -> list[Change]:
    changes = []
    width, height = asset.row_size(row)
    if placement.mirrored:
        changes.append(Change("mirrored"))
    if abs(placement.rotation) >= MIN_ROTATION:
        changes.append(Change("turned", placement.rotation))
    if placement.shown < MAX_WHOLE_SHARE:
        is_square = min(width, height) > 0 and max(width, height) / min(width, height) <= MAX_SQUARE_RATIO
        is_whole_use = placement.covered >= MAX_WHOLE_SHARE
        changes.append(Change("square" if is_square and is_whole_use else "part", placement.shown))
    if placement.covered < MAX_INSIDE_SHARE:
        changes.append(Change("inside", placement.covered))
    elif placement.covered < MAX_WHOLE_SHARE:
        changes.append(Change("more", 1 / placement.covered - 1))
    if placement.scale < MAX_SMALLER_SCALE:
        changes.append(Change("smaller", placement.scale))
    return changes
