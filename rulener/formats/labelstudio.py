"""Label Studio tasks with predictions (https://labelstud.io/guide/predictions): a JSON array, one task a note."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from rulener.formats.texts import asserted, good_documents, plain, utf8

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rulener.core.columns import Batch, Document, Entity
    from rulener.formats.sink import Sink


class LabelStudioWriter:
    def __init__(self, sink: Sink, engine: Any) -> None:
        self._sink = sink
        self._model = f"rulener {engine.fingerprint[:16]}"
        self._before = "[\n"

    def write(self, batch: Batch) -> None:
        for document in good_documents(batch):
            task = json.dumps(_task(document, self._model), ensure_ascii=False)
            self._sink.write(utf8(self._before + task))
            self._before = ",\n"

    def close(self) -> None:
        self._sink.write(b"[]\n" if self._before == "[\n" else b"\n]\n")


def _task(document: Document, model: str) -> dict[str, Any]:
    regions = [region for entity in document.entities for region in _regions(entity)]
    data: dict[str, Any] = {"text": plain(document.text), "note_id": document.note_id}
    if document.metadata:
        data["metadata"] = document.metadata
    return {"data": data, "predictions": [{"model_version": model, "result": regions}]}


def _regions(entity: Entity) -> Iterator[dict[str, Any]]:
    """A region for the label, and when something is asserted one of the same id for the choices that belong to it."""
    place = {"start": entity.start, "end": entity.end, "text": plain(entity.text)}
    to = {"id": entity.id, "to_name": "text"}
    codes = [f"{one.system}:{one.code}" for one in entity.concepts if one.system is not None and one.code is not None]
    said = {"text": [*([entity.rule] if entity.rule is not None else []), *codes]}
    yield {**to, "from_name": "label", "type": "labels", "value": {**place, "labels": [entity.label]}, "meta": said}
    if found := asserted(entity):
        yield {**to, "from_name": "assertion", "type": "choices", "value": {**place, "choices": found}}
