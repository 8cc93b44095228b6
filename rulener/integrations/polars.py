"""Notes in polars: a Series or a column of a DataFrame in, entities with the row of their notes out. Needs the extra [polars].

    found = annotate(frame, text="note_text", id="note_id")
    found.entities, found.lists(), found.failures, found.counts

docs/guide/dataframes.md shows it.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rulener.errors import MissingExtra, UsageError

try:
    import polars as pl
    import pyarrow  # noqa: F401  # what hands the results over
except ImportError as error:
    raise MissingExtra("the polars integration", "polars") from error

from rulener.integrations.rows import MAX_LENGTH, Annotated, annotate_column, check_columns, opened

if TYPE_CHECKING:
    from rulener.engine import Engine, PathLike


@dataclass(frozen=True)
class Found:
    """What the notes of a Series or DataFrame gave. `counts`: notes, annotated, missing, failed, entities."""

    _annotated: Annotated
    _carried: Any
    _has_ids: bool

    @property
    def counts(self) -> dict[str, int]:
        return self._annotated.counts

    @functools.cached_property
    def entities(self) -> Any:
        """DataFrame, one row an entity, in the order of the notes: `row`, the number of the note's row from 0 (UInt32), the
        columns of `Engine.annotate_batch` (`note_id` only when ids were given), then the carried ones."""
        table = self._annotated.table if self._has_ids else self._annotated.table.drop_columns(["note_id"])
        frame = pl.from_arrow(table)
        frame.insert_column(0, self._rows())
        return frame if self._carried is None else frame.hstack(self._carried[self._annotated.positions])

    def lists(self) -> Any:
        """Series as long as the notes: for each the list of its entities as structs, null when it could not be annotated."""
        return pl.Series("entities", pl.from_arrow(self._annotated.lists()))

    @functools.cached_property
    def failures(self) -> Any:
        """DataFrame of the notes that could not be annotated: row, note_id (when ids were given), code (docs/errors), reason,
        missing (there was no value)."""
        schema = {"row": pl.UInt32, "note_id": pl.String, "code": pl.String, "reason": pl.String, "missing": pl.Boolean}
        frame = pl.DataFrame([tuple(failure) for failure in self._annotated.failures], schema=schema, orient="row")
        return frame if self._has_ids else frame.drop("note_id")

    def _rows(self) -> Any:
        return pl.Series("row", self._annotated.positions).cast(pl.UInt32)


def annotate(
    notes: Any,
    engine: Engine | PathLike | None = None,
    *,
    text: str | None = None,
    id: str | None = None,
    carry: Sequence[str] = (),
    workers: int = 1,
    max_length: int = MAX_LENGTH,
) -> Found:
    """Annotate a Series of texts, or the column `text` of a DataFrame (collect a LazyFrame first).

    `engine`: an engine, a compiled file, or None for `rulener.load()`. `id` names a column that becomes `note_id`, `carry`
    columns that every entity of a row gets. `workers` threads share the engine. Nulls and what is no text fail, they end
    nothing; so do notes of more than `max_length` code points.

    Raises UsageError: U213 when there is no such column, U241 when a carried column has a name of the results.
    """
    made = opened(engine)
    if isinstance(notes, pl.Series):
        if text is not None or id is not None or carry:
            raise UsageError("U213", "a Series has no columns", hint="give the DataFrame to name text, id or carry")
        return Found(annotate_column(made, notes.to_list(), workers=workers, max_length=max_length), None, False)
    if text is None:
        raise UsageError("U213", "which column holds the notes?", hint='annotate(frame, text="…")')
    check_columns(made, [text] if id is None else [text, id], carry, notes.columns)
    ids = None if id is None else notes[id].to_list()
    annotated = annotate_column(made, notes[text].to_list(), ids, workers=workers, max_length=max_length)
    return Found(annotated, notes.select(carry) if carry else None, id is not None)
