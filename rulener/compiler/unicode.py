"""The class and fold tables of docs/design/matching.md sections 1 and 2, for all of Unicode.

Two levels: 128 code points a page; equal pages are stored once. The tables ship as `unicode.bin`, made once by
`scripts/make_unicode.py`, so that every Python version compiles the same bytes; the functions here are how they were made.
"""

from __future__ import annotations

import struct
import sys
import unicodedata
import zlib
from array import array
from functools import cache
from pathlib import Path

SHIPPED = Path(__file__).with_name("unicode.bin")

_PUNCT, _WORD, _IGNORE, _NEWLINE, _SPACE, _HYPHEN, _SLASH, _APOSTROPHE = range(8)
_UPPER = 0x10
_LOWER = 0x20
_FOLD_SHIFT = 8
_PAGE = 128

_SPECIAL = {
    _IGNORE: [0xAD, 0x200C, 0x200D, 0x2060, 0x200E, 0x200F, *range(0xFE00, 0xFE10)],
    _NEWLINE: [0x0A, 0x0D, 0x0B, 0x0C, 0x1C, 0x1D, 0x1E, 0x85, 0x2028, 0x2029],
    _SPACE: [0x200B, 0xFEFF],
    _HYPHEN: [0x2D, 0x2010, 0x2011, 0x2012, 0x2013, 0x2212, 0xFE63, 0xFF0D],
    _SLASH: [0x2F, 0x2044, 0x2215, 0xFF0F],
    _APOSTROPHE: [0x27, 0x60, 0x2018, 0x2019, 0x02BC, 0xFF07],
}
_EM_DASHES = (0x2014, 0x2015, 0xFE58)
_KEPT_CLASSES = (0, 7, 8, 9)


@cache
def _special() -> dict[int, int]:
    return {point: cls for cls, points in _SPECIAL.items() for point in points}


def char_class(point: int) -> int:
    """The class of a code point."""
    special = _special().get(point)
    if special is not None:
        return special
    char = chr(point)
    if char.isalnum() or 0xD800 <= point < 0xE000:
        return _WORD
    category = unicodedata.category(char)
    if category[0] == "M":
        return _WORD
    if char.isspace() or category == "Cc":
        return _SPACE
    return _PUNCT


def fold_word(char: str) -> str:
    """The folded letters of a WORD code point; may be empty (a combining accent)."""
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", char).casefold())
    return "".join(c for c in folded if unicodedata.combining(c) in _KEPT_CLASSES and char_class(ord(c)) == _WORD)


def fold_punct(point: int) -> str:
    """The folded form of a PUNCT code point: em dashes and full-width ASCII become ASCII."""
    if point in _EM_DASHES:
        return "-"
    if 0xFF01 <= point <= 0xFF5E:
        return chr(point - 0xFEE0)
    return chr(point)


Tables = tuple["array[int]", "array[int]", "array[int]"]


@cache
def tables() -> Tables:
    """`(pages, cells, text)`: page per 128 code points, cell per code point of a page, and the folded texts. As shipped."""
    data = zlib.decompress(SHIPPED.read_bytes())
    at = 12
    read = []
    for code, count in zip("HII", struct.unpack("<3I", data[:at]), strict=True):
        part = array(code)
        part.frombytes(data[at : at + count * part.itemsize])
        if sys.byteorder == "big":
            part.byteswap()
        at += count * part.itemsize
        read.append(part)
    pages, cells, text = read
    return pages, cells, text


def packed(made: Tables) -> bytes:
    """The tables as `unicode.bin` holds them: three counts, then the arrays, little-endian, compressed."""
    parts = [struct.pack("<3I", *map(len, made))]
    for part in made:
        copy = array(part.typecode, part)
        if sys.byteorder == "big":
            copy.byteswap()
        parts.append(copy.tobytes())
    return zlib.compress(b"".join(parts), 9)


def make_tables() -> Tables:
    """The tables from this interpreter's Unicode data."""
    pages = array("H")
    cells = array("I")
    text = array("I", [0])
    known_pages: dict[bytes, int] = {}
    known_texts: dict[str, int] = {}
    for base in range(0, sys.maxunicode + 1, _PAGE):
        page = array("I", (_cell(point, text, known_texts) for point in range(base, base + _PAGE)))
        key = page.tobytes()
        if key not in known_pages:
            known_pages[key] = len(cells) // _PAGE
            cells.extend(page)
        pages.append(known_pages[key])
    return pages, cells, text


def _cell(point: int, text: array[int], known: dict[str, int]) -> int:
    cls = char_class(point)
    char = chr(point)
    case = _UPPER if char.isupper() or char.istitle() else _LOWER if char.islower() else 0
    if cls == _WORD:
        if 0xD800 <= point < 0xE000:
            return cls
        if unicodedata.is_normalized("NFKD", char) and char.casefold() == char and unicodedata.combining(char) in _KEPT_CLASSES:
            return cls | case
        folded = fold_word(char)
        return cls | case | (_text_index(folded, text, known) << _FOLD_SHIFT if folded != char else 0)
    if cls == _PUNCT:
        folded = fold_punct(point)
        return cls | case | (_text_index(folded, text, known) << _FOLD_SHIFT if folded != char else 0)
    return cls


def _text_index(folded: str, text: array[int], known: dict[str, int]) -> int:
    at = known.get(folded)
    if at is None:
        at = known[folded] = len(text)
        text.append(len(folded))
        text.extend(ord(c) for c in folded)
    return at
