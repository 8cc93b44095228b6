"""doccano's JSONL for sequence labelling: one note a line, `label` a list of [start, end, label]."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from rulener.formats.texts import asserted, good_documents, plain, utf8

if TYPE_CHECKING:
    from rulener.core.columns import Batch, Document
    from rulener.formats.sink import Sink


class DoccanoWriter:
    def __init__(self, sink: Sink, engine: Any) -> None:
        self._sink = sink

    def write(self, batch: Batch) -> None:
        for document in good_documents(batch):
            self._sink.write(utf8(json.dumps(_record(document), ensure_ascii=False) + "\n"))

    def close(self) -> None:
        """Every line is written already."""


def _record(document: Document) -> dict[str, Any]:
    """What doccano knows, and what it keeps as metadata of the note: id, assertions, what the input carried."""
    made: dict[str, Any] = {
        "text": plain(document.text),
        "label": [[entity.start, entity.end, entity.label] for entity in document.entities],
        "note_id": document.note_id,
        "assertions": [[one.start, one.end, found] for one in document.entities if (found := asserted(one))],
    }
    if document.metadata:
        made["metadata"] = document.metadata
    return made
