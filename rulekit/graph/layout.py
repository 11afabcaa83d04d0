"""Where the nodes of a directed graph go: layers from top to bottom, few crossings, short edges.

The method is the usual one for layered drawings (Sugiyama, Tagawa, Toda 1981): take cycles out,
put nodes on layers by longest path, bend long edges at every layer, order each layer by the
barycentre of its neighbours, then place each layer where the squares of the distances to the
neighbours are least under the distances that nodes need (by pooling adjacent violators).
"""

from __future__ import annotations

from itertools import pairwise

from rulekit.frozen import frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

GAP_X, GAP_Y = 18.0, 44.0  # px between boxes
_BEND = 8.0  # width of the place that an edge takes in a layer
_MOST_BENDS = 30_000  # beyond, long edges are drawn straight

Point = tuple[float, float]


@frozen
class Layout:
    """Middle points of the nodes, the points of each edge (from producer to consumer; empty for
    an edge of a node to itself), and the size of the whole. Pixels."""

    nodes: tuple[Point, ...]
    edges: tuple[tuple[Point, ...], ...]
    width: float
    height: float


def lay_out(sizes: Sequence[Point], edges: Sequence[tuple[int, int]]) -> Layout:
    """Places boxes of these sizes (width, height) so that edges go downwards as far as they can."""
    count = len(sizes)
    if not count:
        return Layout((), tuple(() for _ in edges), 0.0, 0.0)
    forward = _without_cycles(count, edges)
    rank = _ranks(count, forward)
    graph = _Graph(sizes, rank, forward)
    _order(graph)
    _place(graph)
    tops = []
    top = 0.0
    heights = [0.0] * len(graph.layers)
    for node in range(count):
        heights[rank[node]] = max(heights[rank[node]], sizes[node][1])
    for height in heights:
        tops.append(top + height / 2)
        top += height + GAP_Y
    left = min(graph.x[node] - graph.width[node] / 2 for node in range(len(graph.x)))
    right = max(graph.x[node] + graph.width[node] / 2 for node in range(len(graph.x)))

    def point(node: int) -> Point:
        return graph.x[node] - left, tops[graph.rank[node]]

    lines: list[tuple[Point, ...]] = []
    for (source, target), chain in zip(edges, graph.chains, strict=True):
        if source == target:
            lines.append(())
            continue
        points = [point(node) for node in chain]
        turned = rank[source] > rank[target]
        down, up = (target, source) if turned else (source, target)
        (x1, y1), (x2, y2) = points[0], points[-1]
        points[0] = (x1, y1 + sizes[down][1] / 2)
        points[-1] = (x2, y2 - sizes[up][1] / 2)
        lines.append(tuple(reversed(points)) if turned else tuple(points))
    nodes = tuple(point(node) for node in range(count))
    return Layout(nodes, tuple(lines), right - left, top - GAP_Y)


