"""Prodigy's JSONL tasks: text, tokens and spans (https://prodi.gy/docs/api-interfaces), one note a line."""

from __future__ import annotations

import json
from bisect import bisect_left
from typing import TYPE_CHECKING, Any

from rulener.formats.texts import asserted, good_documents, plain, tokens, utf8

if TYPE_CHECKING:
    from rulener.core.columns import Batch, Document
    from rulener.formats.sink import Sink


class ProdigyWriter:
    def __init__(self, sink: Sink, engine: Any) -> None:
        self._sink = sink

    def write(self, batch: Batch) -> None:
        for document in good_documents(batch):
            self._sink.write(utf8(json.dumps(_task(document), ensure_ascii=False) + "\n"))

    def close(self) -> None:
        """Every line is written already."""


def _task(document: Document) -> dict[str, Any]:
    entities = [entity for entity in document.entities if entity.start < entity.end]
    listed = _tokens(document.text, {entity.start for entity in entities}, {entity.end for entity in entities})
    starts = [token["start"] for token in listed]
    ends = [token["end"] for token in listed]
    spans = [
        {
            "start": entity.start,
            "end": entity.end,
            "token_start": bisect_left(starts, entity.start),
            "token_end": bisect_left(ends, entity.end),  # inclusive
            "label": entity.label,
            "rule": entity.rule,
            "assertions": asserted(entity),
        }
        for entity in entities
    ]
    meta = {"note_id": document.note_id, **({"metadata": document.metadata} if document.metadata else {})}
    return {"text": plain(document.text), "tokens": listed, "spans": spans, "meta": meta}


def _tokens(text: str, starts: set[int], ends: set[int]) -> list[dict[str, Any]]:
    """Tokens that make up the whole text: one space after a token is its `ws`, other white space is a token of its own."""
    listed: list[dict[str, Any]] = []
    for start, end in tokens(text, starts | ends, spaces=True):
        follows = bool(listed) and not listed[-1]["ws"] and not listed[-1]["text"].isspace()
        if follows and text[start] == " " and start not in starts and start + 1 not in ends:
            listed[-1]["ws"] = True
            start += 1
        if start < end:
            listed.append({"text": plain(text[start:end]), "start": start, "end": end, "id": len(listed), "ws": False})
    return listed
