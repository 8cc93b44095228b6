"""The small value types that documents hand out. Plain tuples with names: cheap, hashable, picklable."""

from __future__ import annotations

from typing import NamedTuple


class Concept(NamedTuple):
    """A candidate concept of a mention. `system` and `code` are None when the lexicon gives no code."""

    system: str | None
    code: str | None
    name: str | None
    score: float


class Cue(NamedTuple):
    """Why an axis is true: the cue's span, its rule and its scope (code points), and how it reached the mention.

    `via` is `direct`, `list`, `field` or `section` (then the span is the section's heading).
    """

    axis: str
    start: int
    end: int
    rule: str
    scope_start: int
    scope_end: int
    via: str


class Attribute(NamedTuple):
    """A captured part of a mention. `number` is its value when the capture is a number."""

    text: str
    start: int
    end: int
    number: int | float | None


class Section(NamedTuple):
    """A section of the note. `name` and `rule` are None for a heading no pack knows. `body` is where its text begins."""

    name: str | None
    start: int
    end: int
    heading_start: int
    heading_end: int
    body: int
    rule: str | None


class Sentence(NamedTuple):
    start: int
    end: int


def number_of(text: str) -> int | float:
    """The value of a number as notes write it: "1,000", ".5", "98.6"."""
    plain = text.replace(",", "")
    return float(plain) if "." in plain else int(plain)
