"""The layout: boxes never overlap, edges go down as far as they can, nothing lies outside."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from rulekit.graph.layout import lay_out
from rulekit.graph.picture import Box, Picture
from rulekit.graph.svg import svg


@st.composite
def graphs(draw, cycles=False):
    count = draw(st.integers(1, 25))
    sizes = draw(
        st.lists(
            st.tuples(st.integers(20, 300), st.integers(20, 80)), min_size=count, max_size=count
        )
    )
    number = st.integers(0, count - 1)
    pairs = draw(st.lists(st.tuples(number, number), max_size=60, unique=True))
    if not cycles:
        pairs = [(a, b) for a, b in pairs if a < b]
    return [(float(w), float(h)) for w, h in sizes], pairs


@given(graphs(cycles=True))
def test_boxes_do_not_overlap_and_lie_inside(graph):
    sizes, edges = graph
    layout = lay_out(sizes, edges)
    assert len(layout.nodes) == len(sizes) and len(layout.edges) == len(edges)
    for (x, y), (width, height) in zip(layout.nodes, sizes, strict=True):
        assert x - width / 2 >= -0.01 and x + width / 2 <= layout.width + 0.01
        assert y - height / 2 >= -0.01 and y + height / 2 <= layout.height + 0.01
    for a in range(len(sizes)):
        for b in range(a):
            apart_x = abs(layout.nodes[a][0] - layout.nodes[b][0])
            apart_y = abs(layout.nodes[a][1] - layout.nodes[b][1])
            wide = (sizes[a][0] + sizes[b][0]) / 2
            high = (sizes[a][1] + sizes[b][1]) / 2
            assert apart_x >= wide - 0.01 or apart_y >= high - 0.01


@given(graphs())
def test_edges_go_down_from_box_to_box(graph):
    sizes, edges = graph
    layout = lay_out(sizes, edges)
    for (source, target), points in zip(edges, layout.edges, strict=True):
        heights = [y for _, y in points]
        assert heights == sorted(heights) and len(points) >= 2
        x, y = layout.nodes[source]
        assert points[0] == (x, y + sizes[source][1] / 2)
        x, y = layout.nodes[target]
        assert points[-1] == (x, y - sizes[target][1] / 2)


def test_a_chain_is_a_straight_line():
    layout = lay_out([(100.0, 30.0)] * 5, [(0, 1), (1, 2), (2, 3), (3, 4)])
    assert len({round(x, 6) for x, _ in layout.nodes}) == 1


def test_a_loop_and_a_pair_that_need_each_other():
    layout = lay_out([(50.0, 20.0)] * 2, [(0, 0), (0, 1), (1, 0)])
    assert layout.edges[0] == ()
    assert all(layout.edges[1:])


def test_thousands_of_jobs_are_placed():
    count = 3000
    edges = [(i, count) for i in range(count)] + [(count, count + 1), (0, count + 1)]
    layout = lay_out([(90.0, 30.0)] * (count + 2), edges)
    assert layout.width > count * 90


def test_names_do_no_harm_in_a_picture():
    evil = "</title><script>alert(1)</script>\"'&"
    text = svg(Picture((Box(evil, (evil, "1 job"), {"run": 1}, evil, 0),), (), "rule"), alone=True)
    assert "<script" not in text
    assert not re.search(r"=\"[^\"]*[<>]", text)
