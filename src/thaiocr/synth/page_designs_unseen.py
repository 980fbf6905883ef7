"""Designs of pages that train never shows: those of val, and others of test."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from thaiocr.synth.page_designs import Design, grid, header_and_footer, heading, inner, page_number, paragraph
from thaiocr.synth.page_pictures import barcode, logo, photo, random_colour, stamp
from thaiocr.synth.page_sheet import Cell, Column, Sheet, write_row
from thaiocr.synth.page_text import Piece


def invoice(sheet: Sheet) -> None:
    """Two addresses side by side, a table, sums on the right, a bar code, a stamp."""
    rng, words, em = sheet.rng, sheet.words, sheet.em
    left, top, right, bottom = inner(sheet, 2, 3.5)
    middle = (left + right) / 2
    logo(sheet, left, top, 3 * em)
    pen = sheet.pen(2.0, heading=True)
    y = write_row(sheet, [Cell(words.words(rng, pen, 1), middle, right, "right", pen)], top) + 1.5 * em
    y = max(y, top + 4 * em)
    for _ in range(rng.randint(3, 5)):
        cells = [
            Cell(words.prose(rng, sheet.pen(), rng.randint(3, 6)), left, middle - 2 * em),
            Cell(words.words(rng, sheet.pen(), 1), middle, middle + 6 * em),
            Cell(
                [Piece(words.amount(rng, sheet.pen(), rng.choice(("date", "code", "phone"))))], middle + 7 * em, right
            ),
        ]
        y = write_row(sheet, cells, y) + 0.4 * em
    y = grid(sheet, (left, y + em, right, bottom - 12 * em), rng.randint(3, 12)) + 0.8 * em
    for _ in range(rng.randint(2, 4)):
        cells = [
            Cell(words.words(rng, sheet.pen(), rng.randint(1, 2)), middle, middle + 8 * em),
            Cell([Piece(words.amount(rng, sheet.pen(), "price"))], middle + 9 * em, right, "right"),
        ]
        y = write_row(sheet, cells, y) + 0.4 * em
    barcode(sheet, left, left + 9 * em, y + em, y + 3.5 * em)
    code = Cell([Piece(words.amount(rng, sheet.pen(), "code"))], left, left + 9 * em, "centre")
    write_row(sheet, [code], y + 4 * em)
    stamp(sheet, middle + 2 * em, y + 1.5 * em, round(4.5 * em))


def catalogue(sheet: Sheet) -> None:
    """Cards in rows of three: a picture, a name, a price, a few words."""
    rng, words, em = sheet.rng, sheet.words, sheet.em
    left, top, right, bottom = inner(sheet, 1.5, 2.5)
    head = Column(sheet, left, right, top, bottom)
    heading(head, rng.uniform(1.5, 2.2), most=1)
    width, y = (right - left) / 3, head.y + em
    has_frames = rng.random() < 0.5
    while y + 14 * em < bottom:
        ends = []
        for number in range(3):
            start, end = left + number * width + 0.6 * em, left + (number + 1) * width - 0.6 * em
            sheet.paste(photo(rng, round(end - start), round(5 * em)), round(start), round(y))
            column = Column(sheet, start + 0.3 * em, end - 0.3 * em, y + 5.5 * em, y + 13 * em, pitch=1.5)
            column.lines(words.title(rng, sheet.pen()), sheet.pen(heading=True), most=2)
            price = sheet.pen(1.2, heading=True, colour=random_colour(rng, 0, 120))
            column.lines([Piece(words.amount(rng, price, "price"))], price, most=1)
            small = sheet.pen(0.8)
            column.lines(words.prose(rng, small, 12), small, most=3)
            ends.append(column.y)
            if has_frames:
                sheet.frame((start - 0.2 * em, y - 0.2 * em, end + 0.2 * em, y + 13.3 * em), grey=170)
        y = y + 14.5 * em if has_frames else max(ends) + 1.5 * em


def exam(sheet: Sheet) -> None:
    """Numbered questions with four choices each, in two columns of choices."""
    rng, words, em = sheet.rng, sheet.words, sheet.em
    whole = inner(sheet)
    left, top, right, bottom = area = header_and_footer(sheet, whole)
    head = Column(sheet, left, right, top, bottom)
    heading(head, rng.uniform(1.2, 1.6), most=1)
    y, number, middle = head.y + em, 0, (left + right) / 2
    letters = rng.choice(("กขคง", "1234", "ABCD"))
    while y + 8 * em < bottom:
        number += 1
        write_number = Cell(
            [Piece(f"{number}." if words.is_possible(f"{number}.", sheet.pen()) else "ก")], left, left + 2 * em
        )
        column = Column(sheet, left + 2.4 * em, right, y, bottom)
        first = len(sheet.lines)
        column.lines(words.prose(rng, sheet.pen(), rng.randint(6, 20)), most=2)
        question = sheet.lines[first:]
        del sheet.lines[first:]
        write_row(sheet, [write_number], y)
        sheet.lines.extend(question)
        y = column.y + 0.5 * em
        for pair in (letters[:2], letters[2:]):
            cells = [
                Cell(
                    [Piece(letter), *_spaced(words.words(rng, sheet.pen(), rng.randint(1, 2)))],
                    start,
                    start + 0.4 * (right - left),
                )
                for letter, start in zip(pair, (left + 3 * em, middle + em), strict=True)
            ]
            y = write_row(sheet, cells, y) + 0.3 * em
        y += 0.8 * em
    page_number(sheet, area, whole[3])


def _spaced(pieces: list[Piece]) -> list[Piece]:
    return [Piece(pieces[0].text, spaced=True), *pieces[1:]]


def menu(sheet: Sheet) -> None:
    """Dishes with dotted leaders to their prices, on coloured paper."""
    rng, words, em = sheet.rng, sheet.words, sheet.em
    sheet.fill((0, 0, sheet.width, sheet.height), random_colour(rng, 205, 250))
    left, top, right, bottom = inner(sheet, 2.5, 4)
    sheet.frame((left - 1.5 * em, top - 1.5 * em, right + 1.5 * em, bottom + 1.5 * em), 2)
    head = Column(sheet, left, right, top, bottom)
    heading(head, rng.uniform(1.8, 2.6), most=1)
    y = head.y + em
    while y + 5 * em < bottom:
        pen = sheet.pen(1.3, heading=True, colour=random_colour(rng, 0, 110))
        y = write_row(sheet, [Cell(words.title(rng, pen), left, right, "centre", pen)], y) + 0.6 * em
        for _ in range(rng.randint(3, 7)):
            if y + 2.5 * em > bottom:
                break
            first = len(sheet.lines)
            cells = [
                Cell(words.words(rng, sheet.pen(), rng.randint(1, 3)), left, right - 8 * em),
                Cell([Piece(words.amount(rng, sheet.pen(), "price"))], right - 6 * em, right, "right"),
            ]
            y = write_row(sheet, cells, y)
            name, *price = (line.box for line in sheet.lines[first:])
            if price:
                sheet.dots(name[2] + em, price[0][0] - 0.7 * em, price[0][3] - 0.1 * em)
            y += rng.uniform(0.3, 0.6) * em
        y += 0.8 * em


def newsletter(sheet: Sheet) -> None:
    """A dark masthead, a wide column and a shaded one beside it."""
    rng, em = sheet.rng, sheet.em
    left, _, right, bottom = inner(sheet, 1.5, 2.5)
    band = 5 * em
    sheet.fill((0, 0, sheet.width, band), random_colour(rng, 20, 120))
    pen = sheet.pen(2.2, heading=True, colour=(250, 250, 250))
    write_row(sheet, [Cell(sheet.words.title(rng, pen), left, right, "left", pen)], 0.9 * em)
    edge, top = left + 0.62 * (right - left), band + em
    sheet.fill((edge + 0.6 * em, top, right, bottom), random_colour(rng, 215, 240))
    for start, end in ((left, edge), (edge + 1.2 * em, right - 0.6 * em)):
        column = Column(sheet, start, end, top + 0.5 * em, bottom - 0.5 * em, pitch=rng.uniform(1.4, 1.8))
        while column.room > 5 * em:
            heading(column, rng.uniform(1.05, 1.4))
            paragraph(column, rng.randint(15, 60), justified=rng.random() < 0.5)


VAL: Final[Mapping[str, Design]] = {
    "invoice": Design("portrait", invoice),
    "catalogue": Design("portrait", catalogue),
}
TEST: Final[Mapping[str, Design]] = {
    "exam": Design("portrait", exam),
    "menu": Design("card", menu),
    "newsletter": Design("portrait", newsletter),
}
