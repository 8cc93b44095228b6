"""Arrays in one file, to be mapped into memory: what the index of names is kept as (docs/design/linking.md, section 5).

    magic "RNRNAMES" | u64 length of the head | head: JSON, sorted | arrays, each at a multiple of 64 bytes

The head has the `key` of what the arrays were made from, their types, places and lengths, single numbers, and the file's length.
The same arrays give the same bytes. A file of another key, cut short or with a head that does not fit it is as good as none.
"""

from __future__ import annotations

import contextlib
import json
import mmap
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

MAGIC = b"RNRNAMES"
_TYPES = ("|u1", "<u2", "<u4", "<u8", "<i8", "<f8")
_ALIGN = 64
Arrays = dict[str, npt.NDArray[Any]]


def save(path: Path, key: str, arrays: Mapping[str, npt.NDArray[Any]], numbers: Mapping[str, float]) -> bool:
    """Write the file, at once or not at all; False when the place cannot be written. Processes that race write the same bytes."""
    kept = {name: np.ascontiguousarray(array) for name, array in sorted(arrays.items())}
    places: dict[str, list[Any]] = {}
    at = 0
    for name, array in kept.items():
        places[name] = [array.dtype.str, at, len(array)]
        at += -(-array.nbytes // _ALIGN) * _ALIGN
    head = json.dumps({"key": key, "arrays": places, "numbers": dict(numbers), "length": at}, sort_keys=True).encode()
    begin = _begin(len(head))
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(temporary, "wb") as file:
            file.write(MAGIC + len(head).to_bytes(8, "little") + head)
            file.write(bytes(begin - file.tell()))
            for array in kept.values():
                file.write(array.tobytes())
                file.write(bytes(-array.nbytes % _ALIGN))
        os.replace(temporary, path)
    except OSError:
        with contextlib.suppress(OSError):
            temporary.unlink()
        return False
    return True


def load(path: Path, key: str) -> tuple[Arrays, dict[str, float]] | None:
    """The arrays and numbers of a file with this key, mapped; None when there is none. Only the head is read."""
    try:
        with open(path, "rb") as file:
            start = file.read(16)
            if start[:8] != MAGIC or len(start) < 16:
                return None
            length = int.from_bytes(start[8:], "little")
            size = os.fstat(file.fileno()).st_size
            if length > size - 16:
                return None
            head = json.loads(file.read(length))
            begin = _begin(length)
            if head["key"] != key or begin + head["length"] != size:
                return None
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        arrays = {name: _array(mapped, place, begin, size) for name, place in head["arrays"].items()}
        return arrays, {name: float(number) for name, number in head["numbers"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _array(mapped: mmap.mmap, place: list[Any], begin: int, size: int) -> npt.NDArray[Any]:
    kind, at, count = place
    if kind not in _TYPES or not isinstance(at, int) or not isinstance(count, int) or at < 0 or count < 0 or at % _ALIGN:
        raise ValueError("place")
    if begin + at + count * np.dtype(kind).itemsize > size:
        raise ValueError("place")
    return np.frombuffer(mapped, kind, count, begin + at) if count else np.zeros(0, kind)


def _begin(head: int) -> int:
    return -(-(16 + head) // _ALIGN) * _ALIGN
