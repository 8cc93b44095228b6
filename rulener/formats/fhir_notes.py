"""Reads notes from FHIR (DSTU2 to R5): DocumentReference and DiagnosticReport, as NDJSON of a bulk export or in Bundles.

A note is an attachment of type text/plain whose data the resource holds, or the conclusion of a report. Nothing is fetched.
docs/guide/formats.md says which attachments are read and what is carried. Reasons name places, types and sizes, never a text.
"""

from __future__ import annotations

import base64
import binascii
import codecs
import json
import os
import re
import zlib
from typing import IO, TYPE_CHECKING, Any

from rulener.errors import UsageError
from rulener.formats.compressed import open_table
from rulener.formats.readers import EVERY, Columns, Note, PassedOver, Unreadable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Row = Note | Unreadable | PassedOver

CARRIED = ("resource", "patient", "encounter", "date", "type", "type_code", "category", "status")
"""What a note can carry of its resource; what the resource does not say is None."""

LINE_BYTES = 1 << 30
"""The longest line, and the largest Bundle in a file of its own, that is read."""

_PEEKED = 1 << 20
_RESOURCE = re.compile(rb'\s*\{\s*(?:"(?:id|meta|type|status)"\s*:[^{}\[\]]*,\s*)?"resourceType"\s*:\s*"[A-Z]')
_TYPE_NAME = re.compile(r"[A-Z][A-Za-z]{1,60}")
_MEDIA_TYPE = re.compile(r"[a-z]+/[a-z0-9.+_-]{1,60}")
_CHARSET = re.compile(r"""(?i);\s*charset\s*=\s*["']?([a-z0-9._:-]{1,40})["']?""")
_ID = re.compile(r"[A-Za-z0-9.-]{1,64}")
_FEW_NULS = 8  # as for notes in files: more, and one in 32 characters, is no text


# --- which files


def holds_resources(path: str) -> bool:
    """Whether a file of JSON is FHIR: its first object has a resourceType and no text of a note."""
    try:
        with open_table(path) as file:
            return _is_resource(file.read(_PEEKED))
    except (OSError, EOFError, zlib.error):  # told when it is read
        return False


def _is_resource(head: bytes) -> bool:
    lines = head.removeprefix(codecs.BOM_UTF8).lstrip().splitlines()
    if not lines:
        return False
    try:
        first = json.loads(lines[0])
    except (ValueError, RecursionError):  # over several lines, or longer than what was read
        return _RESOURCE.match(b"\n".join(lines[:20])) is not None
    return isinstance(first, dict) and isinstance(first.get("resourceType"), str) and not isinstance(first.get("text"), str)


# --- resources of a file


def read_fhir(path: str, columns: Columns, encoding: str | None) -> Iterator[Row]:
    """The notes of a file of resources: NDJSON, or one Bundle or resource in a `.json`; plain or gzip.

    `encoding` is that of attachments which name none and have no byte order mark (else UTF-8). Raises UsageError: U201 it cannot
    be read, U213 columns that FHIR does not have.
    """
    place = os.path.basename(path)
    reader = _Reader(_carry(columns, place), encoding or "utf-8")
    whole = path.lower().endswith((".json", ".json.gz"))
    try:
        with open_table(path) as file:
            for where, data in _whole(file) if whole else _lines(file):
                yield from reader.rows(where, data)
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UsageError("U201", f"cannot read the input: {reason}", place=place) from None


def _carry(columns: Columns, place: str) -> tuple[str, ...]:
    if columns.id is not None or columns.text is not None:
        hint = "leave out --id-column and --text-column; ids are those of the resources"
        raise UsageError("U213", "a file of FHIR resources has no columns", place=place, hint=hint)
    if columns.carry in ((), (EVERY,)):
        return CARRIED
    unknown = [name for name in columns.carry if name not in CARRIED]
    if unknown:
        listed = ", ".join(CARRIED)
        raise UsageError("U213", f"no column {unknown[0]!r}; a resource carries {listed}", place=place)
    return columns.carry


def _whole(file: IO[bytes]) -> Iterator[tuple[str, bytes | int]]:
    """The file, or its lines when it is NDJSON by another name: more lines follow one that is an object."""
    first = file.readline(LINE_BYTES + 1)
    if first.removeprefix(codecs.BOM_UTF8).startswith(b"{") and first.rstrip(b"\r\n").endswith(b"}"):
        yield "line 1", first.removeprefix(codecs.BOM_UTF8)
        yield from _lines(file, 1)
        return
    data = first + file.read(LINE_BYTES + 1 - len(first))
    if len(data) > LINE_BYTES:
        yield "", len(data) + sum(iter(lambda: len(file.read(1 << 20)), 0))
    else:
        yield "", data.removeprefix(codecs.BOM_UTF8)


