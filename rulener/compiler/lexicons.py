"""Term tables into the builder, and what was read of each."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

from rulener.core.automaton import Builder
from rulener.errors import LexiconError
from rulener.lexicon.table import LINK_ONLY, Row, Skipped, read_rest

NONE = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class LexiconReport:
    """What the artifact's description says of a lexicon, and the warnings."""

    described: dict[str, Any]
    warnings: list[str]


def add_lexicon(builder: Builder, path: Path, digest: str, number: int, labels: Mapping[str, int], shown: str) -> LexiconReport:
    """Add a table's rows as those of lexicon `number`. `labels` are the labels that rows may have, `shown` names them for people.

    Raises LexiconError: L101 and L102 as `read_rest`, L103 when no row is of use, L120 when a table of the artifact is full.
    """
    skipped = Skipped()
    rows = used = 0
    add_row = builder.add_row
    line = 1
    bytes_labels = {label.encode("utf-8", "surrogatepass"): place for label, place in labels.items()}

    def take(block: bytes, at: int, columns: Sequence[int]) -> tuple[int, int]:
        nonlocal rows, used, line
        end, lines, taken = builder.add_lines(block, at, columns, bytes_labels, number)
        rows += taken
        used += taken
        line += lines
        return end, lines

    try:
        for row in read_rest(path, skipped, take):
            rows += 1
            line = row.line
            label = labels.get(row.label)
            if label is None:
                skipped.add(f"unknown label {row.label[:40]!r}", row.line)
                continue
            try:
                add_row(
                    row.term,
                    number,
                    label,
                    row.system,
                    row.code,
                    row.preferred,
                    row.exact,
                    row.semantic_type,
                    row.rank,
                    row.variant,
                    row.use == LINK_ONLY,
                    _standard(builder, row) if row.standard else NONE,
                    row.standard_id or NONE,
                )
            except ValueError as error:
                skipped.add(f"its term cannot be used: {error}", row.line)
                continue
            used += 1
    except OverflowError as error:
        raise too_large(error, f"{path}:{line}") from error
    if not used:
        first = skipped.first(shown_name(path))
        why = f"; {first}" if first else ""
        unknown = any(reason.startswith("unknown label") for reason in skipped.counts)
        hint = f"labels of the loaded packs: {shown}" if unknown else ""
        raise LexiconError("L103", f"the lexicon has no usable row{why}", place=str(path), hint=hint)
    described = {
        "name": lexicon_name(path),
        "path": shown_name(path),
        "sha256": digest,
        "rows": rows,
        "terms": used,
        "skipped": dict(skipped.counts),
    }
    return LexiconReport(described, skipped.messages(shown_name(path)))


def _standard(builder: Builder, row: Row) -> int:
    """The number of a row's standard concept."""
    system, _, code = row.standard.partition(":")
    return builder.concept(system, code, row.standard_name)


def too_large(error: OverflowError, place: str) -> LexiconError:
    """The error for lexicons that together pass a limit of the compiled file."""
    hint = "leave out what is not needed (`rulener lexicon build` can filter), or compile two artifacts"
    return LexiconError("L120", f"the lexicons are too large for one artifact: {error}", place=place, hint=hint)


def shown_name(path: PurePath) -> str:
    """A file's name as text: bytes that are no UTF-8 are replaced."""
    return os.fsencode(path.name).decode("utf-8", "replace")


def lexicon_name(path: Path) -> str:
    name = shown_name(path)
    for ending in (".gz", ".tsv", ".csv", ".txt"):
        name = name.removesuffix(ending)
    return name
