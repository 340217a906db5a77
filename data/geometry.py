"""Rectangles of whole pixels: the one type of box, in photos and in feature maps."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple, Protocol, Self, TypeVar

BBox = tuple[float, float, float, float]
"""COCO's box of a person: x, y, width, height in pixels, not rounded."""


class Span(NamedTuple):
    """Positions start <= i < stop of one axis."""

    start: int
    stop: int

    @property
    def length(self) -> int:
        return self.stop - self.start

    def within(self, size: int) -> Span:
        """The part that lies on an axis of `size` positions."""
        return Span(max(self.start, 0), min(self.stop, size))

    def scaled_down(self, factor: int) -> Span:
        """The positions of an axis `factor` times shorter that cover this span."""
        return Span(self.start // factor, -(-self.stop // factor))

    def parts(self, longest: int) -> list[Span]:
        """This span in spans of about the same length, none longer than `longest`."""
        count = -(-self.length // longest)
        cuts = [self.start + self.length * i // count for i in range(count + 1)]
        return [Span(*ends) for ends in pairwise(cuts)]


class Box(NamedTuple):
    """A rectangle in whole pixels; right and bottom are exclusive. It may reach out of the photo; one that is empty has
    a right or bottom that is not beyond its left or top."""

    left: int
    top: int
    right: int
    bottom: int

    @classmethod
    def at(cls, x: int, y: int, width: int, height: int) -> Box:
        """The box of this size with its upper left pixel at x, y."""
        return cls(x, y, x + width, y + height)

    @classmethod
    def of_spans(cls, rows: Span, columns: Span) -> Box:
        return cls(columns.start, rows.start, columns.stop, rows.stop)

    @classmethod
    def whole(cls, size: tuple[int, ...]) -> Box:
        """All of an array of `size` (height, width)."""
        return cls(0, 0, size[1], size[0])

    @property
    def rows(self) -> Span:
        return Span(self.top, self.bottom)

    @property
    def columns(self) -> Span:
        return Span(self.left, self.right)

    @property
    def width(self) -> int:
        return self.right - self.left

    @property
    def height(self) -> int:
        return self.bottom - self.top

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width)."""
        return self.height, self.width

    @property
    def area(self) -> int:
        return self.height * self.width

    @property
    def empty(self) -> bool:
        return self.left >= self.right or self.top >= self.bottom

    @property
    def slices(self) -> tuple[slice, slice]:
        """The index of this box, which is not negative, in an array of rows and columns."""
        return slice(self.top, self.bottom), slice(self.left, self.right)

    def meets(self, other: Box) -> bool:
        """Whether the two have a pixel in common, where none of them is empty."""
        return (
            self.left < other.right and other.left < self.right and self.top < other.bottom and other.top < self.bottom
        )

    def covers(self, other: Box) -> bool:
        return (
            self.left <= other.left
            and self.top <= other.top
            and self.right >= other.right
            and self.bottom >= other.bottom
        )

    def common(self, other: Box) -> Box:
        """What both have in common; an empty box where that is nothing."""
        return Box(
            max(self.left, other.left),
            max(self.top, other.top),
            min(self.right, other.right),
            min(self.bottom, other.bottom),
        )

    def within(self, size: tuple[int, ...]) -> Box:
        """The part that lies in a photo of `size` (height, width)."""
        return self.common(Box.whole(size))

    def union(self, other: Box) -> Box:
        """The smallest box around both."""
        return Box(
            min(self.left, other.left),
            min(self.top, other.top),
            max(self.right, other.right),
            max(self.bottom, other.bottom),
        )

    def grown(self, by: int) -> Box:
        """This box with `by` more pixels on every side."""
        return Box(self.left - by, self.top - by, self.right + by, self.bottom + by)

    def moved(self, x: int, y: int) -> Box:
        """This box `x` pixels to the right and `y` pixels down."""
        return Box(self.left + x, self.top + y, self.right + x, self.bottom + y)

    def relative_to(self, other: Box) -> Box:
        """The same box, counted from the upper left pixel of `other`."""
        return self.moved(-other.left, -other.top)

    def moved_inside(self, size: tuple[int, int]) -> Box:
        """This box moved into a photo of `size` (height, width), and cut to it where it is larger."""
        width, height = min(self.width, size[1]), min(self.height, size[0])
        return Box.at(min(max(self.left, 0), size[1] - width), min(max(self.top, 0), size[0] - height), width, height)

    def scaled_down(self, factor: int) -> Box:
        """The box of a map `factor` times smaller that covers this one."""
        return Box.of_spans(self.rows.scaled_down(factor), self.columns.scaled_down(factor))

    def scaled_up(self, factor: int) -> Box:
        return Box(*(factor * i for i in self))

    def tiles(self, side: int) -> list[Box]:
        """This box in boxes of about the same size, no side longer than `side`."""
        return [Box.of_spans(rows, columns) for rows in self.rows.parts(side) for columns in self.columns.parts(side)]


def around(boxes: Sequence[Box]) -> Box:
    """The smallest box around several, of which there is at least one."""
    lefts, tops, rights, bottoms = zip(*boxes, strict=True)
    return Box(min(lefts), min(tops), max(rights), max(bottoms))


class Rectangle(Protocol):
    """What `merged` joins."""

    @property
    def area(self) -> int: ...

    def union(self, other: Self, /) -> Self: ...


R = TypeVar("R", bound=Rectangle)


def merged(rectangles: Iterable[R]) -> list[R]:
    """Rectangles that cover these: one around two takes their place where it is no larger than both together.

    So it is no more work, and what overlaps is computed once, from all that either sees.
    """
    done: list[R] = []
    waiting = list(rectangles)[::-1]
    while waiting:
        one = waiting.pop()
        for index, other in enumerate(done):
            both = one.union(other)
            if both.area <= one.area + other.area:
                del done[index]
                waiting.append(both)
                break
        else:
            done.append(one)
    return done


def shared_area(a: Sequence[float], b: Sequence[float]) -> float:
    """Area that two boxes (x, y, width, height) have in common."""
    width = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    height = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    return max(width, 0.0) * max(height, 0.0)


def box_iou(a: Sequence[float], b: Sequence[float]) -> float:
    """Intersection over union of two boxes (x, y, width, height)."""
    both = shared_area(a, b)
    return both / max(a[2] * a[3] + b[2] * b[3] - both, 1e-9)
