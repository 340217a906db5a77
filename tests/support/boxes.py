"""Boxes for tests."""

from __future__ import annotations

from hypothesis import strategies as st

from data.geometry import Box, Span


def box(top: int, bottom: int, left: int, right: int) -> Box:
    return Box(left, top, right, bottom)


@st.composite
def some_boxes(draw: st.DrawFn) -> list[Box]:
    def span() -> Span:
        start = draw(st.integers(0, 90))
        return Span(start, draw(st.integers(start + 1, 99)))

    return [Box.of_spans(span(), span()) for _ in range(draw(st.integers(0, 6)))]
