"""The small value types that documents hand out. Plain tuples with names: cheap, hashable, picklable."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

MAX_NUMBER_LENGTH = 300  # longer ones are no floats, and int() may refuse them


class StandardConcept(NamedTuple):
    """The OMOP standard concept that a concept maps to. `id` is its concept id, None when the lexicon does not say."""

    system: str | None
    code: str | None
    name: str | None
    id: int | None


class Concept(NamedTuple):
    """A candidate concept of a mention. What the lexicon does not say (code, semantic type, standard concept) is None.

    `step` is the step of the linker that found it, `score` (0 to 1) how near the name it matched is to the mention, and
    `matched` that name when it is not the mention's own words (docs/design/linking.md).
    """

    system: str | None
    code: str | None
    name: str | None
    score: float
    semantic_type: str | None = None
    step: str = "exact"
    standard: StandardConcept | None = None
    matched: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """As in `rulener.document/1`: `semantic_type`, `standard` and `matched` only when there is one."""
        made: dict[str, Any] = {"system": self.system, "code": self.code, "name": self.name}
        made["score"], made["step"] = self.score, self.step
        if self.matched is not None:
            made["matched"] = self.matched
        if self.semantic_type is not None:
            made["semantic_type"] = self.semantic_type
        if self.standard is not None:
            made["standard"] = self.standard._asdict()
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
