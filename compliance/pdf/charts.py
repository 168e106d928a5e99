"""Charts as vectors, told apart without colour: by dash, marker and a name at the line's end."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Literal

from reportlab.graphics.shapes import Circle, Drawing, Group, Line, Polygon, PolyLine, Rect, String
from reportlab.lib.colors import Color, white

from compliance.pdf.fonts import BODY, BOLD, FIGURES, writable
from compliance.pdf.style import BRAND, INK, LINE, MUTED
from compliance.services.report_content import Month, Point, Trend

Spot = tuple[float, float]

_DASHES: tuple[Any, ...] = (None, (5, 2), (1, 2), (7, 2, 1, 2))
_COLOURS = (BRAND, INK, MUTED, BRAND)
_LABEL_ROOM = 118.0
_AXIS_ROOM = 30.0
_LABEL_STEP = 19.0


def trend_chart(trends: Sequence[Trend], width: float, height: float) -> Drawing:
    """The months' percentages as lines; a month without cases leaves a gap."""
    drawing = Drawing(width, height)
    months = [point.month for point in trends[0].points] if trends else []
    floor = _floor(trends)
    plot = _Plot(len(months), floor, width - _AXIS_ROOM - _LABEL_ROOM, height - 26)
    _draw_axes(drawing, plot, months)
    ends = []
    for index, trend in enumerate(trends):
        spots = plot.spots(trend.points)
        _draw_line(drawing, spots, index)
        if known := [spot for spot in spots if spot]:
            ends.append((known[-1], index, trend))
    _draw_labels(drawing, ends, width - _LABEL_ROOM + 10, height)
    return drawing


def sparkline(points: Sequence[Point], width: float = 62.0, height: float = 15.0) -> Drawing:
    """The shape of a series without axes; the last month is a dot."""
    drawing = Drawing(width, height)
    values = [point.value for point in points]
    known = [value for value in values if value is not None]
    drawing.add(Line(0, 1, width, 1, strokeColor=LINE, strokeWidth=0.5))
    if not known:
        return drawing
    low, high = _range(known, shares=points[-1].denominator is not None)
    step = (width - 5) / max(len(values) - 1, 1)
    spots = [
        None
        if value is None
        else (2 + step * i, 3 + (height - 6) * float((value - low) / (high - low)))
        for i, value in enumerate(values)
    ]
    for run in _runs(spots):
        drawing.add(
            PolyLine([xy for spot in run for xy in spot], strokeColor=MUTED, strokeWidth=0.9)
        )
    if spots[-1]:
        drawing.add(Circle(*spots[-1], 1.8, fillColor=BRAND, strokeColor=None))
    return drawing


class _Plot:
    """The area of a chart, and where a value lies in it."""

    def __init__(self, months: int, floor: int, width: float, height: float) -> None:
        self.floor, self.width, self.height = floor, width, height
        self.step = width / max(months - 1, 1)

    def x(self, index: int) -> float:
        return _AXIS_ROOM + 8 + self.step * index * (1 - 16 / self.width)

    def y(self, percent: Decimal | int) -> float:
        return 20 + (self.height - 6) * float((percent - self.floor) / Decimal(100 - self.floor))

    def spots(self, points: Sequence[Point]) -> list[Spot | None]:
        return [
            None if point.percent is None else (self.x(i), self.y(point.percent))
            for i, point in enumerate(points)
        ]


def _floor(trends: Sequence[Trend]) -> int:
    """The lowest mark of the axis: 20 points or more under 100, in steps of 20."""
    values = [p.percent for trend in trends for p in trend.points if p.percent is not None]
    lowest = min(values, default=Decimal(80))
    return min(int(lowest) // 20 * 20, 80)


def _range(values: Sequence[Decimal], *, shares: bool) -> tuple[Decimal, Decimal]:
    low, high = min(values), max(values)
    if shares:
        return min(low, Decimal(90)), Decimal(100)
    return Decimal(0), max(high, Decimal(1))


def _runs(spots: Sequence[Spot | None]) -> list[list[Spot]]:
    """The stretches without a gap."""
    runs: list[list[Spot]] = [[]]
    for spot in spots:
        if spot is None:
            runs.append([])
        else:
            runs[-1].append(spot)
    return [run for run in runs if run]


def _draw_axes(drawing: Drawing, plot: _Plot, months: Sequence[Month]) -> None:
    right = _AXIS_ROOM + plot.width
    step = 5 if plot.floor == 80 else 10 if plot.floor >= 40 else 20
    for mark in range(plot.floor, 101, step):
        y = plot.y(mark)
        drawing.add(Line(_AXIS_ROOM, y, right, y, strokeColor=LINE, strokeWidth=0.5))
        drawing.add(_label(f"{mark}%", _AXIS_ROOM - 6, y - 2.6, anchor="end"))
    for index, month in enumerate(months):
        drawing.add(_label(month.short, plot.x(index), 8, anchor="middle"))
        if index == 0 or month.number == 1:
            drawing.add(_label(str(month.year), plot.x(index), -1, anchor="middle"))


def _label(words: str, x: float, y: float, anchor: Literal["middle", "end"]) -> String:
    return String(x, y, words, fontName=FIGURES, fontSize=7.2, fillColor=MUTED, textAnchor=anchor)


def _draw_line(drawing: Drawing, spots: Sequence[Spot | None], index: int) -> None:
    colour, dash = _COLOURS[index % 4], _DASHES[index % 4]
    for run in _runs(spots):
        if len(run) > 1:
            flat = [xy for spot in run for xy in spot]
            drawing.add(PolyLine(flat, strokeColor=colour, strokeWidth=1.6, strokeDashArray=dash))
        for spot in run:
            drawing.add(_marker(spot, index, colour))


def _marker(spot: Spot, index: int, colour: Color) -> Circle | Rect | Polygon:
    x, y = spot
    look: dict[str, Any] = {"fillColor": white, "strokeColor": colour, "strokeWidth": 1.3}
    if index % 3 == 0:
        return Circle(x, y, 2.6, **look)
    if index % 3 == 1:
        return Rect(x - 2.3, y - 2.3, 4.6, 4.6, **look)
    return Polygon([x - 2.9, y - 2.2, x + 2.9, y - 2.2, x, y + 3], **look)


def _draw_labels(
    drawing: Drawing, ends: list[tuple[Spot, int, Trend]], x: float, height: float
) -> None:
    """Name each line beside its end, moved apart where ends are close."""
    top = height
    for (_, y), index, trend in sorted(ends, key=lambda end: -end[0][1]):
        top = min(y + 4, top - _LABEL_STEP)
        last = next(p.percent for p in reversed(trend.points) if p.percent is not None)
        group = Group(_marker((x, top + 2.4), index, _COLOURS[index % 4]))
        for words, font, down in ((f"{last}%", BOLD, 0.0), (trend.label, BODY, 8.6)):
            group.add(
                String(
                    x + 8, top - down, writable(words), fontName=font, fontSize=7.6, fillColor=INK
                )
            )
        drawing.add(group)
