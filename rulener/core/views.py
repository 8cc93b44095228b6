"""The small value types that documents hand out. Plain tuples with names: cheap, hashable, picklable."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

MAX_NUMBER_LENGTH = 300  # longer ones are no floats, and int() may refuse them


class Concept(NamedTuple):
    """A candidate concept of a mention. What the lexicon does not say (code, semantic type) is None."""

    system: str | None
    code: str | None
    name: str | None
    score: float
    semantic_type: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """As in `rulener.document/1`: `semantic_type` only when there is one."""
        made = self._asdict()
        if self.semantic_type is None:
            del made["semantic_type"]
        return made


def distinct(concepts: Iterable[Concept]) -> tuple[Concept, ...]:
    """Each system and code once, the first name kept; concepts without a code by their name."""
    found: dict[tuple[str | None, ...], Concept] = {}
    for concept in concepts:
        found.setdefault(concept[:2] if concept.code is not None else concept[:3], concept)
    return tuple(found.values())


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


def number_of(text: str) -> int | float | None:
    """The value of a number as notes write it: "1,000", ".5", "98.6". None for one of more than 300 characters."""
    if len(text) > MAX_NUMBER_LENGTH:
        return None
    plain = text.replace(",", "")
    return float(plain) if "." in plain else int(plain)
