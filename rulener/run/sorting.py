"""Sorting any number of byte strings in bounded memory."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING, Any

from rulener.run import limits

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import IO


class Sorter:
    """Takes records with `add`, gives them back sorted. More than `limit` of them are spilled to temporary files."""

    def __init__(self, limit: int = limits.SORT_RECORDS) -> None:
        self._limit = limit
        self._records: list[bytes] = []
        self._spilled: list[IO[bytes]] = []

    def add(self, record: bytes) -> None:
        self._records.append(record)
        if len(self._records) >= self._limit:
            self._spill()

    def __iter__(self) -> Iterator[bytes]:
        self._records.sort()
        if not self._spilled:
            return iter(self._records)
        return heapq.merge(*(_records_of(file) for file in self._spilled), self._records)

    def close(self) -> None:
        for file in self._spilled:
            file.close()
        self._spilled.clear()
        self._records.clear()

    def __enter__(self) -> Sorter:
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    def _spill(self) -> None:
        import tempfile  # late: costs more to import than most runs need to sort

        self._records.sort()
        file = tempfile.TemporaryFile()  # noqa: SIM115 (closed by close)
        self._spilled.append(file)
        for record in self._records:
            file.write(len(record).to_bytes(4, "little"))
            file.write(record)
        self._records.clear()


def _records_of(file: IO[bytes]) -> Iterator[bytes]:
    file.seek(0)
    while head := file.read(4):
        yield file.read(int.from_bytes(head, "little"))