def _lines(file: IO[bytes], number: int = 0) -> Iterator[tuple[str, bytes | int]]:
    """(place, line) of those after line `number`; of a line that is too long its length."""
    while line := file.readline(LINE_BYTES):
        number += 1
        if number == 1:
            line = line.removeprefix(codecs.BOM_UTF8)
        size = len(line)
        if size == LINE_BYTES and not line.endswith(b"\n"):
            while rest := file.readline(1 << 20):
                size += len(rest)
                if rest.endswith(b"\n"):
                    break
            yield f"line {number}", size
        elif line.strip():
            yield f"line {number}", line


class _Reader:
    def __init__(self, carry: tuple[str, ...], encoding: str) -> None:
        self._carry = carry
        self._encoding = encoding

    def rows(self, where: str, data: bytes | int) -> Iterator[Row]:
        """The notes of a line or file. `where` is its place, empty for the whole file."""
        before = f"{where}: " if where else ""
        if isinstance(data, int):
            what = "a line" if where else "a Bundle in a file of its own (write it as NDJSON, a resource a line)"
            yield Unreadable(None, "N105", f"{before}{data} bytes; {what} may have {LINE_BYTES}")
            return
        try:
            resource: Any = json.loads(data.decode())
        except UnicodeDecodeError as error:
            yield Unreadable(None, "N102", f"{before}not UTF-8: byte {error.start} cannot be decoded")
        except json.JSONDecodeError as error:
            at = f"column {error.colno}" if where else f"line {error.lineno}, column {error.colno}"
            yield Unreadable(None, "N106", f"{before}not JSON: {at}")
        except RecursionError:
            yield Unreadable(None, "N106", f"{before}nested too deeply")
        else:
            yield from self._resource(where, resource, None)

    def _resource(self, where: str, resource: Any, full_url: Any) -> Iterator[Row]:
        kind = resource.get("resourceType") if isinstance(resource, dict) else None
        if not isinstance(kind, str) or not _TYPE_NAME.fullmatch(kind):
            yield Unreadable(None, "N106", _at(where, "no FHIR resource: an object with a resourceType"))
        elif kind == "Bundle":
            for number, entry in enumerate(_items(resource.get("entry"))):
                inside = f"{where}, entry {number}" if where else f"entry {number}"
                if "resource" in entry:  # else only a search result or the request of a transaction
                    yield from self._resource(inside, entry["resource"], entry.get("fullUrl"))
                else:
                    yield PassedOver("entries of a Bundle without a resource")
        elif kind not in _ATTACHMENTS:
            yield PassedOver(f"{kind} resources")
        elif resource.get("status") == "entered-in-error":
            yield PassedOver(f"{kind} resources entered in error")
        else:
            yield from self._document(where, kind, resource, full_url)

    def _document(self, where: str, kind: str, resource: dict[str, Any], full_url: Any) -> Iterator[Row]:
        found_id = _resource_id(resource, full_url)
        if found_id is None:
            yield Unreadable(None, "N106", _at(where, f"a {kind} without an id"))
            return
        note_id = f"{kind}/{found_id}"
        carried = _metadata(note_id, resource)
        metadata = {name: carried[name] for name in self._carry}
        conclusion = resource.get("conclusion") if kind == "DiagnosticReport" else None
        has_conclusion = isinstance(conclusion, str) and bool(conclusion.strip())
        texts, others = _sorted_out(_ATTACHMENTS[kind](resource))
        for order, attachment in texts:
            one = note_id if len(texts) == 1 else f"{note_id}/{order}"
            text = self._text(one, attachment)
            yield text if isinstance(text, Unreadable) else Note(one, text, metadata)
        if has_conclusion:
            yield Note(f"{note_id}/conclusion", str(conclusion), metadata)
        if texts or has_conclusion:
            yield from (PassedOver(f"attachments beside a text: {what}") for what in others)
        elif others or kind == "DocumentReference":
            named = ", ".join(others) or "no attachment"
            yield Unreadable(note_id, "N107", _at(where, f"no attachment that is read: {named}"))
        else:
            yield PassedOver("DiagnosticReport resources without text")

    def _text(self, note_id: str, attachment: dict[str, Any]) -> str | Unreadable:
        """The text of an attachment's data."""
        try:
            data = base64.b64decode("".join(attachment["data"].split()), validate=True)
        except (binascii.Error, ValueError):
            return Unreadable(note_id, "N108", f"its data is not base64 ({len(attachment['data'])} characters)")
        named = _CHARSET.search(str(attachment.get("contentType")))
        encoding = named[1] if named else self._encoding
        if data.startswith(codecs.BOM_UTF8):
            encoding = "utf-8"
        elif not named and data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            encoding = "utf-16"
        try:
            text = data.decode(encoding).removeprefix("\ufeff")
        except LookupError:
            return Unreadable(note_id, "N102", f"its charset {encoding} is not known")
        except UnicodeError as error:
            at = f": byte {error.start} of {len(data)} cannot be decoded" if isinstance(error, UnicodeDecodeError) else ""
            return Unreadable(note_id, "N102", f"not {encoding}{at}")
        nuls = text.count("\0")
        if nuls >= _FEW_NULS and nuls * 32 > len(text):
            return Unreadable(note_id, "N103", f"binary data: {nuls} of {len(text)} characters are NUL")
        return text