def _without_cycles(count: int, edges: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """The edges, some turned round so that there is no cycle; those of a node to itself stay."""
    after: list[list[int]] = [[] for _ in range(count)]
    for number, (source, target) in enumerate(edges):
        if source != target:
            after[source].append(number)
    found = list(edges)
    state = bytearray(count)  # 1: on the way, 2: done
    for root in range(count):
        if state[root]:
            continue
        state[root] = 1
        stack = [(root, iter(after[root]))]
        while stack:
            node, rest = stack[-1]
            for number in rest:
                target = edges[number][1]
                if state[target] == 1:
                    found[number] = (target, node)
                elif not state[target]:
                    state[target] = 1
                    stack.append((target, iter(after[target])))
                    break
            else:
                state[node] = 2
                stack.pop()
    return found


def _ranks(count: int, edges: Sequence[tuple[int, int]]) -> list[int]:
    """The layer of each node: below all that it needs, and nodes without needs close to their use."""
    after: list[list[int]] = [[] for _ in range(count)]
    waiting = [0] * count
    for source, target in edges:
        if source != target:
            after[source].append(target)
            waiting[target] += 1
    rank = [0] * count
    free = [not number for number in waiting]
    ready = [node for node in range(count) if free[node]]
    for node in ready:
        for target in after[node]:
            rank[target] = max(rank[target], rank[node] + 1)
            waiting[target] -= 1
            if not waiting[target]:
                ready.append(target)
    for node in range(count):
        if free[node] and after[node]:
            rank[node] = min(rank[target] for target in after[node]) - 1
    return rank


class _Graph:
    """Nodes, then the bends of long edges, as one list of numbers."""

    def __init__(
        self, sizes: Sequence[Point], rank: Sequence[int], edges: Sequence[tuple[int, int]]
    ) -> None:
        self.rank = list(rank)
        self.width = [size[0] for size in sizes]
        self.real = len(sizes)
        self.chains: list[list[int]] = []
        self.up: list[list[int]] = [[] for _ in sizes]
        self.down: list[list[int]] = [[] for _ in sizes]
        bends = sum(max(0, rank[b] - rank[a] - 1) for a, b in edges)
        for source, target in edges:
            chain = [source]
            if source != target and bends <= _MOST_BENDS:
                for layer in range(rank[source] + 1, rank[target]):
                    chain.append(len(self.rank))
                    self.rank.append(layer)
                    self.width.append(_BEND)
                    self.up.append([])
                    self.down.append([])
            chain.append(target)
            self.chains.append(chain)
            if source != target:
                for one, other in pairwise(chain):
                    self.down[one].append(other)
                    self.up[other].append(one)
        self.layers: list[list[int]] = [[] for _ in range(max(self.rank) + 1)]
        self.x = [0.0] * len(self.rank)
        for node in self._depth_first():
            self.layers[self.rank[node]].append(node)

    def _depth_first(self) -> list[int]:
        """All nodes, those of one branch together: a good first order."""
        seen = bytearray(len(self.rank))
        order = []
        for root in sorted(range(len(self.rank)), key=lambda node: -self.rank[node]):
            stack = [root]
            while stack:
                node = stack.pop()
                if seen[node]:
                    continue
                seen[node] = 1
                order.append(node)
                stack += reversed(self.up[node])
        return order

    @property
    def many(self) -> bool:
        """Whether there is so much of it that fewer rounds must do."""
        return len(self.rank) > 3000


def _order(graph: _Graph) -> None:
    """Reorders the layers so that few edges cross."""
    place = [0] * len(graph.rank)
    for layer in graph.layers:
        for at, node in enumerate(layer):
            place[node] = at
    best, fewest = [list(layer) for layer in graph.layers], _crossings(graph, place)
    for turn in range(4 if graph.many else 24):
        if not fewest:
            break
        downwards = turn % 2 == 0
        layers = graph.layers[1:] if downwards else graph.layers[-2::-1]
        beside = graph.up if downwards else graph.down
        for layer in layers:
            keys = {}
            for node in layer:
                others = beside[node]
                middle = sum(place[other] for other in others) / len(others) if others else -1.0
                keys[node] = place[node] if middle < 0 else middle
            layer.sort(key=keys.__getitem__)
            for at, node in enumerate(layer):
                place[node] = at
        crossings = _crossings(graph, place)
        if crossings < fewest:
            best, fewest = [list(layer) for layer in graph.layers], crossings
    graph.layers = best


def _crossings(graph: _Graph, place: Sequence[int]) -> int:
    """How many pairs of edges cross between neighbouring layers (by a Fenwick tree)."""
    total = 0
    for above, below in pairwise(graph.layers):
        tree = [0] * (len(below) + 1)
        seen = 0
        for node in sorted(above, key=place.__getitem__):
            ends = sorted(
                place[other]
                for other in graph.down[node]
                if graph.rank[other] == graph.rank[node] + 1
            )
            for end in ends:
                at, left = end + 1, 0
                while at:
                    left += tree[at]
                    at &= at - 1
                total += seen - left
            for end in ends:
                seen += 1
                at = end + 1
                while at <= len(below):
                    tree[at] += 1
                    at += at & -at
    return total


def _place(graph: _Graph) -> None:
    """Gives every node its x, layer by layer, near its neighbours."""
    for layer in graph.layers:
        at = 0.0
        for node in layer:
            graph.x[node] = at + graph.width[node] / 2
            at += graph.width[node] + GAP_X
    for turn in range(4 if graph.many else 12):
        downwards = turn % 2 == 1
        layers = graph.layers if downwards else graph.layers[::-1]
        for layer in layers:
            wishes = []
            for node in layer:
                others = graph.up[node] if downwards else graph.down[node]
                if not others:
                    others = graph.down[node] if downwards else graph.up[node]
                if others:
                    wishes.append(sum(graph.x[other] for other in others) / len(others))
                else:
                    wishes.append(graph.x[node])
            _fit(graph, layer, wishes)


def _fit(graph: _Graph, layer: Sequence[int], wishes: Sequence[float]) -> None:
    """Moves the nodes of a layer as close to their wishes as the order and the gaps allow."""
    offset = 0.0
    offsets = []
    for at, node in enumerate(layer):
        if at:
            offset += (graph.width[layer[at - 1]] + graph.width[node]) / 2 + GAP_X
        offsets.append(offset)
    blocks: list[tuple[float, float, int]] = []  # sum of wishes, weight, nodes
    for at, node in enumerate(layer):
        weight = 1.0 if node < graph.real else 3.0  # bends straight first
        total, count = (wishes[at] - offsets[at]) * weight, 1
        while blocks and blocks[-1][0] / blocks[-1][1] >= total / weight:
            other, more, nodes = blocks.pop()
            total, weight, count = total + other, weight + more, count + nodes
        blocks.append((total, weight, count))
    at = 0
    for total, weight, count in blocks:
        for _ in range(count):
            graph.x[layer[at]] = total / weight + offsets[at]
            at += 1
