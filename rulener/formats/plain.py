"""Documents that were read from files: what writers use of documents and batches, as plain data."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from rulener.core.columns import AXES, SCHEMA
from rulener.core.views import Attribute, Concept, Cue, Section, Sentence, StandardConcept
from rulener.formats.readers import Unreadable
from rulener.formats.texts import utf8

NO_ENGINE = "00000000"
"""Stands for the fingerprint where no engine made a document, or nobody knows which."""


@dataclass(frozen=True, slots=True)
class PlainEntity:
    """A mention. Its names are those of `rulener.Entity`.

    `fragments` are the pieces of a mention that has gaps, by place; empty when it has none. `start` and `end` reach over all.
    An axis that nobody judged is None.
    """

    start: int
    end: int
    text: str
    label: str
    id: str = "T1"
    concepts: tuple[Concept, ...] = ()
    linking: str | None = None
    negated: bool | None = None
    uncertain: bool | None = None
    historical: bool | None = None
    hypothetical: bool | None = None
    family: bool | None = None
    section: str | None = None
    sentence: int | None = None
    attributes: dict[str, Attribute] = field(default_factory=dict)
    rule: str | None = None
    cues: tuple[Cue, ...] = ()
    fragments: tuple[tuple[int, int], ...] = ()

    @property
    def rule_place(self) -> None:
        """Not known."""

    def asserting(self, axes: Mapping[str, bool]) -> PlainEntity:
        """The mention with these axes."""
        values: dict[str, Any] = dict(axes)
        return replace(self, **values)

    def to_dict(self) -> dict[str, Any]:
        """As in `rulener.document/1`."""
        made: dict[str, Any] = {"id": self.id, "start": self.start, "end": self.end, "text": self.text, "label": self.label}
        made["concepts"] = [concept.to_dict() for concept in self.concepts]
        made["linking"] = self.linking
        made |= {axis: getattr(self, axis) for axis in AXES}
        made |= {"section": self.section, "sentence": self.sentence}
        made["attributes"] = {name: value._asdict() for name, value in self.attributes.items()}
        return made | {"rule": self.rule, "cues": [cue._asdict() for cue in self.cues]}


@dataclass(frozen=True, slots=True)
class PlainDocument:
    """A note with its mentions by start. `text` is empty and `length` says how long it is where the text is not at hand.

    `judged` are the axes that annotators have judged: those that may be taken for gold.
    """

    note_id: str
    text: str
    entities: tuple[PlainEntity, ...]
    length: int
    sections: tuple[Section, ...] = ()
    sentences: tuple[Sentence, ...] = ()
    metadata: dict[str, Any] = field(default_factory=dict)
    engine: str = NO_ENGINE
    judged: tuple[str, ...] = ()

    @property
    def relations(self) -> tuple[()]:
        return ()

    def __len__(self) -> int:
        return len(self.entities)

    def to_dict(self) -> dict[str, Any]:
        """Plain data: schema `rulener.document/1`."""
        made: dict[str, Any] = {"schema": SCHEMA, "note_id": self.note_id, "engine": self.engine, "length": self.length}
        made["sections"] = [section._asdict() for section in self.sections]
        made["entities"] = [entity.to_dict() for entity in self.entities]
        return made | {"relations": [], **({"metadata": self.metadata} if self.metadata else {})}


def document_of(
    note_id: str, text: str, entities: Iterable[PlainEntity], *, length: int | None = None, **more: Any
) -> PlainDocument:
    """A document of these mentions, ordered by place and numbered. Raises TypeError for metadata that are no dict."""
    if not isinstance(more.get("metadata", {}), dict):
        raise TypeError("metadata")
    ordered = sorted(entities, key=lambda entity: (entity.start, -entity.end))
    numbered = tuple(replace(entity, id=f"T{number}") for number, entity in enumerate(ordered, 1))
    return PlainDocument(note_id, text, numbered, len(text) if length is None else length, **more)


class PlainBatch:
    """Some documents, for writers. `metadata` has one dict a note when a note of the whole conversion carries something."""

    failures: tuple[()] = ()

    def __init__(self, documents: Sequence[PlainDocument], *, with_metadata: bool = False) -> None:
        self.documents = documents
        self.metadata = [document.metadata for document in documents] if with_metadata else []
        self.n_entities = sum(map(len, documents))

    def __len__(self) -> int:
        return len(self.documents)

    def document(self, number: int) -> PlainDocument:
        return self.documents[number]


@dataclass(frozen=True, slots=True)
class PlainEngine:
    """What writers ask of an engine: the labels there are and who made the results."""

    labels: tuple[str, ...]
    fingerprint: str = NO_ENGINE

    def info(self) -> dict[str, Any]:
        return {"schemes": {}}

    def json_lines(self, batch: PlainBatch) -> bytes:
        return b"".join(
            utf8(json.dumps(document.to_dict(), ensure_ascii=False, separators=(",", ":")) + "\n") for document in batch.documents
        )


class Left:
    """What a reader could not take over, counted by kind."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()

    def out(self, what: str, count: int = 1) -> None:
        if count:
            self.counts[what] += count


