"""Where a writer writes: one file of a part, or a folder of them, counted and summed on the way."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import zlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

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
        _sync(self._file)

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
    """A new folder for formats of one or more files a note. Its checksum is that of the names and checksums of its files."""

    def __init__(self, path: str, suffix: str) -> None:
        self.path = path
        self.suffix = suffix
        self.size = 0
        self._files: list[tuple[str, int]] = []
        os.mkdir(path)

    @property
    def crc32(self) -> str:
        return _of_folder(self._files)

    def add(self, name: str, data: bytes) -> None:
        """Write one file. `name` may have folders before it: `a/b.ann`."""
        path = os.path.join(self.path, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "xb") as file:
            file.write(data)
        self._files.append((name, zlib.crc32(data)))
        self.size += len(data)

    def sync(self) -> None:
        for name, _ in self._files:
            with open(os.path.join(self.path, name), "rb") as file:
                _sync(file.fileno())
        for folder, _, _ in os.walk(self.path):
            sync_folder(folder)

    def close(self) -> None:
        """Nothing is held open."""


def measured(path: str) -> tuple[int, str] | None:
    """Bytes and CRC-32 of a file or folder, as its sink counted them. None when it is not there. Raises OSError."""
    with contextlib.suppress(FileNotFoundError):
        if not os.path.isdir(path):
            size, checksum = _summed(path)
            return size, f"{checksum:08x}"
        sums: list[tuple[str, int]] = []
        total = 0
        for folder, _, names in os.walk(path):
            for name in names:
                size, checksum = _summed(os.path.join(folder, name))
                sums.append((os.path.relpath(os.path.join(folder, name), path).replace(os.sep, "/"), checksum))
                total += size
        return total, _of_folder(sums)
    return None


def _summed(path: str) -> tuple[int, int]:
    size = checksum = 0
    with open(path, "rb", buffering=0) as file:
        while chunk := file.read(1 << 20):
            size += len(chunk)
            checksum = zlib.crc32(chunk, checksum)
    return size, checksum


def _of_folder(sums: Iterable[tuple[str, int]]) -> str:
    listed = sorted((os.fsencode(name), checksum) for name, checksum in sums)
    return f"{zlib.crc32(b''.join(b'%b %08x' % one + bytes(1) for one in listed)):08x}"


def sync_folder(folder: str) -> None:
    """The names in a folder to the disk, where the system can do that."""
    try:
        file = os.open(folder, os.O_RDONLY)
    except OSError:  # Windows
        return
    try:
        _sync(file)
    finally:
        os.close(file)


_CANNOT_SYNC = (errno.EINVAL, errno.ENOTSUP, errno.ENOSYS, errno.EBADF)


def _sync(file: int) -> None:
    """Not every file system can; one that cannot says so. What it says of the disk is raised."""
    try:
        os.fsync(file)
    except OSError as error:
        if error.errno not in _CANNOT_SYNC:
            raise
