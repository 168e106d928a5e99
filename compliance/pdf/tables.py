"""Tables that wrap long words, repeat their heads and never strand a group's title."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from reportlab.platypus import Flowable, Paragraph, Table

from compliance.pdf.document import text
from compliance.pdf.style import (
    BRAND,
    CELL,
    CELL_RIGHT,
    COLUMN,
    COLUMN_RIGHT,
    GROUP,
    LINE,
    TINT,
)

Cell: TypeAlias = str | Flowable | list[Flowable]

PAD = 4.0
GAP = 8.0  # between columns; each cell is this much narrower than its column
TALLEST = 300.0  # a taller row continues in a second one, or it would never fit on a page


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column: `share` is its part of the width relative to the others."""

    title: str
    share: float
    right: bool = False
    style: Any = None

    @property
    def cell_style(self) -> Any:
        """The style of its plain text."""
        return self.style or (CELL_RIGHT if self.right else CELL)


@dataclass(frozen=True, slots=True)
class Group:
    """A row across the whole table that names those below it."""

    title: str


def grid(columns: Sequence[Column], rows: Sequence[Sequence[Cell] | Group], width: float) -> Table:
    """A ruled table of exactly `width` points.

    Row heights are computed here and given, since ReportLab's own grow super-linearly.
    """
    whole = sum(column.share for column in columns)
    widths = [width * column.share / whole for column in columns]
    body: list[list[list[Flowable]]] = [[[_head(column)] for column in columns]]
    heights = [_height(body[0], widths)]
    groups: list[int] = []
    for row in rows:
        if isinstance(row, Group):
            groups.append(len(body))
            body.append([[text(row.title, GROUP)], *[[] for _ in columns[1:]]])
            heights.append(_height(body[-1][:1], [width]))
            continue
        for part in _parts(_cells(row, columns), widths):
            body.append(part)
            heights.append(_height(part, widths))
    return Table(
        body, colWidths=widths, rowHeights=heights, repeatRows=1, style=_style(columns, groups)
    )


def _head(column: Column) -> Flowable:
    return text(column.title, COLUMN_RIGHT if column.right else COLUMN)


def _cells(row: Sequence[Cell], columns: Sequence[Column]) -> list[list[Flowable]]:
    return [_cell(cell, column) for cell, column in zip(row, columns, strict=True)]


def _cell(cell: Cell, column: Column) -> list[Flowable]:
    if isinstance(cell, str):
        return [text(cell, column.cell_style)]
    return cell if isinstance(cell, list) else [cell]


def _height(row: Sequence[list[Flowable]], widths: Sequence[float]) -> float:
    return (
        max(
            sum(_tall(item, wide) for item in cell) for cell, wide in zip(row, widths, strict=False)
        )
        + 2 * PAD
    )


def _tall(item: Flowable, wide: float) -> float:
    return float(item.wrap(wide - GAP, 10_000)[1])


def _parts(row: list[list[Flowable]], widths: Sequence[float]) -> list[list[list[Flowable]]]:
    """The row itself, or as many rows as it takes to keep each under the tallest."""
    parts = []
    while _height(row, widths) > TALLEST + 2 * PAD:
        split = [_split(cell, wide - GAP) for cell, wide in zip(row, widths, strict=True)]
        if not any(above for above, _ in split):
            break  # nothing more can be moved up
        parts.append([above for above, _ in split])
        row = [below for _, below in split]
    return [*parts, row]


def _split(cell: list[Flowable], wide: float) -> tuple[list[Flowable], list[Flowable]]:
    above: list[Flowable] = []
    room = TALLEST
    for index, item in enumerate(cell):
        tall = float(item.wrap(wide, 10_000)[1])
        if tall <= room:
            above.append(item)
            room -= tall
            continue
        pieces = item.split(wide, room) if isinstance(item, Paragraph) else []
        if len(pieces) == 2:
            return [*above, pieces[0]], [pieces[1], *cell[index + 1 :]]
        return above, cell[index:]
    return above, []


def _style(columns: Sequence[Column], groups: Sequence[int]) -> list[tuple[Any, ...]]:
    last = len(columns) - 1
    style: list[tuple[Any, ...]] = [
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
        ("VALIGN", (0, 0), (-1, 0), "BOTTOM"),
        ("LEFTPADDING", (0, 0), (-1, -1), 0),
        ("RIGHTPADDING", (0, 0), (-1, -1), GAP),
        ("TOPPADDING", (0, 0), (-1, -1), PAD),
        ("BOTTOMPADDING", (0, 0), (-1, -1), PAD),
        ("LINEBELOW", (0, 0), (-1, 0), 1, BRAND),
        ("LINEBELOW", (0, 1), (-1, -1), 0.5, LINE),
    ]
    if columns[last].right:
        style += [
            ("LEFTPADDING", (last, 0), (last, -1), GAP),
            ("RIGHTPADDING", (last, 0), (last, -1), 0),
        ]
    for row in groups:
        style += [
            ("SPAN", (0, row), (-1, row)),
            ("BACKGROUND", (0, row), (-1, row), TINT),
            ("LEFTPADDING", (0, row), (0, row), GAP),
            ("NOSPLIT", (0, row), (-1, row + 1)),
        ]
    return style
