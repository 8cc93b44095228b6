"""Reading off a regular expression which whole words every match must contain.

Such a word is put into the automaton, and the regex runs only near its occurrences; so a word must never be claimed wrongly.
The reader follows the plain part of the `regex` package's syntax and gives up (no anchors) at anything else.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Literal

MIN_LENGTH = 2
MAX_WAYS = 64
MAX_NESTING = 16
_APOSTROPHES = "'\u2018\u2019\u02bc\uff07`"
_QUANTIFIER = re.compile(r"[*+?]|\{([0-9]*)(,?)([0-9]*)\}")
_PLAIN_GROUP = re.compile(r"\?(?::|>|P?<[A-Za-z_][A-Za-z0-9_]*>)")
_LOOKAROUND = re.compile(r"\?<?[=!]")
_FLAGS = re.compile(r"\?[aimsu]+(?P<scope>[:)])")
_NOT_A_WORD_AROUND = ("?!\\w)", "?<!\\w)")

# letter: a literal letter or digit. gap: at least one character, none of a word. gap?: the same or nothing.
# edge: no character, but a word cannot go on here. other: anything.
_Kind = Literal["letter", "gap", "gap?", "edge", "other"]


@dataclass(frozen=True, slots=True)
class _Element:
    kind: _Kind
    char: str = ""


_OTHER = _Element("other")
_GAP = _Element("gap")
_EDGE = _Element("edge")
_Way = list[_Element]


class _Unsure(Exception):
    """Syntax whose meaning this reader does not know."""


def regex_anchors(regex: str) -> list[str]:
    """Words such that every match of the regex holds at least one of them as a whole word; [] when unsure.

    A word is a run of two or more letters and digits, beginning with a letter, outside classes and quantifiers, with
    something on either side that no word goes on over: `\\b`, a space, punctuation, a class without word characters, `^`, `$`.
    Of each way through the alternatives the longest such word is taken.
    """
    try:
        ways = _Reader(regex).read()
    except _Unsure:
        return []
    words = [_best_word(way) for way in ways]
    return list(dict.fromkeys(words)) if all(words) else []


def _best_word(way: _Way) -> str:
    return max(_bounded_words(way), key=len, default="")


def _bounded_words(way: _Way) -> list[str]:
    words = []
    start = 0
    while start < len(way):
        end = start
        while end < len(way) and way[end].kind == "letter":
            end += 1
        word = "".join(element.char for element in way[start:end])
        if len(word) >= MIN_LENGTH and word[0].isalpha() and _closed(way[end:]) and _closed(way[:start][::-1]):
            words.append(word)
        start = max(end, start + 1)
    return words


def _closed(neighbours: _Way) -> bool:
    """Whether no word can go on over the neighbours, nearest first."""
    for element in neighbours:
        if element.kind in ("gap", "edge"):
            return True
        if element.kind != "gap?":
            return False
    return False


class _Reader:
    """Reads a regex into all ways through its alternatives."""

    def __init__(self, regex: str) -> None:
        self._regex = regex
        self._at = 0
        self._nesting = 0

    def read(self) -> list[_Way]:
        ways = self._alternatives()
        if self._at < len(self._regex):
            raise _Unsure
        return ways

    def _alternatives(self) -> list[_Way]:
        ways = self._sequence()
        while self._peek() == "|":
            self._at += 1
            ways = ways + self._sequence()
        if len(ways) > MAX_WAYS:
            raise _Unsure
        return ways

    def _sequence(self) -> list[_Way]:
        ways: list[_Way] = [[]]
        while self._peek() not in ("", "|", ")"):
            parts = self._quantified(self._atom())
            if len(ways) * len(parts) > MAX_WAYS:
                parts = [[_OTHER]]
            ways = [way + part for way in ways for part in parts]
        return ways

    def _quantified(self, parts: list[_Way]) -> list[_Way]:
        found = _QUANTIFIER.match(self._regex, self._at)
        if not found:
            if self._peek() == "{":
                raise _Unsure  # fuzzy matching, or a brace that is none
            return parts
        self._at = found.end()
        if self._peek() in ("?", "+"):
            self._at += 1  # lazy, possessive
        if self._peek() in ("{", "*", "+", "?"):
            raise _Unsure
        if found[0] == "{}" or found[0] == "{,}":
            raise _Unsure
        least = _least(found)
        if parts == [[_GAP]]:
            return [[_GAP if least else _Element("gap?")]]
        return [[_OTHER]]

    def _atom(self) -> list[_Way]:
        char = self._regex[self._at]
        self._at += 1
        if char == "(":
            return self._group()
        if char == "[":
            return [[self._class()]]
        if char == "\\":
            return [[self._escape()]]
        if char in "^$":
            return [[_EDGE]]
        if char in "*+?{":
            raise _Unsure
        return [[_OTHER if char == "." else _literal(char)]]

    def _group(self) -> list[_Way]:
        self._nesting += 1
        if self._nesting > MAX_NESTING:
            raise _Unsure
        rest = self._regex[self._at :]
        zero_width: list[_Way] | None = None
        if rest.startswith(_NOT_A_WORD_AROUND):
            zero_width = [[_EDGE]]
        elif _LOOKAROUND.match(rest):
            zero_width = [[_OTHER]]
        elif flags := _FLAGS.match(rest):
            self._at += flags.end()
            if flags["scope"] == ")":
                self._nesting -= 1
                return [[]]
        elif plain := _PLAIN_GROUP.match(rest):
            self._at += plain.end()
        elif rest.startswith(("?", "*")):
            raise _Unsure
        if zero_width is not None:
            look = _LOOKAROUND.match(rest)
            self._at += look.end() if look else 0
        ways = self._alternatives()
        if self._peek() != ")":
            raise _Unsure
        self._at += 1
        self._nesting -= 1
        return ways if zero_width is None else zero_width

    def _escape(self) -> _Element:
        char = self._next()
        if char in "bmMAZ":
            return _EDGE
        if char in "sWtnrfv":
            return _GAP
        if char in "dDwSX" or char.isdigit():
            return _OTHER
        if char in "pPNxuU":
            self._skip_argument(char)
            return _OTHER
        if char.isalnum():
            raise _Unsure
        return _literal(char)

    def _skip_argument(self, char: str) -> None:
        lengths = {"x": 2, "u": 4, "U": 8}
        if char in lengths:
            self._at += lengths[char]
        elif self._peek() == "{":
            end = self._regex.find("}", self._at)
            if end < 0:
                raise _Unsure
            self._at = end + 1
        else:
            self._at += 1

    def _class(self) -> _Element:
        """A class in brackets: a gap when none of its members can stand in a word."""
        negated = self._peek() == "^"
        if negated:
            self._at += 1
        members: list[str] = []
        wordless = True
        first = True
        while self._peek() != "]" or first:
            char = self._next()
            first = False
            if char == "[" or (char in "-&|~" and self._peek() == char):
                raise _Unsure  # a set in a set
            if char == "\\":
                char = self._next()
                if char in "sWtnrfv":
                    members.append("\t")
                    continue
                if char.isalnum():
                    wordless = False
                    if char in "pPNxuU":
                        self._skip_argument(char)
                    continue
            members.append(char)
        self._at += 1
        if negated or not wordless or any(_may_join(char) for char in members):
            return _OTHER
        return _OTHER if _has_range(members) else _GAP

    def _peek(self) -> str:
        return self._regex[self._at : self._at + 1]

    def _next(self) -> str:
        char = self._peek()
        if not char:
            raise _Unsure
        self._at += 1
        return char


def _least(quantifier: re.Match[str]) -> int:
    if quantifier[0] in ("*", "?"):
        return 0
    return 1 if quantifier[0] == "+" else int(quantifier[1] or 0)


def _literal(char: str) -> _Element:
    if char.isalnum():
        return _Element("letter", char)
    return _OTHER if _may_join(char) else _GAP


def _may_join(char: str) -> bool:
    """Letters, digits, and what a word goes on over: apostrophes, marks, invisible characters."""
    if char.isalnum() or char in _APOSTROPHES:
        return True
    return unicodedata.category(char)[0] in "MC" and not char.isspace()


def _has_range(members: list[str]) -> bool:
    """Whether a hyphen stands between two members: then what the class holds is not just its members."""
    return "-" in members[1:-1]
