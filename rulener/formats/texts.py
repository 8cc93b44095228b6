"""What writers of text formats share: the notes of a batch that did not fail, UTF-8, and tokens with offsets."""

from __future__ import annotations

import json
from bisect import bisect_left
from typing import TYPE_CHECKING, Any, NamedTuple

import regex

from rulener.core.columns import AXES
from rulener.core.export import plain_utf8

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rulener.core.columns import Batch, Document, Entity

_TOKEN = regex.compile(r"[\p{L}\p{M}\p{N}_]+|[^\s\p{L}\p{M}\p{N}_]")
_TOKEN_OR_SPACE = regex.compile(r"[\p{L}\p{M}\p{N}_]+|\s+|[^\s\p{L}\p{M}\p{N}_]")


_HUE_STEP = 137  # degrees: neighbours of any small number of labels are far apart


class Token(NamedTuple):
    start: int
    end: int


def good_documents(batch: Batch) -> Iterator[Document]:
    """The notes of a batch that did not fail, in order."""
    failed = {number for number, _, _ in batch.failures}
    return (batch.document(number) for number in range(len(batch)) if number not in failed)


def utf8(text: str) -> bytes:
    """UTF-8; half of a surrogate pair, which has none, becomes U+FFFD, so that offsets stay."""
    return text.encode() if text.isascii() else plain_utf8(text)


def plain(text: str) -> str:
    """The text as `utf8` writes it."""
    return text if text.isascii() else plain_utf8(text).decode()


def listing(document: Document, file: str, **counts: int) -> bytes:
    """The line of a note in the `notes.jsonl` of a folder: id, file, counts, and what the input carried."""
    record: dict[str, Any] = {"note_id": document.note_id, "file": file, "entities": len(document), **counts}
    if document.metadata:
        record["metadata"] = document.metadata
    return utf8(json.dumps(record, ensure_ascii=False) + "\n")


def colours(labels: Iterable[str]) -> dict[str, tuple[int, int]]:
    """For each label hue (degrees) and saturation (percent) of its colour. Eight labels have strong colours, the next eight pale
    ones, and so on."""
    return {label: (number * _HUE_STEP % 360, (75, 30)[number // 8 % 2]) for number, label in enumerate(labels)}


def asserted(entity: Entity) -> list[str]:
    """The axes that are true of a mention, in the order of AXES."""
    return [axis for axis in AXES if getattr(entity, axis)]


def tokens(text: str, boundaries: Iterable[int] = (), *, spaces: bool = False) -> list[Token]:
    """Tokens of a text: runs of letters, marks, digits and `_`, and every other character that is no white space. They are cut
    at `boundaries` too, so that mentions consist of whole tokens. With `spaces` runs of white space are tokens as well."""
    cuts = sorted(set(boundaries))
    found: list[Token] = []
    at = 0
    for match in (_TOKEN_OR_SPACE if spaces else _TOKEN).finditer(text):
        start, end = match.span()
        while at < len(cuts) and cuts[at] <= start:
            at += 1
        while at < len(cuts) and cuts[at] < end:
            found.append(Token(start, cuts[at]))
            start = cuts[at]
            at += 1
        found.append(Token(start, end))
    return found


def without_overlap(entities: Iterable[Entity]) -> tuple[list[Entity], int]:
    """Mentions of which no two share a character, by place, and how many were left out. Of two that do the longer stays, of two
    as long the one that begins first, of two in one place the first of the note."""
    starts: list[int] = []
    kept: list[Entity] = []
    count = 0
    for entity in sorted(entities, key=lambda entity: (entity.start - entity.end, entity.start)):
        count += 1
        at = bisect_left(starts, entity.start)
        clear = (at == 0 or kept[at - 1].end <= entity.start) and (at == len(kept) or entity.end <= starts[at])
        if clear and entity.start < entity.end:
            starts.insert(at, entity.start)
            kept.insert(at, entity)
    return kept, count - len(kept)
