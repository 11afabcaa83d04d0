"""`snakemake.dag`."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any


class DAG:
    """Only a name, for annotations."""


def toposort(graph: Mapping[Any, Iterable[Any]]) -> list[set[Any]]:
    """The layers of a graph (node to the nodes it needs): each needs only those before it.

    Raises ValueError for a cycle.
    """
    from graphlib import CycleError, TopologicalSorter

    sorter = TopologicalSorter(graph)
    layers = []
    try:
        sorter.prepare()
    except CycleError as error:
        raise ValueError(f"the graph has a cycle: {error.args[1]}") from None
    while sorter.is_active():
        ready = sorter.get_ready()
        layers.append(set(ready))
        sorter.done(*ready)
    return layers
