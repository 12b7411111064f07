"""The links of a group as a network: members as nodes, the weakest link dashed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mediafp.types.clusters import Edge
from mediafp.web.drawings.networks import Layout, lay_out

if TYPE_CHECKING:
    from mediafp.case.group_details import GroupDetails

MAX_DRAWN_MEMBERS: Final = 30
"""Members that are drawn: both ends of the weakest link, then those with the most links on its sides. Chosen, not measured."""
MAX_LINES: Final = 220
"""Links that are drawn beside the weakest, the most probable ones. Chosen, not measured."""

HEIGHTS: Final = ((2, 110), (12, 316), (MAX_DRAWN_MEMBERS, 460))
"""Heights of drawings up to a number of members, pixels: two of them lie on one line. Chosen, not measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A drawn link."""

    x1: float
    y1: float
    x2: float
    y2: float
    edge: Edge
    is_weakest: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """A drawn network."""

    layout: Layout
    members: tuple[str, ...]
    """SHA-256 of each node."""
    lines: tuple[Line, ...]
    picture: tuple[int, int]
    """Width and height of the picture of a node."""


def draw_network(details: "GroupDetails") -> Network:
    """Return the network of a group; of a large one, a part."""
    cut = details.cut
    best: dict[tuple[str, str], Edge] = {}
    for edge in details.cluster.edges:
        pair = min(edge.a, edge.b), max(edge.a, edge.b)
        if pair not in best or edge.probability > best[pair].probability:
            best[pair] = edge
    degrees = _degrees(best)
    small = set(cut.parts[1]) if cut else set()
    ends = {cut.edge.a, cut.edge.b} if cut else set()
    names = sorted(
        (member.sha256 for member in details.cluster.members),
        key=lambda name: (name not in ends, name != details.cluster.representative, -degrees.get(name, 0), name),
    )
    # A part that would fall off is drawn whole if there is room.
    near = [name for name in names if name not in small]
    far = [name for name in names if name in small][: max(MAX_DRAWN_MEMBERS // 2, MAX_DRAWN_MEMBERS - len(near))]
    shown = [*near[: MAX_DRAWN_MEMBERS - len(far)], *far]
    places = {name: place for place, name in enumerate(shown)}
    pairs = [pair for pair in best if pair[0] in places and pair[1] in places]
    size = (60, 34) if len(shown) > 12 else (80, 45)
    layout = lay_out(
        len(shown),
        [(places[a], places[b]) for a, b in pairs],
        size=(760, next(height for members, height in HEIGHTS if len(shown) <= members)),
        margin=(size[0] / 2 + 6, size[1] / 2 + 22),
        far=len(far),
    )
    return Network(
        layout=layout, members=tuple(shown), lines=_lines(details, best, pairs, places, layout), picture=size
    )


def _lines(
    details: "GroupDetails",
    best: Mapping[tuple[str, str], Edge],
    pairs: Sequence[tuple[str, str]],
    places: Mapping[str, int],
    layout: Layout,
) -> tuple[Line, ...]:
    cut = details.cut
    weakest = (min(cut.edge.a, cut.edge.b), max(cut.edge.a, cut.edge.b)) if cut else None
    drawn = sorted(pairs, key=lambda pair: (-best[pair].probability, pair))[:MAX_LINES]
    if weakest and weakest in pairs and weakest not in drawn:
        drawn.append(weakest)
    lines = [
        Line(
            x1=layout.points[places[a]][0],
            y1=layout.points[places[a]][1],
            x2=layout.points[places[b]][0],
            y2=layout.points[places[b]][1],
            edge=best[a, b],
            is_weakest=(a, b) == weakest,
        )
        for a, b in drawn
    ]
    # The weakest lies on top of the others.
    return tuple(sorted(lines, key=lambda line: line.is_weakest))


def _degrees(best: Mapping[tuple[str, str], Edge]) -> dict[str, float]:
    degrees: dict[str, float] = {}
    for pair, edge in best.items():
        for name in pair:
            degrees[name] = degrees.get(name, 0.0) + edge.probability
    return degrees
