"""CoNLL: a line a token with its offsets and a BIO label, a blank line between sentences, -DOCSTART- before each note."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from rulener.formats.texts import good_documents, plain, tokens, utf8, without_overlap

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rulener.core.columns import Batch, Document
    from rulener.formats.sink import Sink

_SPACE = re.compile(r"\s")


class ConllWriter:
    def __init__(self, sink: Sink, engine: Any) -> None:
        self._sink = sink

    def write(self, batch: Batch) -> None:
        for document in good_documents(batch):
            self._sink.write(utf8("".join(f"{line}\n" for line in _lines(document))))

    def close(self) -> None:
        """Every note is written already."""


def _lines(document: Document) -> Iterator[str]:
    """Columns: token, start, end, label. Of `-DOCSTART-`: the note's id and how many mentions are left out."""
    entities, left_out = without_overlap(document.entities)
    yield f"-DOCSTART-\t{_SPACE.sub(' ', plain(str(document.note_id)))}\t{left_out}\tO"
    yield ""
    sentence_starts = [sentence.start for sentence in document.sentences]
    sentence = 0
    entity = 0
    written = False
    boundaries = [place for found in entities for place in (found.start, found.end)]
    for start, end in tokens(document.text, boundaries):
        while entity < len(entities) and entities[entity].end <= start:
            entity += 1
        inside = entity < len(entities) and entities[entity].start <= start
        begins = inside and entities[entity].start == start
        passed = sentence
        while sentence < len(sentence_starts) and sentence_starts[sentence] <= start:
            sentence += 1
        if sentence > passed and written and (begins or not inside):  # no sentence ends inside a mention
            yield ""
        label = f"{'B' if begins else 'I'}-{_SPACE.sub('_', entities[entity].label)}" if inside else "O"
        yield f"{document.text[start:end]}\t{start}\t{end}\t{label}"
        written = True
    if written:
        yield ""
