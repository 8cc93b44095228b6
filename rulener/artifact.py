"""The compiled file both sides meet in: written by the compiler, opened by the core.

Layout (little-endian): a header, a directory of named sections, the sections (64-byte aligned, in directory order).

    magic "RULNRAC1" | u32 format | u32 endian tag 0x01020304 | u32 normaliser | u32 Unicode | u64 file length
    | 32 bytes fingerprint of inputs and options | 32 bytes SHA-256 of the body | u32 sections | u32 CRC of header and directory
    directory: 16 bytes name, u64 offset, u64 length, u32 item size, u32 zero, for every section

Opening checks the header, its CRC and that every section lies inside the file; `verify` also hashes the body.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import mmap
import os
import struct
import tempfile
import zlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from rulener.errors import (
    ArtifactByteOrder,
    ArtifactCorrupt,
    ArtifactError,
    ArtifactTruncated,
    ArtifactVersionError,
    NotAnArtifact,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

MAGIC = b"RULNRAC1"
FORMAT_VERSION = 3
NORMALISER_VERSION = 1
UNICODE_VERSION = 150100  # 15.1.0: that of the class and fold tables in rulener/compiler/unicode.bin
ENDIAN_TAG = 0x01020304
ALIGNMENT = 64

_HEADER = struct.Struct("<8sIIIIQ32s32sII")
_SECTION = struct.Struct("<16sQQII")
_MAX_SECTIONS = 256
_MAX_LABELS = 64
_MAX_TIMEOUT = 3600.0
_MIN_SLOTS = 16

# Name -> item size. Every section is present in every artifact, empty or not.
SECTIONS = {
    "meta": 1,
    "fold_pages": 2,
    "fold_cells": 4,
    "fold_text": 4,
    "vocab": 16,
    "arena": 1,
    "word_flags": 1,
    "punct_ids": 4,
    "edges": 16,
    "fail": 4,
    "roots": 8,
    "filter": 8,
    "outs": 16,
    "entries": 16,
    "cases": 1,
    "terms": 28,
    "concept_links": 8,
    "concepts": 24,
    "rules": 16,
    "cues": 32,
    "blocker_refs": 4,
    "headings": 16,
    "section_refs": 4,
    "surround": 4,
    "programs": 32,
    "code": 16,
    "sets": 4,
    "captures": 8,
    "string_bytes": 1,
    "string_offsets": 4,
}


@dataclass(frozen=True, slots=True)
class Header:
    unicode: int
    length: int
    fingerprint: str
    body_hash: bytes
    sections: Mapping[str, tuple[int, int]]  # name -> (offset, length)
    body_offset: int

    @property
    def vocab_bits(self) -> int:
        return _exponent(self.sections["vocab"][1] // 16)

    @property
    def filter_bits(self) -> int:
        return _exponent(self.sections["filter"][1] * 8)


def _exponent(items: int) -> int:
    return max(items.bit_length() - 1, 0)


class OpenArtifact:
    """A mapped artifact: its header and a read-only view of every section. Holds the file until nothing uses the views."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.map = _map(path)
        try:
            self.header = read_header(self.map, path)
            self.sections = self._views()
            self.meta: dict[str, Any] = self._meta()
        except ArtifactError:
            self.sections = {}
            with contextlib.suppress(BufferError):
                self.map.close()
            raise

    def _views(self) -> dict[str, memoryview]:
        whole = memoryview(self.map)
        return {name: whole[offset : offset + length] for name, (offset, length) in self.header.sections.items()}

    def _meta(self) -> dict[str, Any]:
        try:
            meta = json.loads(bytes(self.sections["meta"]))
        except (ValueError, RecursionError):
            meta = None
        if not isinstance(meta, dict):
            raise _corrupt(self.path, "its description cannot be read")
        for name, is_sound in _META.items():
            if name not in meta or not is_sound(meta[name]):
                raise _corrupt(self.path, f"its description of {name!r} is wrong")
        return meta


# --- the description -------------------------------------------------------------------------------------------------


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and not any("\ud800" <= char <= "\udfff" for char in value)


def _is_number(value: Any) -> bool:
    return type(value) is int and 0 <= value < 1 << 32


def _is_list(value: Any, is_sound: Callable[[Any], bool]) -> bool:
    return isinstance(value, list) and all(is_sound(item) for item in value)


def _is_texts(value: Any) -> bool:
    return _is_list(value, _is_text)


