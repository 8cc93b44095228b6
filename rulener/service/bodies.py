"""A request's body: read within limits of size and time, and checked against its form. What is wrong is told by place, never by
quoting what was sent."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from time import monotonic
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from rulener.service import problems
from rulener.service.forms import FORMS
from rulener.service.problems import FieldError, Problem

Receive = Callable[[], Awaitable[Mapping[str, Any]]]

_T = TypeVar("_T")
_MANY = 1_000  # errors of one body beyond which none is listed
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,39}")
_JSON_TYPE = re.compile(r"application/(?:[\w.+-]+\+)?json", re.ASCII | re.IGNORECASE)
_PLACE = re.compile(r"at line \d+ column \d+$")


class ClientGone(Exception):
    """Whoever asked has left: there is nobody to answer."""


async def read_body(headers: Mapping[str, str], receive: Receive, limit: int, seconds: float) -> bytes:
    """The body, when it is JSON by its header, of at most `limit` bytes and here within `seconds`.

    Raises Problem (U303, also before anything is read; U306, U307), ClientGone.
    """
    _check_headers(headers, limit)
    until = monotonic() + seconds
    chunks: list[bytes] = []
    size = 0
    while True:
        try:
            message = await asyncio.wait_for(receive(), max(until - monotonic(), 0.001))
        except asyncio.TimeoutError:
            raise problems.too_slow(seconds) from None
        if message["type"] == "http.disconnect":
            raise ClientGone
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > limit:
            raise problems.body_too_large(limit)
        chunks.append(chunk)
        if not message.get("more_body", False):
            return b"".join(chunks)


def _check_headers(headers: Mapping[str, str], limit: int) -> None:
    length = headers.get("content-length", "")
    if length.isdecimal() and int(length[:20]) > limit:
        raise problems.body_too_large(limit)
    if headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise problems.wrong_type("the body is compressed")
    kind, _, parameters = headers.get("content-type", "").partition(";")
    if not _JSON_TYPE.fullmatch(kind.strip()):
        raise problems.wrong_type("the body is not said to be JSON")
    charset = re.search(r'charset="?([\w-]+)', parameters, re.IGNORECASE)
    if charset and charset[1].lower() not in ("utf-8", "utf8", "us-ascii"):
        raise problems.wrong_type("the body is not said to be UTF-8")


# --- from bytes to a form


def parsed(body: bytes, form: type[_T]) -> _T:
    """The body as a form (`forms.py`). Raises Problem: U301 it is not JSON, U302 it has another form."""
    try:
        found: _T = _ADAPTERS[form].validate_json(body)
    except ValidationError as error:
        problem = _problem(error, body)
    else:
        return found
    raise problem  # outside: a pydantic error holds what was sent, and must not travel along


_ADAPTERS: dict[type[Any], Any] = {form: TypeAdapter(form) for form in FORMS}


def _problem(error: ValidationError, body: bytes) -> Problem:
    count = error.error_count()
    if count > _MANY:
        return problems.wrong_form((), count)
    found = error.errors(include_url=False, include_input=False)
    if found[0]["type"] == "json_invalid":
        return _malformed(str(found[0].get("ctx", {}).get("error", "")), body)
    if found[0]["type"] == "too_long":
        what = str(found[0]["loc"][-1])  # a field of ours
        return problems.too_many(what, None, found[0]["ctx"]["max_length"], pointer(found[0]["loc"]))
    return problems.wrong_form([FieldError(pointer(one["loc"]), _words(one)) for one in found], count)


def _malformed(reason: str, body: bytes) -> Problem:
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        return problems.not_json(f"the body is not UTF-8: byte {error.start} cannot be decoded")
    if "surrogate" in reason or "hex escape" in reason:
        lonely = _lonely_surrogate(text)
        if lonely is not None:
            return problems.wrong_form([FieldError(lonely, "holds half of a surrogate pair")])
    place = _PLACE.search(reason)
    return problems.not_json("the body is not JSON" + (f": it goes wrong {place[0]}" if place else ""))


def _lonely_surrogate(text: str) -> str | None:
    """Where in a JSON document the first half of a surrogate pair stands; None when it is nowhere, or this is no JSON."""
    try:
        document = json.loads(text)
        places = _lonely(document, ())
        found = next(places, None)
    except (ValueError, RecursionError):
        return None
    return None if found is None else pointer(found)


def _lonely(value: Any, path: tuple[str | int, ...]) -> Iterator[tuple[str | int, ...]]:
    if isinstance(value, str):
        if any("\ud800" <= char <= "\udfff" for char in value):
            yield path
    elif isinstance(value, dict):
        for name, held in value.items():
            yield from _lonely(name, path)
            yield from _lonely(held, (*path, name))
    elif isinstance(value, list):
        for number, held in enumerate(value):
            yield from _lonely(held, (*path, number))


def pointer(path: Sequence[str | int]) -> str:
    """The JSON pointer of a place, as a URI fragment. A field's name that looks like text is not repeated."""
    parts = [str(part) if isinstance(part, int) or _NAME.fullmatch(part) else "(a field)" for part in path]
    return "#" + "".join(f"/{part}" for part in parts)


def _words(error: Mapping[str, Any]) -> str:
    """What is wrong, in words of ours: those of pydantic may quote what was sent."""
    kind, context = error["type"], error.get("ctx", {})
    if kind == "string_too_long":
        return f"is longer than {context['max_length']} characters"
    if kind == "greater_than_equal":
        return f"is less than {context['ge']}"
    return _WORDS.get(kind, "is not as the API describes it")


_WORDS = {
    "missing": "is missing",
    "unexpected_keyword_argument": "is no field here",
    "extra_forbidden": "is no field here",
    "string_type": "is not a text",
    "string_too_short": "is empty",
    "too_short": "is empty",
    "list_type": "is not a list",
    "int_type": "is not a whole number",
    "int_from_float": "is not a whole number",
    "int_parsing_size": "is too large a number",
    "dataclass_type": "is not an object",
    "dataclass_exact_type": "is not an object",
    "nul": "holds the character U+0000",
}
