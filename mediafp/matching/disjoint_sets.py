"""Sets of nodes that links join one after the other, as Kruskal's algorithm needs them."""


class DisjointSets:
    """Nodes from 0 on, each in a set of its own at first."""

    def __init__(self, nodes: int) -> None:
        self._parents = list(range(nodes))

    def find(self, node: int) -> int:
        """Return the smallest node of the set of a node."""
        parents = self._parents
        while (parent := parents[node]) != node:
            parents[node] = node = parents[parent]
        return node

    def unite(self, a: int, b: int) -> bool:
        """Join the sets of two nodes; return False if they are in one already."""
        first, second = sorted((self.find(a), self.find(b)))
        self._parents[second] = first
        return first != second
