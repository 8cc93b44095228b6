"""From sources to one table: reader -> stages (curation, variants) -> map -> writer, streaming."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rulener.errors import LexiconError
from rulener.lexicon.code_map import CodeMap, read_map
from rulener.lexicon.reading import Meter, Reading
from rulener.lexicon.sources import read_source
from rulener.lexicon.table import Row, Skipped, read_table, write_table

Stage = Callable[[Iterator[Row]], Iterator[Row]]
"""Something that changes, drops or adds rows on their way to the table."""


@dataclass(frozen=True, slots=True)
class Given:
    """A source to read: its name, where it is, and its own label map if any."""

    source: str
    path: Path
    labels: Path | None = None


@dataclass(slots=True)
class Built:
    """What came of a build. `read`: rows the readers gave; `rows`: rows of the table."""

    out: Path
    readings: list[Reading] = field(default_factory=list)
    read: int = 0
    rows: int = 0
    joined: int = 0  # rows to which the map gave another code
    labels: dict[str, int] = field(default_factory=dict)
    not_written: Skipped = field(default_factory=Skipped)


def build_table(
    given: Sequence[Given],
    out: Path,
    *,
    options: dict[str, Any] | None = None,
    stages: Sequence[Stage] = (),
    map_path: Path | None = None,
    meter: Meter | None = None,
) -> Built:
    """Read the sources one after the other, and write `out`.

    With a map the table is written twice: the names that mapped concepts share are known only at the end.
    Raises LexiconError; L103 when a source gives no row, or nothing is left to write. Then `out` is as it was.
    """
    built = Built(out)
    codes = _read_codes(map_path, built)
    rows = _all(given, built, options or {}, meter)
    for stage in stages:
        rows = stage(rows)
    if codes is None:
        _write(rows, built)
        return built
    first = out.with_name(f"{out.name}.first.tmp")
    try:
        built.not_written = write_table(codes.learn(rows), first).skipped
        _write(codes.apply(read_table(first, Skipped())), built)
    finally:
        with suppress(OSError):
            first.unlink()
    built.joined = codes.joined
    return built


def merge_tables(tables: Sequence[Path], out: Path, *, map_path: Path | None = None, meter: Meter | None = None) -> Built:
    """Tables one after the other, their codes mapped. Raises LexiconError."""
    built = Built(out)
    codes = _read_codes(map_path, built)
    given = [Given("table", path) for path in tables]
    if codes is None:
        _write(_all(given, built, {}, meter), built)
        return built
    for _ in codes.learn(_all(given, Built(out), {}, None)):
        pass
    _write(codes.apply(_all(given, built, {}, meter)), built)
    built.joined = codes.joined
    return built


def _read_codes(path: Path | None, built: Built) -> CodeMap | None:
    if path is None:
        return None
    reading = Reading("map")
    built.readings.append(reading)
    return read_map(path, reading)


def _all(given: Iterable[Given], built: Built, options: dict[str, Any], meter: Meter | None) -> Iterator[Row]:
    for one in given:
        reading = Reading(one.source) if meter is None else Reading(one.source, meter)
        built.readings.append(reading)
        rows = 0
        for row in read_source(one.source, one.path, reading, options, one.labels):
            rows += 1
            yield row
        if not rows:
            why = next((text for name, skipped in reading.skipped.items() if (text := skipped.first(name))), "")
            raise LexiconError("L103", f"no usable row{'; ' if why else ''}{why}", place=str(one.path))
        reading.rows = rows
        built.read += rows


def _write(rows: Iterable[Row], built: Built) -> None:
    labels = built.labels

    def counted() -> Iterator[Row]:
        for row in rows:
            labels[row.label] = labels.get(row.label, 0) + 1
            yield row
        if not labels:
            raise LexiconError("L103", "every row was left out: nothing to write", place=str(built.out))

    built.rows, built.not_written = write_table(counted(), built.out, built.not_written)
