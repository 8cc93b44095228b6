"""Files that may be gzipped: tables of notes and of terms. Imports nothing of rulener."""

from __future__ import annotations

import gzip
import io
from typing import IO

_GZIP = b"\x1f\x8b"


def open_table(path: str) -> IO[bytes]:
    """A file to read from, unpacked when it is gzip by its first bytes. Raises OSError, and EOFError, zlib.error on reading."""
    file = open(path, "rb", buffering=1 << 20)  # noqa: SIM115 - closed by the caller
    magic = file.read(2)
    file.seek(0)
    if magic != _GZIP:
        return file
    return io.BufferedReader(_Unpacked(file), 1 << 20)


class _Unpacked(gzip.GzipFile):
    """A gzip stream that closes the file it reads."""

    def __init__(self, packed: IO[bytes]) -> None:
        self._packed = packed
        super().__init__(fileobj=packed)

    def close(self) -> None:
        super().close()
        self._packed.close()
