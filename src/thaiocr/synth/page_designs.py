"""Designs of pages that train shows. Each fills a sheet; lines come in reading order."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, Literal, NamedTuple, TypeAlias

from thaiocr.synth.page_pictures import logo, photo, random_colour, signature, stamp
from thaiocr.synth.page_sheet import BLACK, Align, Box, Cell, Column, Sheet, write_row
from thaiocr.synth.page_text import Piece

Paper: TypeAlias = Literal["portrait", "landscape", "slip", "card"]


class Design(NamedTuple):
    """A kind of page."""

    paper: Paper
    fill: Callable[[Sheet], None]


WHITE: Final = (250, 250, 250)
SHADES: Final = ((215, 210, 205), (235, 232, 230))
"""Behind the head and behind every other row of a striped table."""


def inner(sheet: Sheet, least: float = 2.0, most: float = 4.0) -> Box:
    """Return the page without its margins, which are drawn in em."""
    across, down = (sheet.rng.uniform(least, most) * sheet.em for _ in range(2))
    return across, down, sheet.width - across, sheet.height - down


def header_and_footer(sheet: Sheet, area: Box) -> Box:
    """Write a running title, a page number or neither; returns what is left between them."""
    left, top, right, bottom = area
    pen = sheet.pen(sheet.rng.uniform(0.65, 0.85))
    if sheet.rng.random() < 0.4:
        half = (left + right) / 2
        cells = [
            Cell(sheet.words.title(sheet.rng, pen), left, half - sheet.em, "left", pen),
            Cell([Piece(sheet.words.amount(sheet.rng, pen, "date"))], half + sheet.em, right, "right", pen),
        ]
        top = write_row(sheet, cells[: sheet.rng.randint(1, 2)], top) + 0.5 * sheet.em
        if sheet.rng.random() < 0.5:
            sheet.rule((left, top), (right, top))
        top += sheet.em
    if sheet.rng.random() < 0.6:
        bottom -= 2.4 * sheet.em
    return left, top, right, bottom


def page_number(sheet: Sheet, area: Box, bottom: float) -> None:
    """Write the number of the page below the area, where room was left for it."""
    pen = sheet.pen(0.8)
    if bottom - area[3] > 2 * sheet.em:
        number = sheet.words.amount(sheet.rng, pen, "count")
        text = [Piece("-"), Piece(number, True), Piece("-", True)] if sheet.rng.random() < 0.3 else [Piece(number)]
        align: Align = sheet.rng.choice(("left", "centre", "right"))
        write_row(sheet, [Cell(text, area[0], area[2], align, pen)], area[3] + sheet.em)


def heading(column: Column, scale: float, *, most: int = 2) -> None:
    """Write a heading, sometimes underlined."""
    sheet = column.sheet
    colour = random_colour(sheet.rng, 0, 120) if sheet.rng.random() < 0.3 else BLACK
    pen = sheet.pen(scale, heading=True, colour=colour)
    align: Align = sheet.rng.choice(("left", "left", "centre"))
    boxes = column.lines(sheet.words.title(sheet.rng, pen), pen, align=align, most=most)
    if boxes and sheet.rng.random() < 0.15:
        left, _, right, bottom = boxes[-1]
        sheet.rule((left, bottom + 2), (right, bottom + 2), max(1, sheet.em // 16))
        column.skip(0.2)
    column.skip(0.3)


def paragraph(column: Column, pieces: int, *, justified: bool = False, most: int | None = None) -> None:
    """Write a paragraph of about so many words; its first line is indented by 0 or 2 em."""
    sheet = column.sheet
    pen = sheet.pen()
    indent = sheet.rng.choice((0.0, 2.0)) * sheet.em
    column.lines(sheet.words.prose(sheet.rng, pen, pieces), pen, indent=indent, justified=justified, most=most)
    column.skip(sheet.rng.uniform(0.2, 0.9))


def article(sheet: Sheet) -> None:
    """Headings and paragraphs in one column, perhaps a picture."""
    rng, whole = sheet.rng, inner(sheet)
    area = header_and_footer(sheet, whole)
    column = Column(sheet, *area[::2], *area[1::2], pitch=rng.uniform(1.35, 2.1))
    justified = rng.random() < 0.5
    heading(column, rng.uniform(1.4, 2.4))
    while column.room > 4 * sheet.em:
        if rng.random() < 0.25:
            heading(column, rng.uniform(1.05, 1.4), most=1)
        if rng.random() < 0.1 and column.room > 14 * sheet.em:
            picture(column, rng.uniform(6, 10))
        paragraph(column, rng.randint(20, 90), justified=justified)
    page_number(sheet, area, whole[3])


def picture(column: Column, ems: float) -> None:
    """Put a picture of that height into a column, mostly with a caption."""
    sheet = column.sheet
    width = round(column.width * sheet.rng.uniform(0.5, 1.0))
    left = round(column.left + sheet.rng.uniform(0, 1) * (column.width - width))
    top = round(column.y + 0.6 * sheet.em)
    sheet.paste(photo(sheet.rng, width, round(ems * sheet.em)), left, top)
    column.skip(ems + 1.0)
    if sheet.rng.random() < 0.7:
        pen = sheet.pen(0.8)
        column.lines(sheet.words.title(sheet.rng, pen), pen, align="centre", most=1)
        column.skip(0.6)


def columns(sheet: Sheet, count: int = 2) -> None:
    """A newspaper: a headline over columns of justified text."""
    rng, whole = sheet.rng, inner(sheet, 1.5, 3)
    left, top, right, bottom = area = header_and_footer(sheet, whole)
    head = Column(sheet, left, right, top, bottom)
    heading(head, rng.uniform(1.8, 3.0))
    gutter = rng.uniform(1.4, 2.2) * sheet.em
    width = (right - left - (count - 1) * gutter) / count
    pitch = rng.uniform(1.35, 1.8)
    has_rules = rng.random() < 0.4
    for number in range(count):
        start = left + number * (width + gutter)
        column = Column(sheet, start, start + width, head.y + 0.5 * sheet.em, bottom, pitch=pitch)
        while column.room > 4 * sheet.em:
            if rng.random() < 0.2:
                heading(column, rng.uniform(1.05, 1.3))
            if rng.random() < 0.12 and column.room > 12 * sheet.em:
                picture(column, rng.uniform(5, 9))
            paragraph(column, rng.randint(15, 60), justified=True)
        if has_rules and number:
            sheet.rule((start - gutter / 2, head.y + sheet.em), (start - gutter / 2, bottom))
    page_number(sheet, area, whole[3])


def table(sheet: Sheet) -> None:
    """A title and a table with or without rules; numbers to the right."""
    rng, area = sheet.rng, inner(sheet)
    column = Column(sheet, *area[::2], *area[1::2])
    heading(column, rng.uniform(1.2, 1.8))
    if rng.random() < 0.5:
        paragraph(column, rng.randint(15, 50))
    bottom = grid(sheet, (area[0], column.y + 0.5 * sheet.em, area[2], area[3]), rng.randint(5, 22))
    column.y = bottom
    column.skip(1.0)
    while column.room > 5 * sheet.em and rng.random() < 0.7:
        paragraph(column, rng.randint(10, 60))


def grid(sheet: Sheet, area: Box, rows: int) -> float:
    """Draw a table of so many rows, as far as they fit; returns its bottom."""
    rng, (left, top, right, bottom), em = sheet.rng, area, sheet.em
    count = rng.randint(3, 5)
    shares = [rng.uniform(1.6, 2.6), *(rng.uniform(0.8, 1.3) for _ in range(count - 1))]
    edges = [left + (right - left) * sum(shares[:index]) / sum(shares) for index in range(count + 1)]
    kinds = ["words", *rng.choices(("count", "price", "date", "percent", "words"), k=count - 1)]
    style = rng.choice(("grid", "rows", "none", "striped"))
    head, body = sheet.pen(heading=True), sheet.pen()
    y, starts, least = top, [], (2.4 if style == "striped" else 1.6) * em
    for row in range(rows + 1):
        if y + 2.6 * em > bottom:
            break
        starts.append(y)
        if style == "striped" and row % 2 == 0:
            sheet.fill((left, y, right, y + least), SHADES[row > 0])
        cells = [
            Cell(
                _cell(sheet, "words" if row == 0 else kind),
                start + 0.5 * em,
                end - 0.5 * em,
                "left" if kind == "words" else "right",
                body if row else head,
            )
            for kind, start, end in zip(kinds, edges, edges[1:], strict=False)
        ]
        y = max(write_row(sheet, cells, y + 0.35 * em) + 0.35 * em, y + least)
    if style in ("grid", "rows"):
        for line in (*starts, y):
            sheet.rule((left, line), (right, line))
    if style == "grid":
        for edge in edges:
            sheet.rule((edge, top), (edge, y))
    return y


def _cell(sheet: Sheet, kind: str) -> list[Piece]:
    pen = sheet.pen()
    if kind == "words":
        return sheet.words.words(sheet.rng, pen, sheet.rng.randint(1, 2))
    return [Piece(sheet.words.amount(sheet.rng, pen, kind))]


def receipt(sheet: Sheet) -> None:
    """A till slip: shop, items with prices to the right, the total."""
    rng, words, em = sheet.rng, sheet.words, sheet.em
    left, top, right, bottom = inner(sheet, 1.0, 1.8)
    column = Column(sheet, left, right, top, bottom, pitch=rng.uniform(1.3, 1.6))
    if rng.random() < 0.4:
        logo(sheet, (left + right) / 2 - 1.5 * em, top, 3 * em)
        column.skip(3.2)
    heading(column, rng.uniform(1.2, 1.6), most=1)
    for _ in range(rng.randint(1, 3)):
        column.lines(words.title(rng, sheet.pen()), align="centre", most=1)
    y = column.y + 0.5 * em
    split = left + 0.66 * (right - left)
    is_dashed = rng.random() < 0.5
    for block in (rng.randint(4, 14), rng.randint(2, 4)):
        (sheet.dots if is_dashed else _solid(sheet))(left, right, y)
        y += 0.4 * em
        for _ in range(block):
            if y + 6 * em > bottom:
                break
            cells = [
                Cell(words.words(rng, sheet.pen(), rng.randint(1, 3)), left, split - em),
                Cell(_cell(sheet, "price"), split, right, "right"),
            ]
            y = write_row(sheet, cells, y) + rng.uniform(0.2, 0.4) * em
    column.y = y
    column.lines(words.title(rng, sheet.pen()), align="centre", most=1)


def _solid(sheet: Sheet) -> Callable[[float, float, float], None]:
    return lambda left, right, y: sheet.rule((left, y), (right, y))


def form(sheet: Sheet) -> None:
    """Labels, dotted lines or boxes, most of them filled in; tick boxes; a signature."""
    rng, words, em = sheet.rng, sheet.words, sheet.em
    left, top, right, bottom = inner(sheet)
    column = Column(sheet, left, right, top, bottom)
    heading(column, rng.uniform(1.2, 1.7), most=1)
    y, manner = column.y + em, rng.choice(("dots", "rule", "box"))
    while y + 6 * em < bottom:
        if rng.random() < 0.15:
            y = _ticks(sheet, left, right, y)
            continue
        fields = rng.randint(1, 2)
        width = (right - left) / fields
        cells, blanks = [], []
        for number in range(fields):
            start, end = left + number * width, left + (number + 1) * width - em
            label = words.words(rng, sheet.pen(), rng.randint(1, 2))
            value = start + max(typed := sum(map(sheet.pen().length, (piece.text for piece in label))), 4 * em) + em
            if value + 4 * em > end:
                continue
            cells.append(Cell(label, start, start + typed + em / 2))
            blanks.append((value, end))
            if rng.random() < 0.75:
                cells.append(Cell(_value(sheet), value + 0.4 * em, end - 0.4 * em))
        ink = write_row(sheet, cells, y + 0.3 * em)
        for start, end in blanks:
            _blank(sheet, manner, (start, y, end, ink + 0.25 * em))
        y = ink + rng.uniform(0.6, 1.0) * em
    signature(sheet, left + 0.6 * (right - left), left + 0.85 * (right - left), bottom - em)


def _value(sheet: Sheet) -> list[Piece]:
    return _cell(sheet, sheet.rng.choice(("words", "words", "date", "phone", "citizen", "code")))


def _blank(sheet: Sheet, manner: str, box: Box) -> None:
    left, top, right, bottom = box
    if manner == "dots":
        sheet.dots(left, right, bottom + 1)
    elif manner == "rule":
        sheet.rule((left, bottom + 1), (right, bottom + 1))
    else:
        sheet.frame((left, top, right, bottom + 1))


def _ticks(sheet: Sheet, left: float, right: float, y: float) -> float:
    """Write three choices with boxes to tick."""
    em, width = sheet.em, (right - left) / 3
    cells = [
        Cell(_cell(sheet, "words"), left + number * width + 1.6 * em, left + (number + 1) * width - em)
        for number in range(3)
    ]
    first = len(sheet.lines)
    bottom = write_row(sheet, cells, y)
    for line in sheet.lines[first:]:
        start, side = line.box[0] - 1.4 * em, 0.7 * em
        floor = line.box[3] - 0.1 * em
        sheet.frame((start, floor - side, start + side, floor))
        if sheet.rng.random() < 0.4:
            sheet.rule((start, floor - side), (start + side, floor), max(1, em // 10))
            sheet.rule((start, floor), (start + side, floor - side), max(1, em // 10))
    return bottom + 0.6 * em


def letter(sheet: Sheet) -> None:
    """An official letter: emblem, date to the right, subject, paragraphs, signature, stamp."""
    rng, words, em = sheet.rng, sheet.words, sheet.em
    left, top, right, bottom = inner(sheet, 3, 5)
    logo(sheet, (left + right) / 2 - 2 * em, top, 4 * em)
    column = Column(sheet, left, right, top + 4.5 * em, bottom - 7 * em, pitch=rng.uniform(1.5, 2.0))
    pen = sheet.pen()
    column.lines([*words.words(rng, pen, 1), Piece(words.amount(rng, pen, "date"), True)], align="right", most=1)
    for _ in range(rng.randint(1, 3)):
        column.lines([*words.words(rng, pen, 1), Piece(words.words(rng, pen, 1)[0].text, True)], most=1)
    column.skip(0.8)
    for _ in range(rng.randint(2, 5)):
        paragraph(column, rng.randint(25, 80), justified=rng.random() < 0.5)
    start = left + 0.5 * (right - left)
    signature(sheet, start + 3 * em, right - 3 * em, column.y + 3 * em)
    if rng.random() < 0.6:
        stamp(sheet, left, column.y + em, round(rng.uniform(4, 6) * em))
    name = Column(sheet, start, right, column.y + 3.5 * em, bottom)
    for _ in range(2):
        name.lines(words.words(rng, pen, 2), align="centre", most=1)


def notice(sheet: Sheet) -> None:
    """Few and large words, sometimes light on a dark ground."""
    rng, em = sheet.rng, sheet.em
    is_dark = rng.random() < 0.4
    if is_dark:
        sheet.fill((0, 0, sheet.width, sheet.height), random_colour(rng, 20, 110))
    left, top, right, bottom = inner(sheet, 2, 3)
    if rng.random() < 0.5:
        sheet.frame((left - em, top - em, right + em, bottom + em), max(1, em // 6), 230 if is_dark else 60)
    column = Column(sheet, left, right, top, bottom, pitch=1.7)
    while column.room > 6 * em:
        pen = sheet.pen(
            rng.choice((1.2, 1.8, 2.6, 3.4)), heading=True, colour=WHITE if is_dark else random_colour(rng, 0, 110)
        )
        column.lines(sheet.words.title(rng, pen), pen, align="centre", most=2)
        column.skip(rng.uniform(0.5, 2))


def slide(sheet: Sheet) -> None:
    """A title on a band of colour, a bulleted list, a picture beside it."""
    rng, em, band = sheet.rng, sheet.em, 4.5 * sheet.em
    sheet.fill((0, 0, sheet.width, band), random_colour(rng, 30, 130))
    pen = sheet.pen(1.8, heading=True, colour=WHITE)
    write_row(sheet, [Cell(sheet.words.title(rng, pen), 2 * em, sheet.width - 2 * em, "left", pen)], 0.8 * em)
    middle = sheet.width * rng.choice((0.55, 0.95))
    column = Column(sheet, 4 * em, middle - em, band + 1.5 * em, sheet.height - 2 * em, pitch=1.8)
    while column.room > 4 * em:
        first = len(sheet.lines)
        paragraph(column, rng.randint(5, 25), most=3)
        if len(sheet.lines) > first:
            bottom = sheet.lines[first].box[3]
            sheet.fill((2.6 * em, bottom - 0.9 * em, 3.1 * em, bottom - 0.4 * em), random_colour(rng, 30, 130))
    if middle < 0.9 * sheet.width:
        size = (round(sheet.width - 2 * em - middle), round(rng.uniform(0.3, 0.6) * sheet.height))
        sheet.paste(photo(rng, *size), round(middle + em / 2), round(band + 2 * em))


TRAIN: Final[Mapping[str, Design]] = {
    "article": Design("portrait", article),
    "columns": Design("portrait", columns),
    "table": Design("portrait", table),
    "receipt": Design("slip", receipt),
    "form": Design("portrait", form),
    "letter": Design("portrait", letter),
    "notice": Design("card", notice),
    "slide": Design("landscape", slide),
}
