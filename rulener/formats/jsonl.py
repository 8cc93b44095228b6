"""JSON lines: one document a line, schema rulener.document/1 (document.schema.json)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rulener.core.columns import Batch
    from rulener.formats.sink import Sink


class JsonlWriter:
    def __init__(self, sink: Sink, engine: Any) -> None:
        self._sink = sink
        self._json_lines = engine.json_lines  # the engine keeps what it has rendered of terms

    def write(self, batch: Batch) -> None:
        self._sink.write(self._json_lines(batch))

    def close(self) -> None:
        """Every line is written already."""
