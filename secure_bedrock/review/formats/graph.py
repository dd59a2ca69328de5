"""The access graph of a report, laid out: who, which role, through what, to which model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from secure_bedrock.review.report import Access

COLUMNS = ("who", "role", "network", "model")
#: Pixels of a box, and between boxes.
WIDTH, HEIGHT, GAP, GUTTER, TOP = 250, 28, 10, 50, 34
#: Sweeps of sorting each column by its neighbours, after which nothing moves any more in practice.
_SWEEPS = 4
_NOBODY = "not in the input"


@dataclass(frozen=True, slots=True)
class Node:
    """A box.

    Attributes:
        id: its number, from 0.
        column: an index of `COLUMNS`.
        label: what stands in it, in full.
        x: its left edge in pixels.
        y: its upper edge.
        rows: the rows of the matrix that go through it.
    """

    id: int
    column: int
    label: str
    x: int
    y: int
    rows: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Edge:
    """A line from one box to another of the next column."""

    start: Node
    end: Node
    rows: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Graph:
    """A drawing.

    Attributes:
        nodes: its boxes, column by column from above.
        edges: its lines.
        width: in pixels.
        height: in pixels.
    """

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    width: int
    height: int


def graph_of(access: Sequence[Access]) -> Graph:
    """Lay the rows of an access matrix out, so that lines cross little."""
    rows: dict[tuple[int, str], list[int]] = {}
    links: dict[tuple[tuple[int, str], tuple[int, str]], list[int]] = {}
    for number, row in enumerate(access):
        for key in {key for path in _paths(row) for key in path}:
            rows.setdefault(key, []).append(number)
        for link in {link for path in _paths(row) for link in pairwise(path)}:
            links.setdefault(link, []).append(number)
    columns = _ordered([sorted((k for k in rows if k[0] == c), key=lambda k: (rows[k], k)) for c in range(4)], links)
    tallest = max((len(column) for column in columns), default=0) * (HEIGHT + GAP)
    nodes: dict[tuple[int, str], Node] = {}
    for column in columns:
        top = TOP + (tallest - len(column) * (HEIGHT + GAP)) // 2
        for place, key in enumerate(column):
            x, y = key[0] * (WIDTH + GUTTER), top + place * (HEIGHT + GAP)
            nodes[key] = Node(len(nodes), key[0], key[1], x, y, tuple(rows[key]))
    edges = tuple(Edge(nodes[a], nodes[b], tuple(found)) for (a, b), found in sorted(links.items()))
    width = len(COLUMNS) * (WIDTH + GUTTER) - GUTTER
    return Graph(tuple(nodes.values()), edges, width, TOP + tallest)


def _paths(row: Access) -> Iterator[list[tuple[int, str]]]:
    for who in row.assumed_by or (_NOBODY,):
        for network in row.endpoints or (row.network,):
            for model in row.models or row.actions:
                yield [(0, who), (1, row.principal), (2, network), (3, model)]


def _ordered(
    columns: list[list[tuple[int, str]]], links: dict[tuple[tuple[int, str], tuple[int, str]], list[int]]
) -> list[list[tuple[int, str]]]:
    """Sort each column by where its neighbours stand, from the left and from the right in turn."""
    before: dict[tuple[int, str], list[tuple[int, str]]] = {}
    after: dict[tuple[int, str], list[tuple[int, str]]] = {}
    for start, end in sorted(links):
        after.setdefault(start, []).append(end)
        before.setdefault(end, []).append(start)
    for sweep in range(_SWEEPS):
        is_forward = sweep % 2 == 0
        near = before if is_forward else after
        for number in range(1, 4) if is_forward else range(2, -1, -1):
            beside = columns[number - 1 if is_forward else number + 1]
            place = {key: index for index, key in enumerate(beside)}
            middle = {key: _middle([place[each] for each in near.get(key, [])]) for key in columns[number]}
            columns[number].sort(key=middle.__getitem__)
    return columns


def _middle(places: Sequence[int]) -> float:
    return sum(places) / len(places) if places else 0.0
