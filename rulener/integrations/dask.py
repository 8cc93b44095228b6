"""Notes in Dask: a DataFrame of notes in, a DataFrame of entities out, partition by partition. Needs the extra [dask].

    found = annotate(ddf, "clinical.rnr", text="note_text", id="note_id")
    found[found["error"].isna()].drop(columns="error").to_parquet("entities")

docs/guide/dataframes.md shows it.
"""

from __future__ import annotations

import functools
import os
import pickle
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rulener.errors import MissingExtra, UsageError

try:
    import dask.dataframe  # noqa: F401  # what `df` is
    import pandas as pd
    import pyarrow as pa
except ImportError as error:
    raise MissingExtra("the Dask integration", "dask") from error

from rulener.integrations.arrow import with_errors
from rulener.integrations.pandas import values
from rulener.integrations.rows import MAX_LENGTH, annotate_column, check_columns, opened

if TYPE_CHECKING:
    from rulener.engine import Engine, PathLike


def annotate(
    df: Any,
    engine: Engine | PathLike | None = None,
    *,
    text: str,
    id: str | None = None,
    carry: Sequence[str] = (),
    max_length: int = MAX_LENGTH,
) -> Any:
    """A Dask DataFrame with one row an entity, for one with one row a note. Lazy: each partition is annotated where it is.

    `engine`: an engine, a compiled file, or None for `rulener.load()`; the file must be under the same path on every worker,
    which maps it once. The index is that of the notes' rows, repeated. The columns are those of `Engine.annotate_batch`
    (`note_id` only with `id`), then `carry`, then `error`: a struct of code and reason, null in the row of an entity. A note that
    cannot be annotated has one row with the error. Strings, integers and axes are pandas' nullable types, lists those of Arrow.

    Raises UsageError: U213 when there is no such column, U241 when a carried column has a name of the results; on a worker U242
    when the file there is another one.
    """
    made = opened(engine)
    check_columns(made, [text] if id is None else [text, id], carry, list(df.columns))
    work = functools.partial(
        _partition,
        engine=pickle.dumps(made),
        fingerprint=made.fingerprint,
        text=text,
        id=id,
        carry=tuple(carry),
        max_length=max_length,
    )
    return df.map_partitions(work, meta=work(df._meta))


def _partition(
    frame: Any, *, engine: bytes, fingerprint: str, text: str, id: str | None, carry: Sequence[str], max_length: int
) -> Any:
    """The rows of a partition of notes, as a pandas DataFrame."""
    ids = None if id is None else values(frame[id])
    annotated = annotate_column(_engine(engine, fingerprint), values(frame[text]), ids, max_length=max_length)
    rows, positions = with_errors(annotated)
    found = (rows if id is not None else rows.drop_columns(["note_id"])).to_pandas(types_mapper=_dtype)
    errors = found.pop("error")
    found.index = frame.index.take(positions)
    for name in carry:
        found[name] = frame[name].array.take(positions)
    return found.assign(error=errors.array)


@functools.lru_cache(maxsize=4)
def _engine(pickled: bytes, fingerprint: str) -> Engine:
    """The engine of this worker, opened once."""
    engine: Engine = pickle.loads(pickled)
    if engine.fingerprint != fingerprint:
        place = os.path.basename(engine.path)
        raise UsageError("U242", "the compiled file on this node is another one than the client's", place=place)
    return engine


def _dtype(kind: Any) -> Any:
    """A type that can be missing, the same whether anything is or not."""
    if pa.types.is_string(kind):
        return pd.StringDtype("pyarrow")
    if pa.types.is_int32(kind):
        return pd.Int32Dtype()
    if pa.types.is_boolean(kind):
        return pd.BooleanDtype()
    return pd.ArrowDtype(kind)
