"""From a note's bytes to its text: which encodings are read, and what is refused.

Offsets count the code points of the text returned here: a byte order mark is not part of it, line ends stay as they are.
"""

from __future__ import annotations

import codecs
import zlib

from rulener.errors import NoteError, UsageError
from rulener.run import limits

GZIPPED = (".gz", ".GZ")
"""Endings of notes that are gzipped."""

_BOM32 = (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)
_BOM16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_FEW_NULS = 8  # a text may hold some; so many, and one in 32 characters, is no text
_ENCODING_HINT = "say --encoding NAME if the notes are in another encoding"


def check_encoding(name: str | None) -> str | None:
    """The canonical name of an encoding given by the user; U210 when there is no such text encoding."""
    if name is None:
        return None
    try:
        codec = codecs.lookup(name)
        "a".encode(name)
    except (LookupError, ValueError) as error:
        raise UsageError(
            "U210", f"{name!r} is no text encoding Python knows", hint="for example utf-8, cp1252, latin-1, utf-16-le"
        ) from error
    return codec.name


def decode(data: bytes, encoding: str | None = None) -> str:
    """The text of a note. UTF-8 or UTF-16 by byte order mark, else `encoding`, else UTF-8; raises NoteError."""
    text = _decoded(data, encoding)
    if text[:1] == "\ufeff":
        text = text[1:]
    if "\0" in text:
        _refuse_binary(text)
    return text


def _decoded(data: bytes, encoding: str | None) -> str:
    if encoding is None or data.startswith(codecs.BOM_UTF8):
        try:
            return data.decode()
        except UnicodeDecodeError as error:
            return _other(data, error)
    if data.startswith(_BOM16) and not data.startswith(_BOM32):
        return _utf16(data)
    try:
        return data.decode(encoding)
    except (UnicodeDecodeError, UnicodeError) as error:
        at = getattr(error, "start", 0)
        raise NoteError("N102", f"not {encoding}: byte {at} of {len(data)} cannot be decoded", hint="check --encoding") from None


def _other(data: bytes, error: UnicodeDecodeError) -> str:
    """Not UTF-8: UTF-16 with a byte order mark is read, everything else is refused with what it looks like."""
    if data.startswith(_BOM32):
        raise NoteError("N102", "UTF-32 is not read", hint="convert the note to UTF-8") from None
    if data.startswith(_BOM16):
        return _utf16(data)
    if _mostly_nul(data.count(0), len(data)):
        raise NoteError("N103", f"a binary file: {data.count(0)} of {len(data)} bytes are NUL", hint=_ENCODING_HINT) from None
    raise NoteError("N102", f"not UTF-8: byte {error.start} of {len(data)} cannot be decoded", hint=_ENCODING_HINT) from None


def _utf16(data: bytes) -> str:
    try:
        return data.decode("utf-16")
    except UnicodeDecodeError as error:
        raise NoteError("N102", f"broken UTF-16: byte {error.start} of {len(data)} cannot be decoded") from None


def _refuse_binary(text: str) -> None:
    nuls = text.count("\0")
    if _mostly_nul(nuls, len(text)):
        raise NoteError("N103", f"a binary file: {nuls} of {len(text)} characters are NUL", hint=_ENCODING_HINT)


def _mostly_nul(nuls: int, length: int) -> bool:
    return nuls >= _FEW_NULS and nuls * 32 > length


def unpacked(content: bytes) -> bytes:
    """A gzipped note's bytes. Raises NoteError: N101 it is no gzip or ends too early, N105 it is too long."""
    unpacker = zlib.decompressobj(wbits=31)
    try:
        data = unpacker.decompress(content, limits.NOTE_BYTES + 1)
    except zlib.error as error:
        raise NoteError("N101", f"cannot be unpacked: {error}") from None
    if len(data) > limits.NOTE_BYTES:
        raise too_long(len(data))
    if not unpacker.eof:
        raise NoteError("N101", "cannot be unpacked: it ends too early")
    return data


def too_long(size: int) -> NoteError:
    return NoteError("N105", f"{size} bytes; a note may have {limits.NOTE_BYTES}")
