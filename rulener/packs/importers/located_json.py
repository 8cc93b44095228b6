"""JSON lists whose items know their line and column."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from rulener.errors import UsageError
from rulener.packs.model import Place

_BLANK = re.compile(r"[ \t\n\r]*")


def items(text: str, path: Path, keys: Collection[str]) -> Iterator[tuple[str, Any, Place]]:
    """(key, item, place) of every item of the lists that stand under one of `keys` in the top object; a list that is the whole
    file counts as being under "". U231 when the text is no JSON, or nothing of that kind."""
    try:
        start = _skip(text, 0)
        if text[start : start + 1] == "[":
            yield from _list(text, start, "", path)[0]
            return
        found = False
        for key, value_at, _ in _members(text, start, path):
            if key in keys and text[value_at] == "[":
                found = True
                yield from _list(text, value_at, key, path)[0]
    except RecursionError:
        raise UsageError("U231", "the JSON is nested too deep", place=path.name) from None
    if not found:
        raise UsageError(
            "U231", "the file has none of the lists " + ", ".join(keys), place=path.name, hint="is it a rule file of this system?"
        )


def _members(text: str, start: int, path: Path) -> Iterator[tuple[str, int, int]]:
    """(key, where its value starts, where it ends) of an object."""
    at = _skip(text, _expect(text, start, "{", path))
    while text[at : at + 1] != "}":
        key, at = _value(text, at, path)
        if not isinstance(key, str):
            raise _broken(text, at, "a key in quotes expected", path)
        value_at = _skip(text, _expect(text, _skip(text, at), ":", path))
        end = _value(text, value_at, path)[1]
        yield key, value_at, end
        at = _next(text, end, "}", path)
    if text[_skip(text, at + 1) :]:
        raise _broken(text, _skip(text, at + 1), "something follows the end", path)


def _list(text: str, start: int, key: str, path: Path) -> tuple[list[tuple[str, Any, Place]], int]:
    found = []
    at = _skip(text, start + 1)
    while text[at : at + 1] != "]":
        item, end = _value(text, at, path)
        found.append((key, item, _place(text, at, path)))
        at = _next(text, end, "]", path)
    return found, at + 1


def _next(text: str, at: int, closing: str, path: Path) -> int:
    at = _skip(text, at)
    if text[at : at + 1] == ",":
        return _skip(text, at + 1)
    if text[at : at + 1] != closing:
        raise _broken(text, at, f"`,` or `{closing}` expected", path)
    return at


def _expect(text: str, at: int, char: str, path: Path) -> int:
    if text[at : at + 1] != char:
        raise _broken(text, at, f"`{char}` expected", path)
    return at + 1


def _value(text: str, at: int, path: Path) -> tuple[Any, int]:
    try:
        return json.JSONDecoder().raw_decode(text, at)
    except json.JSONDecodeError as error:
        raise _broken(text, error.pos, error.msg[:1].lower() + error.msg[1:], path) from None


def _skip(text: str, at: int) -> int:
    match = _BLANK.match(text, at)
    return match.end() if match else at


def _place(text: str, at: int, path: Path) -> Place:
    return Place(path.name, text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at))


def _broken(text: str, at: int, what: str, path: Path) -> UsageError:
    return UsageError("U231", f"not JSON: {what}", place=str(_place(text, at, path)), hint="mend the file and import it again")
