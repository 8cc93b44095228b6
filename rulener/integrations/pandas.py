"""Notes in pandas: a Series or a column of a DataFrame in, entities with the index of their notes out. Needs the extra [pandas].

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
    import pandas as pd
    import pyarrow as pa
except ImportError as error:
    raise MissingExtra("the pandas integration", "pandas") from error

from rulener.integrations.rows import MAX_LENGTH, Annotated, annotate_column, check_columns, opened

if TYPE_CHECKING:
    from rulener.engine import Engine, PathLike


@dataclass(frozen=True)
class Found:
    """What the notes of a Series or DataFrame gave. `counts`: notes, annotated, missing, failed, entities."""

    _annotated: Annotated
    _index: Any
    _carried: Any
    _has_ids: bool

    @property
    def counts(self) -> dict[str, int]:
        return self._annotated.counts

    @functools.cached_property
    def entities(self) -> Any:
        """DataFrame, one row an entity, in the order of the notes. Its index is that of the notes' rows, repeated. The columns
        are those of `Engine.annotate_batch` (`note_id` only when ids were given), then the carried ones: texts that repeat are
        categories, axes are `boolean` (NA: nobody looked), lists are Arrow lists."""
        table = self._annotated.table if self._has_ids else self._annotated.table.drop_columns(["note_id"])
        frame = table.to_pandas(types_mapper=_dtype)
        frame.index = self._index.take(self._annotated.positions)
        for name in self._carried:
            frame[name] = self._carried[name].array.take(self._annotated.positions)
        return frame

    def lists(self) -> Any:
        """Series with the index of the notes: for each the list of its entities as dicts, NA when it could not be annotated."""
        lists = self._annotated.lists()
        return pd.Series(pd.array(lists, dtype=pd.ArrowDtype(lists.type)), index=self._index, name="entities")

    @functools.cached_property
    def failures(self) -> Any:
        """DataFrame with the index of the notes that could not be annotated: code (docs/errors), reason, missing (no value)."""
        failures = self._annotated.failures
        columns = {
            "code": pd.Series([one.code for one in failures], dtype="string"),
            "reason": pd.Series([one.reason for one in failures], dtype="string"),
            "missing": pd.Series([one.missing for one in failures], dtype=bool),
        }
        return pd.DataFrame(columns).set_axis(self._index.take([one.position for one in failures]))


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
    """Annotate a Series of texts, or the column `text` of a DataFrame.

    `engine`: an engine, a compiled file, or None for `rulener.load()`. `id` names a column that becomes `note_id`, `carry`
    columns that every entity of a row gets. `workers` threads share the engine. Missing values and what is no text fail, they
    end nothing; so do notes of more than `max_length` code points.

    Raises UsageError: U213 when there is no such column, U241 when a carried column has a name of the results.
    """
    made = opened(engine)
    if isinstance(notes, pd.Series):
        if text is not None or id is not None or carry:
            raise UsageError("U213", "a Series has no columns", hint="give the DataFrame to name text, id or carry")
        return Found(annotate_column(made, values(notes), workers=workers, max_length=max_length), notes.index, {}, False)
    if text is None:
        raise UsageError("U213", "which column holds the notes?", hint='annotate(frame, text="…")')
    check_columns(made, [text] if id is None else [text, id], carry, list(notes.columns))
    ids = None if id is None else values(notes[id])
    annotated = annotate_column(made, values(notes[text]), ids, workers=workers, max_length=max_length)
    return Found(annotated, notes.index, notes[list(carry)], id is not None)


def values(series: Any) -> list[Any]:
    """The values of a Series of any kind, None where one is missing."""
    return [None if missing else value for value, missing in zip(series.tolist(), series.isna().tolist(), strict=True)]


def _dtype(kind: Any) -> Any:
    """Extension types for what numpy cannot say: axes that may be NA, lists."""
    if pa.types.is_boolean(kind):
        return pd.BooleanDtype()
    return pd.ArrowDtype(kind) if pa.types.is_list(kind) else None
