"""The picture of a learning-rate range test: loss over the rate, whose axis is logarithmic."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from typing import Final

from PIL import Image, ImageDraw, ImageFont

WIDTH, HEIGHT = 960, 600
LEFT, TOP, RIGHT, BOTTOM = 80, 56, 930, 530
"""Edges of the box, in pixels."""
FINE: Final = 3
"""Drawn so many times as large and shrunk, for smooth lines."""
HIGHEST: Final = 1.3
"""The axis ends at so many times the first loss, however far the last ones shoot up."""
TICKS: Final = 5

INK, GRID, RAW, SMOOTH, MARK = "#1b2430", "#d9dee5", "#a9c6ef", "#1f5fbf", "#c81e1e"


class _Axes:
    """From rates and losses to pixels of the large picture."""

    def __init__(self, rates: Sequence[float], losses: Sequence[float], first: float) -> None:
        first_decade = math.floor(math.log10(min(rates)) + 1e-9)
        self.decades = first_decade, max(math.ceil(math.log10(max(rates)) - 1e-9), first_decade + 1)
        low, high = min(losses), min(max(losses), HIGHEST * first)
        self.step = _round_step((high - low) / TICKS)
        self.low = math.floor(low / self.step) * self.step
        self.high = max(math.ceil(high / self.step), math.floor(low / self.step) + 1) * self.step

    def x(self, rate: float) -> float:
        first, last = self.decades
        return FINE * (LEFT + (RIGHT - LEFT) * (math.log10(rate) - first) / (last - first))

    def y(self, loss: float) -> float:
        share = (min(loss, self.high) - self.low) / (self.high - self.low)
        return FINE * (BOTTOM - (BOTTOM - TOP) * share)


def plot(
    rates: Sequence[float], losses: Sequence[float], smoothed: Sequence[float], *, suggested: float | None
) -> bytes:
    """Draw the losses of all steps and their moving average, and mark the suggested rate.

    Args:
        rates: One for each step, rising.
        losses: As many; those above the picture run along its upper edge.
        smoothed: As many.
        suggested: None when there is none.

    Returns:
        A PNG of 960 x 600 pixels.
    """
    image = Image.new("RGB", (FINE * WIDTH, FINE * HEIGHT), "white")
    draw = ImageDraw.Draw(image)
    title = "Learning-rate range test" + ("" if suggested else ": the loss did not fall, no rate to suggest")
    _text(draw, (LEFT, 20), title, anchor="lm", size=20)
    if rates:
        axes = _Axes(rates, smoothed, smoothed[0])
        _grid(draw, axes)
        _line(draw, axes, rates, losses, RAW, width=2)
        _line(draw, axes, rates, smoothed, SMOOTH, width=3)
        if suggested:
            _mark(draw, axes, suggested)
        _legend(draw)
    draw.rectangle(_fine(LEFT, TOP, RIGHT, BOTTOM), outline=INK, width=FINE)
    _text(draw, ((LEFT + RIGHT) / 2, 578), "learning rate", anchor="mm")
    _text(draw, (24, TOP - 16), "loss", anchor="lm")
    content = io.BytesIO()
    image.resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS).save(content, "PNG")
    return content.getvalue()


def _grid(draw: ImageDraw.ImageDraw, axes: _Axes) -> None:
    first, last = axes.decades
    for power in range(first, last + 1):
        x = axes.x(10.0**power)
        draw.line((x, FINE * TOP, x, FINE * BOTTOM), fill=GRID, width=FINE)
        _text(draw, (x / FINE, BOTTOM + 18), f"1e{power}", anchor="mm")
    for number in range(round((axes.high - axes.low) / axes.step) + 1):
        loss = axes.low + number * axes.step
        y = axes.y(loss)
        draw.line((FINE * LEFT, y, FINE * RIGHT, y), fill=GRID, width=FINE)
        _text(draw, (LEFT - 10, y / FINE), f"{round(loss, 6):g}", anchor="rm")


def _line(
    draw: ImageDraw.ImageDraw, axes: _Axes, rates: Sequence[float], losses: Sequence[float], colour: str, *, width: int
) -> None:
    points = [(axes.x(rate), axes.y(loss)) for rate, loss in zip(rates, losses, strict=True)]
    draw.line(points, fill=colour, width=FINE * width, joint="curve")


def _mark(draw: ImageDraw.ImageDraw, axes: _Axes, suggested: float) -> None:
    x = axes.x(suggested)
    draw.line((x, FINE * TOP, x, FINE * BOTTOM), fill=MARK, width=2 * FINE)
    is_right = x > FINE * (LEFT + RIGHT) / 2
    _text(
        draw,
        (x / FINE + (-8 if is_right else 8), TOP + 20),
        f"suggested: {suggested:g}",
        anchor="rm" if is_right else "lm",
        colour=MARK,
    )


def _legend(draw: ImageDraw.ImageDraw) -> None:
    for x, name, colour in ((RIGHT - 250, "loss of a step", RAW), (RIGHT - 110, "smoothed", SMOOTH)):
        draw.line(_fine(x, 40, x + 24, 40), fill=colour, width=3 * FINE)
        _text(draw, (x + 30, 40), name, anchor="lm")


def _text(
    draw: ImageDraw.ImageDraw,
    place: tuple[float, float],
    text: str,
    *,
    anchor: str,
    size: int = 16,
    colour: str = INK,
) -> None:
    font = ImageFont.load_default(FINE * size)
    draw.text((FINE * place[0], FINE * place[1]), text, fill=colour, font=font, anchor=anchor)


def _fine(*places: float) -> tuple[float, ...]:
    return tuple(FINE * place for place in places)


def _round_step(step: float) -> float:
    """Return the next larger of 1, 2 and 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(max(step, 1e-9)))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= step)
