"""The class and fold tables against a second reading of docs/design/matching.md, sections 1 and 2."""

from __future__ import annotations

import sys
import unicodedata

import pytest

from rulener.compiler.unicode import make_tables, tables

PUNCT, WORD, IGNORE, NEWLINE, SPACE, HYPHEN, SLASH, APOSTROPHE = NAMES = (
    "punct", "word", "ignore", "newline", "space", "hyphen", "slash", "apostrophe",
)  # fmt: skip
ROWS = {
    IGNORE: "\u00ad\u200c\u200d\u2060\u200e\u200f" + "".join(chr(point) for point in range(0xFE00, 0xFE10)),
    NEWLINE: "\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029",
    HYPHEN: "-\u2010\u2011\u2012\u2013\u2212\ufe63\uff0d",
    SLASH: "/\u2044\u2215\uff0f",
    APOSTROPHE: "'\u2018\u2019\u02bc\uff07`",
}
SPECIALS = sorted(
    {ord(char) for row in ROWS.values() for char in row}
    | {ord(char) for char in "\0\t \x1f\x7f\xa0\u200b\ufeff\u3000\u2014\u2015\ufe58\uff01\uff21\uff5e"}
    | {ord(char) for char in "\u00df\u0130\ufb01\u00b2\u00b5\u03bc\u0345"}
    | {0xD7FF, 0xD800, 0xDFFF, 0xE000, 0xFFFF, 0x10000, 0x1D400, 0x1F600, sys.maxunicode, *range(0x80)}
)
ASSIGNED = {point for point in range(0, sys.maxunicode + 1, 7) if unicodedata.category(chr(point)) != "Cn"}
SAME_UNICODE = unicodedata.unidata_version == "15.1.0"
# The shipped tables are Unicode 15.1.0. An older Python knows fewer characters, a newer one more: those are left out.
NEWER = tuple(int(part) for part in unicodedata.unidata_version.split(".")) > (15, 1, 0)
POINTS = sorted(SPECIALS) if NEWER else sorted({*(range(0, sys.maxunicode + 1, 7) if SAME_UNICODE else ASSIGNED), *SPECIALS})


@pytest.mark.skipif(not SAME_UNICODE, reason="this Python has another Unicode version than the shipped tables")
def test_the_shipped_tables_are_those_of_the_rules() -> None:
    assert tables() == make_tables()


def class_of(char: str) -> str:
    for name in (IGNORE, NEWLINE, HYPHEN, SLASH, APOSTROPHE):
        if char in ROWS[name]:
            return name
    if 0xD800 <= ord(char) <= 0xDFFF or char.isalnum() or unicodedata.category(char) in ("Mn", "Mc", "Me"):
        return WORD
    if char.isspace() or unicodedata.category(char) == "Cc" or char in "\u200b\ufeff":
        return SPACE
    return PUNCT


def fold_of(char: str) -> str:
    kind = class_of(char)
    if kind == PUNCT:
        if char in "\u2014\u2015\ufe58":
            return "-"
        return chr(ord(char) - 0xFEE0) if "\uff01" <= char <= "\uff5e" else char
    if kind != WORD or 0xD800 <= ord(char) <= 0xDFFF:
        return char
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", char).casefold())
    return "".join(c for c in folded if class_of(c) == WORD and unicodedata.combining(c) in (0, 7, 8, 9))


class Cells:
    def __init__(self) -> None:
        self.pages, self.cells, self.text = tables()

    def __getitem__(self, point: int) -> tuple[str, str, bool, bool]:
        """Class, fold, upper, lower of a code point."""
        cell = self.cells[self.pages[point // 128] * 128 + point % 128]
        at = cell >> 8
        folded = "".join(chr(p) for p in self.text[at + 1 : at + 1 + self.text[at]]) if at else chr(point)
        return NAMES[cell & 15], folded, bool(cell & 16), bool(cell & 32)


@pytest.fixture(scope="module")
def cells() -> Cells:
    return Cells()


def test_the_tables_follow_the_specification(cells: Cells) -> None:
    for point in POINTS:
        char = chr(point)
        kind = class_of(char)
        upper, lower = (char.isupper() or char.istitle(), char.islower()) if kind == WORD else (False, False)
        if SAME_UNICODE or point in SPECIALS:
            assert cells[point] == (kind, fold_of(char), upper, lower), f"U+{point:04X}"
        else:  # the case of a few characters changes from version to version
            assert cells[point][:2] == (kind, fold_of(char)), f"U+{point:04X}"


@pytest.mark.parametrize(
    ("char", "folded"),
    [("\ufb01", "fi"), ("\u00df", "ss"), ("\u0130", "i"), ("\u00e9", "e"), ("\u00b2", "2"), ("\u00b5", "\u03bc"),
     ("\U0001d400", "a"), ("\u0301", ""), ("\uff21", "a"), ("\ud800", "\ud800"), ("\u2014", "-"), ("\uff1a", ":"),
     ("\u212b", "a")],
)  # fmt: skip
def test_what_authors_count_on(cells: Cells, char: str, folded: str) -> None:
    assert cells[ord(char)][1] == folded


def test_no_fold_is_longer_than_the_core_allows(cells: Cells) -> None:
    longest = max(len(fold_of(chr(point))) for point in range(sys.maxunicode + 1) if not 0xD800 <= point <= 0xDFFF)
    assert 1 < longest <= 32


def test_composed_and_decomposed_letters_fold_alike(cells: Cells) -> None:
    for point in range(0xC0, 0x2000):
        decomposed = unicodedata.normalize("NFD", chr(point))
        if class_of(chr(point)) == WORD and class_of(decomposed[0]) == WORD and len(decomposed) > 1:
            assert "".join(cells[ord(c)][1] for c in decomposed) == cells[point][1], f"U+{point:04X}"
