"""JSON lines straight from rows (schema rulener.document/1), without dicts."""

from rulener.core.columns import Batch, Document, Tables

class JsonWriter:
    """Renders documents of one artifact; keeps what it has rendered of terms, so keep it as long as the engine.

    One thread at a time. Raises ArtifactCorrupt when a table leads to nothing.
    """

    def __init__(self, tables: Tables) -> None: ...
    def document(self, document: Document) -> bytes:
        """One note as ASCII-safe UTF-8 JSON, without a newline."""

    def lines(self, batch: Batch) -> bytes:
        """All notes of a batch that did not fail, in order, one line each with its newline."""