def _at(where: str, what: str) -> str:
    return f"{where}: {what}" if where else what


# --- one resource


def _document_attachments(resource: dict[str, Any]) -> list[dict[str, Any]]:
    return [_dict(content.get("attachment")) for content in _items(resource.get("content"))]


_ATTACHMENTS: dict[str, Callable[[dict[str, Any]], list[dict[str, Any]]]] = {
    "DocumentReference": _document_attachments,
    "DiagnosticReport": lambda resource: _items(resource.get("presentedForm")),
}


def _sorted_out(attachments: list[dict[str, Any]]) -> tuple[list[tuple[int, dict[str, Any]]], list[str]]:
    """The attachments that are text, with their places, and what the others are."""
    texts: list[tuple[int, dict[str, Any]]] = []
    others: list[str] = []
    for order, attachment in enumerate(attachments):
        media_type = _media_type(attachment.get("contentType"))
        if not isinstance(attachment.get("data"), str):
            others.append(f"{media_type} by url" if attachment.get("url") else f"{media_type} without data")
        elif media_type != "text/plain":
            others.append(media_type)
        else:
            texts.append((order, attachment))
    return texts, others


def _media_type(content_type: Any) -> str:
    """The type in small letters; what is no type is not repeated."""
    if content_type is None:
        return "no contentType"
    found = str(content_type).partition(";")[0].strip().lower()
    return found if _MEDIA_TYPE.fullmatch(found) else "unknown contentType"


def _resource_id(resource: dict[str, Any], full_url: Any) -> str | None:
    """The resource's id, or in a Bundle what its fullUrl ends with."""
    for found in (resource.get("id"), re.split("[:/]", full_url)[-1] if isinstance(full_url, str) else None):
        if isinstance(found, str) and _ID.fullmatch(found):
            return found
    return None


def _metadata(note_id: str, resource: dict[str, Any]) -> dict[str, Any]:
    """CARRIED of a resource. Names of people (`display` of references) are left behind."""
    context = resource.get("context")  # R4: an object with encounters; R5: a list of references
    encounters = _dict(context).get("encounter") if isinstance(context, dict) else context
    period = _dict(resource.get("effectivePeriod"))
    dates = (resource.get("date"), resource.get("effectiveDateTime"), period.get("start"), resource.get("issued"))
    kind = resource.get("type", resource.get("code"))
    return {
        "resource": note_id,
        "patient": _reference(resource.get("subject")),
        "encounter": _reference(resource.get("encounter"))
        or next((found for one in _items(encounters) if (found := _reference(one))), None),
        "date": next((date for date in dates if isinstance(date, str)), None),
        "type": _words(kind),
        "type_code": _token(kind),
        "category": next((found for one in _items(resource.get("category")) if (found := _words(one) or _token(one))), None),
        "status": _string(resource.get("status")),
    }


def _reference(value: Any) -> str | None:
    """`Patient/1`, or the identifier of a logical reference as `system|value`."""
    identifier = _dict(_dict(value).get("identifier"))
    found = _string(_dict(value).get("reference"))
    if found is None and _string(identifier.get("value")) is not None:
        found = f"{_string(identifier.get('system')) or ''}|{identifier['value']}"
    return found


def _words(concept: Any) -> str | None:
    """What people read of a CodeableConcept."""
    displays = (_string(coding.get("display")) for coding in _items(_dict(concept).get("coding")))
    return _string(_dict(concept).get("text")) or next((display for display in displays if display), None)


def _token(concept: Any) -> str | None:
    """The first coding as `system|code`."""
    for coding in _items(_dict(concept).get("coding")):
        if _string(coding.get("code")) is not None:
            return f"{_string(coding.get('system')) or ''}|{coding['code']}"
    return None


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _items(value: Any) -> list[dict[str, Any]]:
    """The objects of a list; one object stands for a list of it."""
    if isinstance(value, dict):
        return [value]
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _string(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
