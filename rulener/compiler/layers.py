"""Layers: large lexicons as the builder holds them, kept in the cache, so that a changed pack does not read them again.

A compilation always begins with its layer, whether that was thawed from a file or made this moment: the artifact's bytes are the
same. A layer is named by everything that shapes it (names and hashes of its tables, their places in the order of lexicons, the
labels that rows may have, and versions). Its bytes are hashed, so a damaged one is noticed and made again; a file appears whole
or not at all, so processes may race.

    magic "RULNLAY1" | u64 length of the description | 32 bytes SHA-256 of all that follows
    | description (JSON) | arrays, each at a multiple of 64
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import mmap
import os
import struct
import tempfile
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from rulener import __version__, artifact
from rulener.compiler.lexicons import LexiconReport, add_lexicon
from rulener.core.automaton import Builder

LEAST_BYTES = 4 << 20  # smaller tables are read each time
LAYER_VERSION = 1
_KEPT = 4  # files in the cache
_MAGIC = b"RULNLAY1"
_HEAD = struct.Struct("<8sQ32s")
_ALIGNMENT = 64

Numbered = tuple[int, Path, str]  # place among the lexicons, file, hash


def add_large(
    new_builder: Callable[[], Builder],
    tables: Sequence[Numbered],
    labels: Mapping[str, int],
    shown: str,
    folder: Path | None,
) -> tuple[Builder, dict[int, LexiconReport]]:
    """A builder that holds the rows of `tables`, from the cache `folder` when it has them, and what was read by lexicon number.

    Raises LexiconError.
    """
    if not tables:
        return new_builder(), {}
    key = _key(tables, labels)
    path = None if folder is None else folder / "layers" / f"{key}.rnl"
    if path is not None:
        builder = new_builder()
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError, AttributeError):  # not there, or damaged
            return builder, _thaw(builder, path, key)
    builder = new_builder()
    reports = {number: add_lexicon(builder, table, digest, number, labels, shown) for number, table, digest in tables}
    arrays, state = builder.freeze()
    if path is not None:
        with contextlib.suppress(OSError):  # no room: it is made again next time
            _save(path, key, arrays, state, reports)
            _drop_old(path.parent, path)
    return builder, reports


def is_large(path: Path) -> bool:
    """Whether a table is worth a layer."""
    try:
        return path.stat().st_size >= LEAST_BYTES
    except OSError:  # reading it says what is wrong
        return False


def _key(tables: Sequence[Numbered], labels: Mapping[str, int]) -> str:
    described = {
        "rulener": __version__,
        "layer": LAYER_VERSION,
        "format": artifact.FORMAT_VERSION,
        "normaliser": artifact.NORMALISER_VERSION,
        "unicode": artifact.UNICODE_VERSION,
        "lexicons": [[number, os.fsencode(table.name).hex(), digest] for number, table, digest in tables],
        "labels": list(labels.items()),
    }
    return hashlib.sha256(json.dumps(described, separators=(",", ":")).encode("utf-8")).hexdigest()


def _thaw(builder: Builder, path: Path, key: str) -> dict[int, LexiconReport]:
    """Fill an empty builder from a file. Raises OSError or ValueError (and others, for nonsense) when that cannot be."""
    with open(path, "rb") as file:
        held = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    magic, length, digest = _HEAD.unpack(held[: _HEAD.size])
    if magic != _MAGIC:
        raise ValueError("no layer")
    whole = memoryview(held)
    with ThreadPoolExecutor(1) as other:
        hashed = other.submit(lambda: hashlib.sha256(whole[_HEAD.size :]).digest())
        described = json.loads(held[_HEAD.size : _HEAD.size + length])
        if described["key"] != key:
            raise ValueError("another layer")
        arrays = {name: whole[begin : begin + size] for name, begin, size in described["arrays"]}
        builder.thaw(arrays, described["state"])
        if hashed.result() != digest:
            raise ValueError("damaged")
    with contextlib.suppress(OSError):
        os.utime(path)
    return {number: LexiconReport(report, warnings) for number, report, warnings in described["reports"]}


def _save(
    path: Path, key: str, arrays: Mapping[str, memoryview], state: dict[str, Any], reports: Mapping[int, LexiconReport]
) -> None:
    described: dict[str, Any] = {
        "key": key,
        "state": state,
        "reports": [[number, report.described, report.warnings] for number, report in reports.items()],
        "arrays": [[name, 0, array.nbytes] for name, array in arrays.items()],
    }
    # The description says where the arrays begin, so it must not grow when they are set: they are counted from after it.
    room = len(json.dumps(described)) + 24 * len(arrays)
    at = -(-(_HEAD.size + room) // _ALIGNMENT) * _ALIGNMENT
    length = at - _HEAD.size
    for place in described["arrays"]:
        place[1] = at
        at += -(-place[2] // _ALIGNMENT) * _ALIGNMENT
    text = json.dumps(described).encode("ascii")
    pieces: list[Any] = [text + b" " * (length - len(text))]
    for array in arrays.values():
        pieces += [array.cast("B") if array.nbytes else b"", b"\0" * (-array.nbytes % _ALIGNMENT)]
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(b"\0" * _HEAD.size)
            digest = artifact.write_hashed(file, pieces)
            file.seek(0)
            file.write(_HEAD.pack(_MAGIC, length, digest))
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


def _drop_old(folder: Path, newest: Path) -> None:
    """Keep the layers that were used last."""
    found = []
    for path in folder.glob("*.rnl"):
        with contextlib.suppress(OSError):
            found.append((path != newest, -path.stat().st_mtime, path.name, path))
    for _, _, _, path in sorted(found)[_KEPT:]:
        with contextlib.suppress(OSError):
            path.unlink()
