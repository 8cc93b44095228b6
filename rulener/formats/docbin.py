"""spaCy's DocBin (https://spacy.io/api/docbin): of each part one file of Docs. Needs the extra [spacy].

Reading one needs no rulener: `DocBin().from_disk(path).get_docs(vocab)`; docs/guide/formats.md says what a Doc holds.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING, Any

from rulener.core.columns import AXES
from rulener.formats.prodigy import task_tokens
from rulener.formats.texts import good_documents, plain, without_overlap

if TYPE_CHECKING:
    from rulener.core.columns import Batch, Document, Entity
    from rulener.formats.sink import Sink

GROUP = "rulener"
"""The group of spans that has all mentions, and the key of `doc.user_data`."""

EXTENSIONS = (*AXES, "cues", "section", "concepts", "linking", "rule", "attributes")
"""Extension attributes of the spans, named as those of the component `rulener_context`."""


class DocBinWriter:
    def __init__(self, sink: Sink, engine: Any) -> None:
        from spacy.tokens import DocBin
        from spacy.vocab import Vocab

        self._sink = sink
        self._vocab = Vocab()
        self._docs = DocBin(attrs=["ENT_IOB", "ENT_TYPE", "ENT_KB_ID", "ENT_ID", "SENT_START"], store_user_data=True)

    def write(self, batch: Batch) -> None:
        for document in good_documents(batch):
            self._docs.add(self._doc(document))

    def close(self) -> None:
        self._sink.write(self._docs.to_bytes())

    def _doc(self, document: Document) -> Any:
        from spacy.tokens import Doc

        entities = [entity for entity in document.entities if entity.start < entity.end]
        tokens = task_tokens(document.text, {one.start for one in entities}, {one.end for one in entities})
        starts = [token["start"] for token in tokens]
        ends = [token["end"] for token in tokens]
        doc = Doc(
            self._vocab,
            words=[token["text"] for token in tokens],
            spaces=[token["ws"] for token in tokens],
            sent_starts=_sentence_starts(document, starts),
            user_data=_user_data(document, entities),
        )
        spans = {entity.id: self._span(doc, entity, starts, ends) for entity in entities}
        doc.set_ents([spans[entity.id] for entity in without_overlap(entities)[0]])
        doc.spans[GROUP] = [spans[entity.id] for entity in entities]
        return doc

    def _span(self, doc: Any, entity: Entity, starts: list[int], ends: list[int]) -> Any:
        from spacy.tokens import Span

        first, last = bisect_left(starts, entity.start), bisect_left(ends, entity.end)
        return Span(doc, first, last + 1, label=entity.label, kb_id=_knowledge_base_id(entity), span_id=entity.id)


def _sentence_starts(document: Document, starts: list[int]) -> list[bool] | None:
    """For each token whether a sentence begins with it; None when the document has no sentences."""
    if not document.sentences or not starts:
        return None
    begins = {min(bisect_left(starts, sentence.start), len(starts) - 1) for sentence in document.sentences}
    return [number in begins or number == 0 for number in range(len(starts))]


def _user_data(document: Document, entities: list[Entity]) -> dict[Any, Any]:
    """The note as a whole, and the extension attributes as spaCy keeps them: declared or not, they are there."""
    whole = {"note_id": document.note_id, "engine": document.engine, "metadata": document.metadata}
    records = {entity.id: _record(entity) for entity in document.entities}
    found: dict[Any, Any] = {GROUP: {**whole, "entities": list(records.values())}}
    for entity in reversed(entities):  # two mentions in one place share their attributes: those of the first
        record = records[entity.id]
        for name in EXTENSIONS:
            found["._.", name, record["start"], record["end"]] = record[name]
    return found


def _record(entity: Entity) -> dict[str, Any]:
    record = entity.to_dict()
    record["text"] = plain(record["text"])
    for attribute in record["attributes"].values():
        attribute["text"] = plain(attribute["text"])
    return record


def _knowledge_base_id(entity: Entity) -> str:
    """`SYSTEM:CODE` of the first concept of a mention that is linked, else nothing."""
    if entity.linking != "resolved" or not entity.concepts:
        return ""
    first = entity.concepts[0]
    return f"{first.system}:{first.code}" if first.system is not None and first.code is not None else ""