class BadAnnotation(Exception):
    """A place and what is wrong there; readers make an Unreadable of it. N120: cannot be read, N121: does not fit the text."""

    def __init__(self, code: str, reason: str, place: str = "") -> None:
        super().__init__(code, reason, place)
        self.code = code
        self.reason = reason
        self.place = place

    def unreadable(self, note_id: str | None) -> Unreadable:
        return Unreadable(note_id, self.code, f"{self.place}: {self.reason}" if self.place else self.reason)


def span(text: str, start: Any, end: Any) -> tuple[int, int]:
    """Offsets that lie in the text. Raises BadAnnotation."""
    if not _is_offset(start) or not _is_offset(end):
        raise BadAnnotation("N120", "the offsets are no whole numbers")
    if not 0 <= start <= end <= len(text):
        raise BadAnnotation("N121", f"{start} to {end} is not in the text of {len(text)} characters")
    return start, end


def _is_offset(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


# --- from the plain data of documents and tables


def entity_from(record: dict[str, Any]) -> PlainEntity:
    """The mention of an object of `rulener.document/1`. Raises KeyError, TypeError, ValueError when it is none."""
    start, end = record["start"], record["end"]
    if not _is_offset(start) or not _is_offset(end) or not isinstance(record["label"], str):
        raise TypeError("offsets and label")
    axes: dict[str, Any] = {axis: _assertion(record.get(axis)) for axis in AXES}
    return PlainEntity(
        start,
        end,
        str(record["text"]),
        record["label"],
        concepts=tuple(concept_from(one) for one in record.get("concepts") or ()),
        linking=record.get("linking"),
        **axes,
        section=record.get("section"),
        sentence=record.get("sentence"),
        attributes={name: _fields(Attribute, one) for name, one in (record.get("attributes") or {}).items()},
        rule=record.get("rule"),
        cues=tuple(_fields(Cue, one) for one in record.get("cues") or ()),
    )


def concept_from(record: dict[str, Any]) -> Concept:
    standard = record.get("standard")
    return Concept(
        record["system"],
        record["code"],
        record["name"],
        float(record["score"]),
        record.get("semantic_type"),
        record["step"],
        None if standard is None else _fields(StandardConcept, standard),
        record.get("matched"),
    )


def sections_from(records: Iterable[dict[str, Any]]) -> Iterator[Section]:
    return (_fields(Section, record) for record in records)


def _assertion(value: Any) -> bool | None:
    if value is None or isinstance(value, bool):
        return value
    raise TypeError("an axis is true, false or null")


def _fields(kind: Any, record: dict[str, Any]) -> Any:
    return kind(*(record[name] for name in kind._fields))
