"""Notes in Spark: a DataFrame of notes in, a DataFrame of entities out, by `mapInArrow`. Needs the extra [spark].

    found = annotate(df, "note_text", "note_id", artifact="clinical.rnr")
    found.where("error is null").drop("error").write.parquet("entities")

The compiled file goes to the executors once; each Python worker maps it when its first batch comes and keeps it.
docs/guide/spark.md shows it.
"""

from __future__ import annotations

import atexit
import functools
import os
import shutil
import tempfile
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rulener.engine import Engine
from rulener.errors import MissingExtra, UsageError

try:
    import pyarrow  # noqa: F401  # rows.py would name another extra
    import pyspark
    from pyspark.sql.types import ArrayType, BooleanType, DoubleType, IntegerType, StringType, StructField, StructType
except ImportError as error:
    raise MissingExtra("the Spark integration", "spark") from error

from rulener.integrations.arrow import ERROR, annotate_batches, result_schema
from rulener.integrations.rows import MAX_LENGTH, check_columns, opened, pa

if TYPE_CHECKING:
    from rulener.engine import PathLike


def annotate(
    df: Any,
    text_col: str,
    id_col: str,
    *,
    artifact: Engine | PathLike | None = None,
    carry: Sequence[str] = (),
    ship: bool = True,
    max_length: int = MAX_LENGTH,
) -> Any:
    """A DataFrame with one row an entity, for a DataFrame with one row a note. Lazy, like every transformation.

    `artifact` is a compiled file, an engine (its options go along), or None for that of `rulener.load()`. With `ship` the file
    goes to the executors with the job (`SparkContext.addFile`); without, it is expected under the same path on every node.

    The columns are those of Parquet files that `rulener run` writes, then the columns `carry` of the note's row with their own
    types, then `error`: a struct of code and reason, null in the row of an entity. A note that cannot be annotated (no text, not
    UTF-8, longer than `max_length` code points, …) has one row with its id and the error. Whether an id is used twice is not
    checked.

    Raises UsageError: U213 when there is no such column, U241 when a carried column has a name of the results, U242 when the
    file cannot be shipped; ArtifactError when it is no compiled file.
    """
    engine = opened(artifact)
    check_columns(engine, (text_col, id_col), carry, df.columns)
    used = tuple(dict.fromkeys([id_col, text_col, *carry]))
    work = _Work(_recipe(engine, df.sparkSession if ship else None), used, text_col, id_col, tuple(carry), max_length)
    numbered = df.select(*(df[_quoted(name)].alias(f"c{k}") for k, name in enumerate(used)))  # mapInArrow knows no dots in names
    schema = StructType([_field(field) for field in result_schema(engine) if field.name != ERROR.name])
    for name in carry:
        schema = schema.add(df.schema[name])
    schema = schema.add(_field(ERROR))
    with warnings.catch_warnings():
        # mapInArrow hands over Arrow batches; pandas, which Spark looks at all the same, has no part in it.
        warnings.filterwarnings("ignore", "PySpark does not yet fully support pandas", FutureWarning)
        return numbered.mapInArrow(work, schema)


@dataclass(frozen=True)
class _Recipe:
    """How a worker gets its engine: the compiled file (its name among the job's files when `shipped`), the engine's options, and
    the fingerprint that must come out."""

    file: str
    shipped: bool
    options: tuple[Any, ...]
    fingerprint: str

    def engine(self) -> Engine:
        if self.fingerprint not in _ENGINES:
            path = pyspark.SparkFiles.get(self.file) if self.shipped else self.file
            scheme, linking, decisions = self.options
            engine = Engine(Path(path), scheme=scheme, linking=linking, decisions=decisions)
            if engine.fingerprint != self.fingerprint:
                raise UsageError(
                    "U242", "the compiled file on this node is another one than the driver's", place=os.path.basename(path)
                )
            _ENGINES[self.fingerprint] = engine
        return _ENGINES[self.fingerprint]


_ENGINES: dict[str, Engine] = {}
"""The engines of this worker process."""


@dataclass(frozen=True)
class _Work:
    """What goes to the workers: a few hundred bytes."""

    recipe: _Recipe
    columns: tuple[str, ...]
    text: str
    id: str
    carry: tuple[str, ...]
    max_length: int

    def __call__(self, batches: Iterable[Any]) -> Iterator[Any]:
        engine = self.recipe.engine()
        named = (batch.rename_columns(self.columns) for batch in batches)
        yield from annotate_batches(named, engine, text=self.text, id=self.id, carry=self.carry, max_length=self.max_length)


def _recipe(engine: Engine, session: Any) -> _Recipe:
    """The engine's recipe; with a session its file is added to those of the application."""
    _, (path, *options) = engine.__reduce__()
    file = path if session is None else _ship(path, engine.fingerprint, session)
    return _Recipe(os.path.abspath(file) if session is None else file, session is not None, tuple(options), engine.fingerprint)


def _ship(path: str, fingerprint: str, session: Any) -> str:
    """Adds the file to the application's, under a name that is its content's: a file that was compiled again is another one."""
    name = f"rulener-{fingerprint}.rnr"
    try:
        context = session.sparkContext
    except AttributeError:
        raise UsageError(
            "U242", "this session has no SparkContext to ship the compiled file with", hint="put it on every node; ship=False"
        ) from None
    if not any(known.endswith("/" + name) for known in context.listFiles):
        staged = os.path.join(_staging(), name)
        if not os.path.exists(staged):
            try:
                os.link(path, staged)
            except OSError:  # another file system
                shutil.copyfile(path, staged)
        context.addFile(staged)
    return name


@functools.lru_cache(maxsize=1)
def _staging() -> str:
    """A folder that lasts as long as this process, which serves the files to the executors."""
    folder = tempfile.mkdtemp(prefix="rulener-spark-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _field(field: Any) -> Any:
    return StructField(field.name, _type(field.type), True)


def _type(kind: Any) -> Any:
    if pa.types.is_list(kind):
        return ArrayType(_type(kind.value_type), True)
    if pa.types.is_struct(kind):
        return StructType([_field(field) for field in kind])
    return _PLAIN[kind]()


_PLAIN = {pa.string(): StringType, pa.int32(): IntegerType, pa.float64(): DoubleType, pa.bool_(): BooleanType}


def _quoted(name: str) -> str:
    """A column's name as Spark reads it, dots and all."""
    return "`" + name.replace("`", "``") + "`"
