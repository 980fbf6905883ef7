"""The letters and marks of Thai script, named as in Unicode.

Marks are written as escapes, because they need a base to be seen.
"""

from __future__ import annotations

from typing import Final

CONSONANTS: Final = "กขฃคฅฆงจฉชซฌญฎฏฐฑฒณดตถทธนบปผฝพฟภมยรลวศษสหฬอฮ"
"""The 44 consonants; ฤ and ฦ are vowels."""
LEADING_VOWELS: Final = "เแโใไ"
DIGITS: Final = "๐๑๒๓๔๕๖๗๘๙"

MAI_HAN_AKAT: Final = "\u0e31"
"""กั"""
UPPER_VOWELS: Final = "\u0e34\u0e35\u0e36\u0e37"
"""กิ กี กึ กื"""
LOWER_VOWELS: Final = "\u0e38\u0e39"
"""กุ กู"""
PHINTHU: Final = "\u0e3a"
"""กฺ"""
MAITAIKHU: Final = "\u0e47"
"""ก็"""
TONES: Final = "\u0e48\u0e49\u0e4a\u0e4b"
"""ก่ ก้ ก๊ ก๋"""
THANTHAKHAT: Final = "\u0e4c"
"""ก์"""
NIKHAHIT: Final = "\u0e4d"
"""กํ"""

SARA_AA: Final = "า"
SARA_AM: Final = "\u0e33"
"""กำ"""
LAKKHANGYAO: Final = "ๅ"
SARA_E: Final = "เ"
SARA_AE: Final = "แ"
RU_LU: Final = "ฤฦ"


def is_thai(text: str) -> bool:
    """Say whether a text holds a character of the Thai block, U+0E00 to U+0E7F."""
    return any("\u0e00" <= character <= "\u0e7f" for character in text)
