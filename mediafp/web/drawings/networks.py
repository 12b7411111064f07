"""Networks of few nodes, laid out by forces from a fixed start, so that equal networks are drawn equally."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

STEPS: Final = 160
"""Steps of the layout; the nodes rest long before. Chosen, not measured."""


GRAVITY: Final = 1.5
"""Pull of each node to the middle per unit of distance, without which parts that nothing joins fly apart. Chosen by eye."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Middles of the nodes, SVG units."""

    points: tuple[tuple[float, float], ...]
    width: int
    height: int


def lay_out(
    nodes: int, edges: Sequence[tuple[int, int]], *, size: tuple[int, int], margin: tuple[float, float], far: int = 0
) -> Layout:
    """Return places of nodes: near those that they have an edge with, and apart from the others (Fruchterman, Reingold 1991).

    Args:
        nodes: Number of nodes.
        edges: Pairs of nodes.
        size: Width and height of the drawing.
        margin: Distance of the middles from its sides, and from top and bottom.
        far: Number of the last nodes, which begin at the right side: a part that hangs on the others by few edges.
    """
    if nodes == 0:
        return Layout(points=(), width=size[0], height=size[1])
    angles = 2 * np.pi * np.arange(nodes) / nodes
    at = np.column_stack((np.cos(angles), np.sin(angles)))
    if far:
        at[nodes - far :, 0] = 2.5 + 0.3 * np.cos(angles[nodes - far :])
        at[nodes - far :, 1] *= 0.5
    pairs = np.array(edges, np.int64).reshape(-1, 2)
    ideal = 2.0 / np.sqrt(nodes)
    for step in range(STEPS):
        apart = at[:, None] - at[None]
        distances = np.maximum(np.linalg.norm(apart, axis=2), 0.01)
        move = (apart * (ideal**2 / distances**2)[..., None]).sum(1) - GRAVITY * at
        along = at[pairs[:, 1]] - at[pairs[:, 0]]
        pull = along * (np.linalg.norm(along, axis=1) / ideal)[:, None]
        np.add.at(move, pairs[:, 0], pull)
        np.add.at(move, pairs[:, 1], -pull)
        lengths = np.maximum(np.linalg.norm(move, axis=1), 1e-9)
        at += move / lengths[:, None] * np.minimum(lengths, 0.2 * (1 - step / STEPS))[:, None]
    low, high = at.min(0), at.max(0)
    wide = np.array([size[0] - 2 * margin[0], size[1] - 2 * margin[1]])
    extent = high - low
    # A line of nodes is drawn in the middle.
    placed = np.where(extent > 1e-6, (at - low) / np.maximum(extent, 1e-6), 0.5) * wide + np.array(margin)
    return Layout(
        points=tuple((round(float(x), 1), round(float(y), 1)) for x, y in placed), width=size[0], height=size[1]
    )