def _is_map(value: Any, is_sound: Callable[[Any], bool]) -> bool:
    return isinstance(value, dict) and all(_is_text(key) and is_sound(item) for key, item in value.items())


def _is_pack(value: Any) -> bool:
    return _is_map(value, _is_text) and value.keys() >= {"name", "version", "path", "sha256"}


def _is_lexicon(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and all(_is_text(value.get(key)) for key in ("name", "path", "sha256"))
        and all(_is_number(value.get(key)) for key in ("rows", "terms"))
        and _is_map(value.get("skipped"), _is_number)
    )


def _is_group(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and _is_text(value[0]) and _is_number(value[1])


def _is_regex(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and _is_number(value.get("rule"))
        and _is_number(value.get("term"))
        and _is_text(value.get("regex"))
        and _is_list(value.get("names"), _is_group)
        and isinstance(value.get("anchored"), bool)
        and isinstance(value.get("timeout"), float)
        and 0 < value["timeout"] <= _MAX_TIMEOUT
    )


_META: dict[str, Callable[[Any], bool]] = {
    "fingerprint": _is_text,
    "labels": lambda value: _is_texts(value) and len(value) <= _MAX_LABELS,
    "label_descriptions": _is_texts,
    "schemes": lambda value: _is_map(value, lambda labels: _is_map(labels, _is_text)),
    "axes": _is_texts,
    "resolution": _is_text,
    "cues_inside_mention": _is_text,
    "lists": _is_text,
    "packs": lambda value: _is_list(value, _is_pack),
    "lexicons": lambda value: _is_list(value, _is_lexicon),
    "warnings": _is_texts,
    "coded_labels": _is_texts,
    "variants": lambda value: _is_texts(value) and 0 < len(value) < 256,
    "regexes": lambda value: _is_list(value, _is_regex),
    "counts": lambda value: _is_map(value, _is_number),
}


def _map(path: Path) -> mmap.mmap:
    try:
        with open(path, "rb") as file:
            if os.fstat(file.fileno()).st_size == 0:
                raise NotAnArtifact(
                    "A101", "the file is empty, not a rulener artifact", place=str(path), hint="`rulener compile` makes one"
                )
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except OSError as error:
        raise NotAnArtifact("A101", f"the file cannot be read: {error.strerror}", place=str(path)) from error


def read_header(data: mmap.mmap | bytes, path: Path) -> Header:
    """The header, checked. Raises one of the five artifact errors."""
    if bytes(data[:8]) != MAGIC:
        raise NotAnArtifact("A101", "not a rulener artifact", place=str(path), hint="`rulener compile` makes one")
    if len(data) < _HEADER.size:
        raise _truncated(path, len(data), _HEADER.size)
    _, version, endian, normaliser, unicode, length, fingerprint, body_hash, count, crc = _HEADER.unpack(data[: _HEADER.size])
    if endian == int.from_bytes(ENDIAN_TAG.to_bytes(4, "little"), "big"):
        raise ArtifactByteOrder(
            "A105", "written on a machine of the other byte order", place=str(path), hint="compile it on this machine"
        )
    if endian != ENDIAN_TAG:
        raise _corrupt(path, "its byte order mark is damaged")
    if version != FORMAT_VERSION or normaliser != NORMALISER_VERSION:
        raise ArtifactVersionError(
            "A102",
            f"written for format {version}, normaliser {normaliser}; "
            f"this rulener reads format {FORMAT_VERSION}, normaliser {NORMALISER_VERSION}",
            place=str(path),
            hint="compile it again with this version",
        )
    directory_end = _HEADER.size + count * _SECTION.size
    if count > _MAX_SECTIONS:
        raise _corrupt(path, "its directory is damaged")
    if len(data) < directory_end:
        raise _truncated(path, len(data), directory_end)
    if _crc(bytes(data[:directory_end])) != crc:
        raise _corrupt(path, "its header does not agree with its checksum")
    if len(data) < length:
        raise _truncated(path, len(data), length)
    if len(data) > length:
        raise _corrupt(path, f"it is {len(data)} bytes long, its header says {length}")
    sections = _directory(data, path, count, directory_end, length)
    return Header(unicode, length, fingerprint.hex(), body_hash, sections, directory_end)


def _directory(data: mmap.mmap | bytes, path: Path, count: int, begin: int, length: int) -> dict[str, tuple[int, int]]:
    found: dict[str, tuple[int, int]] = {}
    for k in range(count):
        at = _HEADER.size + k * _SECTION.size
        raw, offset, size, item, _ = _SECTION.unpack(data[at : at + _SECTION.size])
        name = raw.rstrip(b"\0").decode("ascii", "replace")
        if (
            name not in SECTIONS
            or SECTIONS[name] != item
            or size % item
            or offset % ALIGNMENT
            or offset < begin
            or offset + size > length
        ):
            raise _corrupt(path, f"its section {name!r} is damaged")
        found[name] = (offset, size)
    missing = SECTIONS.keys() - found.keys()
    if missing:
        raise _corrupt(path, f"its section {min(missing)!r} is missing")
    for name in ("vocab", "edges", "filter"):
        items = found[name][1] // SECTIONS[name]
        any_size = name == "edges" and items < 1 << 32
        if items < (1 if name == "filter" else _MIN_SLOTS) or (items & (items - 1) and not any_size):
            raise _corrupt(path, f"its section {name!r} has a wrong size")
    if found["roots"][1] // 8 != found["word_flags"][1]:
        raise _corrupt(path, "its sections 'roots' and 'word_flags' do not agree")
    if found["punct_ids"][1] != 512 or found["string_offsets"][1] < 4 or found["word_flags"][1] < 1:
        raise _corrupt(path, "one of its tables has a wrong size")
    return found


def _truncated(path: Path, found: int, wanted: int) -> ArtifactTruncated:
    return ArtifactTruncated(
        "A103", f"the file is cut off: {found} bytes of {wanted}", place=str(path), hint="copy or compile it again"
    )


def _corrupt(path: Path, what: str) -> ArtifactCorrupt:
    return ArtifactCorrupt("A104", f"the artifact is damaged: {what}", place=str(path), hint="compile it again")


def _crc(head: bytes) -> int:
    """CRC-32 of header and directory with the CRC field itself as zero."""
    at = _HEADER.size - 4
    return zlib.crc32(head[:at] + b"\0\0\0\0" + head[at + 4 :])


def verify(path: Path) -> Header:
    """Check header and body hash. Raises one of the five artifact errors."""
    opened = OpenArtifact(Path(path))
    digest = hashlib.sha256(memoryview(opened.map)[opened.header.body_offset :]).digest()
    if digest != opened.header.body_hash:
        raise _corrupt(Path(path), "its content does not agree with its checksum")
    return opened.header


def write_hashed(file: IO[bytes], pieces: Sequence[Any]) -> bytes:
    """Write buffers one after the other; returns their SHA-256, taken by another thread meanwhile."""
    digest = hashlib.sha256()

    def take() -> None:
        for piece in pieces:
            digest.update(piece)

    with ThreadPoolExecutor(1) as other:
        hashed = other.submit(take)
        for piece in pieces:
            file.write(piece)
        hashed.result()
    return digest.digest()


def write(path: Path, sections: Mapping[str, Any], fingerprint: bytes) -> None:
    """Write an artifact atomically: a temporary file beside `path`, synced, then renamed.

    `sections` map names to a buffer, or to a list of buffers that stand one after the other.
    """
    if sections.keys() != SECTIONS.keys():
        raise ValueError(f"sections: {sorted(sections.keys() ^ SECTIONS.keys())}")
    directory_end = _HEADER.size + len(SECTIONS) * _SECTION.size
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(b"\0" * directory_end)
            at = directory_end
            directory = []
            pieces: list[Any] = []
            for name, item in SECTIONS.items():
                given = sections[name] if isinstance(sections[name], list) else [sections[name]]
                views = [memoryview(part).cast("B") for part in given if memoryview(part).nbytes]
                size = sum(view.nbytes for view in views)
                padding = b"\0" * (-at % ALIGNMENT)
                pieces += [padding, *views]
                directory.append(_SECTION.pack(name.encode("ascii"), at + len(padding), size, item, 0))
                at += len(padding) + size
            digest = write_hashed(file, pieces)
            head = _HEADER.pack(
                MAGIC,
                FORMAT_VERSION,
                ENDIAN_TAG,
                NORMALISER_VERSION,
                UNICODE_VERSION,
                at,
                fingerprint,
                digest,
                len(SECTIONS),
                0,
            ) + b"".join(directory)
            file.seek(0)
            file.write(head[: _HEADER.size - 4] + struct.pack("<I", _crc(head)) + head[_HEADER.size :])
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
