"""Line plots side by side in one PNG, drawn with Pillow."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

FINE = 3
"""Drawn so many times as large and shrunk, for smooth lines."""
PANEL = (580, 380)
LEFT, TOP, RIGHT, BOTTOM = 76, 56, 536, 318
"""Edges of the box in a panel, in pixels."""
INK, GRID = "#1b2430", "#d9dee5"
COLOURS = ("#1f5fbf", "#c8641e", "#2b8a3e")


@dataclass(frozen=True, kw_only=True)
class Panel:
    """One plot."""

    title: str
    x_name: str
    y_name: str
    lines: Mapping[str, Sequence[tuple[float, float]]]
    is_x_log: bool = False
    is_y_log: bool = False


def save_panels(panels: Sequence[Panel], path: Path) -> None:
    """Write the panels as a picture, two in a row."""
    width, height = PANEL
    rows = -(-len(panels) // 2)
    image = Image.new("RGB", (FINE * 2 * width, FINE * rows * height), "white")
    for number, panel in enumerate(panels):
        part = Image.new("RGB", (FINE * width, FINE * height), "white")
        _draw(ImageDraw.Draw(part), panel)
        image.paste(part, (FINE * width * (number % 2), FINE * height * (number // 2)))
    image.resize((2 * width, rows * height), Image.Resampling.LANCZOS).save(path, "PNG", optimize=True)


def _draw(draw: ImageDraw.ImageDraw, panel: Panel) -> None:
    points = [point for line in panel.lines.values() for point in line]
    x_ticks = _log_ticks([x for x, _ in points]) if panel.is_x_log else sorted({x for x, _ in points})
    y_ticks = _log_ticks([y for _, y in points]) if panel.is_y_log else _ticks(max(y for _, y in points))
    place_x = _scale(x_ticks[0], x_ticks[-1], LEFT, RIGHT, is_log=panel.is_x_log)
    place_y = _scale(y_ticks[0], y_ticks[-1], BOTTOM, TOP, is_log=panel.is_y_log)
    for tick in y_ticks:
        draw.line((FINE * LEFT, place_y(tick), FINE * RIGHT, place_y(tick)), fill=GRID, width=FINE)
        _text(draw, LEFT - 8, place_y(tick) / FINE, f"{tick:,.10g}", anchor="rm")
    for tick in x_ticks:
        draw.line((place_x(tick), FINE * TOP, place_x(tick), FINE * BOTTOM), fill=GRID, width=FINE)
        _text(draw, place_x(tick) / FINE, BOTTOM + 14, f"{tick:,.10g}", anchor="mm")
    for colour, (name, line), row in zip(COLOURS, panel.lines.items(), range(9), strict=False):
        spots = [(place_x(x), place_y(y)) for x, y in line]
        draw.line(spots, fill=colour, width=2 * FINE, joint="curve")
        for x, y in spots:
            draw.ellipse((x - 4 * FINE, y - 4 * FINE, x + 4 * FINE, y + 4 * FINE), fill=colour)
        _text(draw, LEFT + 12, TOP + 14 + 18 * row, name, anchor="lm", colour=colour)
    draw.rectangle((FINE * LEFT, FINE * TOP, FINE * RIGHT, FINE * BOTTOM), outline=INK, width=FINE)
    _text(draw, LEFT, 18, panel.title, anchor="lm", size=17)
    _text(draw, LEFT, 42, panel.y_name, anchor="lm")
    _text(draw, (LEFT + RIGHT) / 2, BOTTOM + 38, panel.x_name, anchor="mm")


def _scale(low: float, high: float, start: int, end: int, *, is_log: bool) -> Callable[[float], float]:
    """Return what turns a value into pixels of the large picture."""
    bend: Callable[[float], float] = math.log10 if is_log else float
    span = (bend(high) - bend(low)) or 1.0
    return lambda value: FINE * (start + (end - start) * (bend(value) - bend(low)) / span)


def _log_ticks(values: Sequence[float]) -> list[float]:
    """Return the powers of ten around the values."""
    first, last = math.floor(math.log10(min(values)) + 1e-9), math.ceil(math.log10(max(values)) - 1e-9)
    return [10.0**power for power in range(first, max(last, first + 1) + 1)]


def _ticks(highest: float) -> list[float]:
    """Return round numbers from 0 to above the highest."""
    power = 10.0 ** math.floor(math.log10(highest / 5))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= highest / 5)
    return [number * step for number in range(math.ceil(highest / step - 1e-9) + 1)]


def _text(
    draw: ImageDraw.ImageDraw, x: float, y: float, text: str, *, anchor: str, size: int = 14, colour: str = INK
) -> None:
    draw.text((FINE * x, FINE * y), text, fill=colour, font=ImageFont.load_default(FINE * size), anchor=anchor)
