"""One spelling per visible text: what looks the same on an image is the same label.

Unicode's NFC settles most scripts. For Thai it leaves four pairs of spellings that look alike:

    น + ํ + ้ + า    น้ำ    NIKHAHIT (and a tone) before SARA AA is SARA AM
    ก + ้ + ั        กั้    a tone or THANTHAKHAT is written after the vowel above or below
    เ + เ           แ     two SARA E are SARA AE
    ก + ๅ           กา    LAKKHANGYAO belongs after ฤ and ฦ only

NFKC and NFKD are never used: they split น้ำ into น ้ ํ า.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from thaiocr.text.thai import (
    LAKKHANGYAO,
    LOWER_VOWELS,
    MAI_HAN_AKAT,
    MAITAIKHU,
    NIKHAHIT,
    RU_LU,
    SARA_AA,
    SARA_AE,
    SARA_AM,
    SARA_E,
    THANTHAKHAT,
    TONES,
    UPPER_VOWELS,
)

_FIRST: Final = MAI_HAN_AKAT + UPPER_VOWELS + LOWER_VOWELS + MAITAIKHU + NIKHAHIT
_LAST: Final = TONES + THANTHAKHAT

_SUSPECT: Final = re.compile(f"{NIKHAHIT}|{LAKKHANGYAO}|{SARA_E}{SARA_E}|[{_LAST}][{_FIRST}]")
_MARKS: Final = re.compile(f"[{_FIRST}{_LAST}]{{2,}}")
_LONG_AA: Final = re.compile(f"(?<=[^{RU_LU}]){LAKKHANGYAO}")
_SPLIT_AM: Final = re.compile(f"{NIKHAHIT}([{TONES}]*){SARA_AA}")


def normalize(text: str) -> str:
    """Return the one spelling of what a text shows.

    Nothing that can be seen is added or taken away: doubled marks and other mistakes stay as they are. A ๅ at the very
    start of a text stands for itself. Applying the function twice changes nothing.
    """
    while True:
        text = unicodedata.normalize("NFC", text)
        if not _SUSPECT.search(text):
            return text
        respelt = _respell(text)
        if respelt == text:
            return text
        # Again: a respelling can bring marks together that NFC or another rule orders. It ends, because every rule
        # shortens the text, takes a ๅ away or moves a tone to the right, and NFC never moves one back past a vowel.
        text = respelt


def _respell(text: str) -> str:
    text = text.replace(SARA_E + SARA_E, SARA_AE)
    text = _LONG_AA.sub(SARA_AA, text)
    text = _MARKS.sub(lambda run: "".join(sorted(run[0], key=_LAST.__contains__)), text)
    return _SPLIT_AM.sub(rf"\1{SARA_AM}", text)
