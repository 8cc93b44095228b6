"""Notes in Arrow tables, for engines that hand out Arrow batches (Spark, Ray Data, …). What comes out has the rows of each note's
entities, or one row whose column `error` says why it has none. Needs pyarrow.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from rulener.integrations.rows import (
    MAX_LENGTH,
    Annotated,
    Bad,
    annotate_column,
    check_columns,
    empty_table,
    opened,
    pa,
    plain_table,
)

if TYPE_CHECKING:
    from rulener.engine import Engine, PathLike

ROWS = 256
"""So many notes are annotated before their rows are handed on."""

ERROR = pa.field("error", pa.struct([pa.field("code", pa.string()), pa.field("reason", pa.string())]))
"""The column that says why a note has no entities: a code of the N errors and the reason; null in the row of an entity."""


def annotate_table(
    table: Any,
    engine: Engine | PathLike | None = None,
    *,
    text: str,
    id: str,
    carry: Sequence[str] = (),
    max_length: int = MAX_LENGTH,
) -> Any:
    """Annotate the column `text` of a table or record batch.

    Gives a table: the columns of `Engine.annotate_batch` with strings in place of dictionaries, the columns `carry` of the note's
    row, and `error`. A note that fails has one row, with its id, the carried columns and the error, at its place among the
    others; a note without entities has none. Text is a string, or bytes of UTF-8.

    Raises UsageError: U213 when there is no such column, U241 when a carried column has a name of the results.
    """
    made = opened(engine)
    check_columns(made, (text, id), carry, table.schema.names)
    ids = [None if isinstance(value, Bad) else value for value in _values(table.column(id))]
    annotated = annotate_column(made, _values(table.column(text)), ids, max_length=max_length)
    rows, positions = with_errors(annotated)
    for name in carry:
        rows = rows.append_column(table.schema.field(name), table.column(name).take(positions))
    error = rows.column(ERROR.name)
    return rows.drop_columns([ERROR.name]).append_column(ERROR, error).replace_schema_metadata(None)


def annotate_batches(
    batches: Iterable[Any],
    engine: Engine | PathLike | None = None,
    *,
    text: str,
    id: str,
    carry: Sequence[str] = (),
    max_length: int = MAX_LENGTH,
) -> Iterator[Any]:
    """The same for a stream of record batches, as a stream of record batches, made of `ROWS` notes at a time."""
    made = opened(engine)
    for batch in batches:
        for first in range(0, batch.num_rows, ROWS):
            some = batch.slice(first, ROWS)
            yield from (
                annotate_table(some, made, text=text, id=id, carry=carry, max_length=max_length).combine_chunks().to_batches()
            )


def result_schema(engine: Engine) -> Any:
    """The schema of `annotate_table`, without carried columns."""
    return with_errors(Annotated(empty_table(engine), np.zeros(0, np.int64), [], 0))[0].schema.remove_metadata()


def _values(column: Any) -> list[Any]:
    """The values of a column; Bad in place of what is no UTF-8."""
    try:
        values = column.to_pylist()
    except UnicodeDecodeError:
        large = pa.types.is_large_string(column.type)
        values = column.cast(pa.large_binary() if large else pa.binary()).to_pylist()
    if any(type(value) is bytes for value in values):
        return [_decoded(value) if isinstance(value, bytes) else value for value in values]
    return values  # type: ignore[no-any-return]


def _decoded(value: bytes) -> str | Bad:
    try:
        return value.decode()
    except UnicodeDecodeError as error:
        return Bad("N102", f"not UTF-8: byte {error.start} of {len(value)} cannot be decoded")


def with_errors(annotated: Annotated) -> tuple[Any, Any]:
    """The rows of entities and of failures in the order of the notes, and their positions."""
    table = plain_table(annotated.table)
    rows = table.append_column(ERROR, pa.nulls(table.num_rows, ERROR.type))
    if not annotated.failures:
        return rows, annotated.positions
    failures = annotated.failures
    filled = {
        "note_id": pa.array([failure.note_id for failure in failures], pa.string()),
        "error": pa.array([{"code": failure.code, "reason": failure.reason} for failure in failures], ERROR.type),
    }
    failed = pa.table([filled.get(field.name, pa.nulls(len(failures), field.type)) for field in rows.schema], schema=rows.schema)
    positions = np.concatenate((annotated.positions, [failure.position for failure in failures])).astype(np.int64)
    order = np.argsort(positions, kind="stable")
    return pa.concat_tables([rows, failed]).combine_chunks().take(order), positions[order]
