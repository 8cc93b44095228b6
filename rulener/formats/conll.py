"""CoNLL: a line a token with its offsets and a BIO label, a blank line between sentences, -DOCSTART- before each note."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from rulener.formats.texts import good_documents, plain, tokens, utf8, without_overlap

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rulener.core.columns import Batch, Document
    from rulener.formats.annotated import Annotated, Source
    from rulener.formats.plain import PlainDocument
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
    begun = -1  # the last mention that has a token: one may begin with white space, which has none
    written = False
    boundaries = [place for found in entities for place in (found.start, found.end)]
    for start, end in tokens(document.text, boundaries):
        while entity < len(entities) and entities[entity].end <= start:
            entity += 1
        inside = entity < len(entities) and entities[entity].start <= start
        begins = inside and begun < entity
        if begins:
            begun = entity
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


# --- reading


def read_conll(path: str, source: Source) -> Iterator[Annotated]:
    """The notes of a file of four columns with offsets, as we write it. Texts come from `source`: tokens do not tell them."""
    from rulener.formats.annotated import lines_of, name_of
    from rulener.formats.plain import BadAnnotation

    place = name_of(path)
    note: _Tokens | None = None
    with open(path, "rb") as file:
        for number, line in lines_of(file):
            try:
                cells = line.decode().rstrip("\r\n").split("\t")
            except UnicodeDecodeError as error:
                cells = [f"byte {error.start}"]
            if cells[0] == "-DOCSTART-" and len(cells) == 4:
                if note is not None:
                    yield note.document(source)
                note = _Tokens(cells[1], f"{place}:{number}")
            elif note is None:
                yield BadAnnotation("N120", "no -DOCSTART- with an id before it", f"{place}:{number}").unreadable(None)
                return
            else:
                note.add(cells, f"{place}:{number}")
    if note is not None:
        yield note.document(source)


class _Tokens:
    """The tokens of one note."""

    def __init__(self, note_id: str, place: str) -> None:
        from rulener.formats.plain import BadAnnotation

        self._id = note_id
        self._place = place
        self._bad: BadAnnotation | None = None
        self._tokens: list[tuple[int, int, str, str]] = []
        self._mentions: list[tuple[int, int, str]] = []
        self._open = ""

    def add(self, cells: list[str], place: str) -> None:
        from rulener.formats.plain import BadAnnotation

        if len(cells) != 4 or not cells[1].isdecimal() or not cells[2].isdecimal() or not re.match("O$|[BI]-.", cells[3]):
            self._bad = self._bad or BadAnnotation("N120", "not token, start, end and a BIO label, parted by tabs", place)
            return
        start, end, (mark, _, label) = int(cells[1]), int(cells[2]), cells[3].partition("-")
        self._tokens.append((start, end, cells[0], place))
        if mark == "I" and label == self._open:
            self._mentions[-1] = (self._mentions[-1][0], end, label)
        elif mark != "O":
            self._mentions.append((start, end, label))
        self._open = label if mark != "O" else ""

    def document(self, source: Source) -> Annotated:
        from rulener.formats.plain import BadAnnotation

        try:
            if self._bad is not None:
                raise self._bad
            return self._checked(source)
        except BadAnnotation as error:
            return error.unreadable(self._id)

    def _checked(self, source: Source) -> PlainDocument:
        from rulener.formats.annotated import check_words
        from rulener.formats.plain import BadAnnotation, PlainEntity, document_of

        text = None if source.text_of is None else source.text_of(self._id)
        if text is None:
            raise BadAnnotation("N121", "no note has its id", self._place)
        for start, end, words, place in self._tokens:
            check_words(text, start, end, words, place)
        mentions = [PlainEntity(start, end, text[start:end], label) for start, end, label in self._mentions]
        return document_of(self._id, text, mentions)
