"""Small files in the shape of real releases. Their content and codes are invented."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rulener.lexicon.reading import Reading
from rulener.lexicon.sources import read_source
from rulener.lexicon.table import Row


def write(files: dict[str, str | bytes]) -> None:
    for name, content in files.items():
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)


def read(_source: str, _path: str, /, **options: Any) -> tuple[list[Row], Reading]:
    reading = Reading(_source)
    return list(read_source(_source, Path(_path), reading, options)), reading


def left_out(reading: Reading) -> dict[str, dict[str, int]]:
    """file -> reason -> count, files without any left out."""
    return {name: skipped.counts for name, skipped in reading.skipped.items() if skipped.counts}
