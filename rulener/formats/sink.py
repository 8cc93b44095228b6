"""Where a writer writes: one file of a part, or a folder of them, counted and summed on the way."""

from __future__ import annotations

import io
import os
import zlib
from typing import Any

_WRITE = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)


class Sink:
    """A new file that knows its length and CRC-32. Whoever opened it syncs it, closes it and puts it in place."""

    def __init__(self, path: str, suffix: str) -> None:
        self.path = path
        self.suffix = suffix
        self.size = 0
        self._checksum = 0
        self._file = os.open(path, _WRITE, 0o666)

    @property
    def crc32(self) -> str:
        return f"{self._checksum:08x}"

    def write(self, data: Any) -> int:
        """All of it, or OSError."""
        view = memoryview(data).cast("B")
        self._checksum = zlib.crc32(view, self._checksum)  # not SHA-256: much more is written than read
        length = len(view)
        self.size += length
        while view:
            view = view[os.write(self._file, view) :]
        return length

    def stream(self) -> io.RawIOBase:
        """The sink as a file, for libraries that write to one. Closing it does not close the sink."""
        return _Stream(self)

    def sync(self) -> None:
        os.fsync(self._file)

    def close(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


class _Stream(io.RawIOBase):
    def __init__(self, sink: Sink) -> None:
        self._sink = sink

    def write(self, data: Any) -> int:
        return self._sink.write(data)

    def tell(self) -> int:
        return self._sink.size

    def writable(self) -> bool:
        return True


class FolderSink:
    """A new folder for formats of one or more files a note. Its checksum runs over names and bytes, in the order of adding."""

    def __init__(self, path: str, suffix: str) -> None:
        self.path = path
        self.suffix = suffix
        self.size = 0
        self._checksum = 0
        self._files: list[str] = []
        os.mkdir(path)

    @property
    def crc32(self) -> str:
        return f"{self._checksum:08x}"

    def add(self, name: str, data: bytes) -> None:
        """Write one file. `name` may have folders before it: `a/b.ann`."""
        path = os.path.join(self.path, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "xb") as file:
            file.write(data)
        self._files.append(name)
        self._checksum = zlib.crc32(data, zlib.crc32(os.fsencode(name), self._checksum))
        self.size += len(data)

    def sync(self) -> None:
        for name in self._files:
            with open(os.path.join(self.path, name), "rb") as file:
                os.fsync(file.fileno())

    def close(self) -> None:
        """Nothing is held open."""
