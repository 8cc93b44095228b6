"""A note with its entities marked in the text."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from rulener.packs.model import AXES


def marked(text: str, entities: Sequence[Any], braces: Callable[[Any], str]) -> Iterator[tuple[str, Any]]:
    """The text in pieces, each with the entity it belongs to or None. One that overlaps one before it is named behind that."""
    at = 0
    for entity in sorted(entities, key=lambda entity: (entity.start, -entity.end)):
        label = braces(entity)
        if entity.start < at:  # overlapping: named where it ends, without repeating the text
            yield "{" + f"{entity.start}-{entity.end} {label}" + "}", entity
            continue
        yield text[at : entity.start], None
        yield f"[{text[entity.start : entity.end]}]{{{label}}}", entity
        at = entity.end
    yield text[at:], None


def label_and_axes(entity: Any) -> str:
    """What an author writes between the braces of a mark."""
    return " ".join([entity.label, *(axis for axis in AXES if getattr(entity, axis))])


def as_marked(document: Any) -> str:
    """A document as its author would mark it."""
    return "".join(piece for piece, _ in marked(document.text, document.entities, label_and_axes))
