"""Writing rules and cases into a file's text: a new one at the end of its list, comments and layout around it untouched.

Every function gives a new text and the line to look at. The text is read again before it is given: what came out must hold all
entries that were there, and the new one.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from rulener.errors import UsageError
from rulener.packs.source import Listing, Scalar, Table, parse_source

_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9]*(?:[ -][A-Za-z0-9]+)*")
_WORDS_OF_YAML = {"yes", "no", "on", "off", "true", "false", "null", "y", "n"}
_ESCAPED = re.compile(r"([\[\]{}\\])")


@dataclass(frozen=True, slots=True)
class Written:
    """A file's new text, and the line of what is new in it."""

    text: str
    line: int


def add_term(text: str, id_: str, label: str, surface: str, *, exact: bool = False) -> Written:
    """A new term at the end of `terms:`. Raises UsageError U353 when the file's layout does not allow it or the id is taken."""
    lines = [f"id: {id_}", f"label: {quoted(label)}", f"{'exact' if exact else 'any'}: [{quoted(surface)}]"]
    return _added(text, "terms", id_, lines)


def add_case(text: str, id_: str, marked: str) -> Written:
    """A new case at the end of `cases:`. `marked` is a text with its marks. Raises UsageError U353."""
    return _added(text, "cases", id_, [f"id: {id_}", f"text: {json.dumps(marked, ensure_ascii=False)}"])


def add_surface(text: str, id_: str, surface: str, *, exact: bool = False) -> Written:
    """One more text of a term that is there, at the end of its `any` or `exact`. Raises UsageError U353."""
    key = "exact" if exact else "any"
    table = next((table for name, table in _entries(text, "terms") if name == id_), None)
    if table is None:
        raise _refused(f"the file has no term {id_!r}")
    found = next((node for name, node in table.entries if name.value == key), None)
    lines = text.split("\n")
    if found is None:
        indent = " " * (table.place.column - 1)
        last = _last_line(text, table)
        lines.insert(last, f"{indent}{key}: [{quoted(surface)}]")
        return _checked(text, "\n".join(lines), "terms", last + 1)
    if not isinstance(found, Listing) or not found.items:
        raise _refused(f"`{key}` of {id_!r} is no list")
    item = found.items[-1]
    if not isinstance(item, Scalar):
        raise _refused(f"`{key}` of {id_!r} is no list of texts")
    line = item.place.line - 1
    before = lines[line][: item.place.column - 1]
    if before.strip() == "-":  # one text a line
        lines.insert(line + 1, f"{before}{quoted(surface)}")
        return _checked(text, "\n".join(lines), "terms", line + 2)
    end = item.place.column - 1 + item.place.width
    lines[line] = f"{lines[line][:end]}, {quoted(surface)}{lines[line][end:]}"
    return _checked(text, "\n".join(lines), "terms", line + 1)


def quoted(value: str) -> str:
    """A text as it may stand in a YAML list: bare when that is safe, else in quotes."""
    plain = _PLAIN.fullmatch(value) is not None and value.lower() not in _WORDS_OF_YAML
    return value if plain else json.dumps(value, ensure_ascii=False)


def name_from(words: str, taken: Sequence[str] = (), otherwise: str = "term") -> str:
    """An id made of some words, free among those taken."""
    folded = unicodedata.normalize("NFKD", words.casefold())
    parts = re.findall(r"[a-z0-9]+", "".join(char for char in folded if not unicodedata.combining(char)))
    made = "-".join(parts)[:40].strip("-")
    if not made or not made[0].isalpha():
        made = f"{otherwise}-{made}".strip("-")
    number, free = 1, made
    while free in taken:
        number += 1
        free = f"{made}-{number}"
    return free


def marked_text(text: str, start: int, end: int, inside: str) -> str:
    """A text with one mark: `[words]{inside}`. What would be read as a mark is escaped."""
    before, words, after = (_ESCAPED.sub(r"\\\1", part) for part in (text[:start], text[start:end], text[end:]))
    return f"{before}[{words}]{{{inside}}}{after}"


# --- inside -----------------------------------------------------------------------------------------------------------


def _added(text: str, kind: str, id_: str, body: Sequence[str]) -> Written:
    if any(name == id_ for name, _ in _entries(text, kind)):
        raise _refused(f"the id {id_!r} is taken")
    entries = _entries(text, kind)
    lines = text.split("\n")
    if entries:
        last = entries[-1][1]
        dash = lines[last.place.line - 1][: last.place.column - 1]
        if dash.strip() != "-":
            raise _refused(f"`{kind}` is not written with one dash a line")
        at = _last_line(text, last)
        indent = dash.index("-")
    else:
        if any(key == kind for key in _keys(text)):
            raise _refused(f"`{kind}` is there, but empty")
        while lines and not lines[-1].strip():
            lines.pop()
        lines += ["", f"{kind}:"] if lines else [f"{kind}:"]
        at, indent = len(lines), 2
    new = [f"{' ' * indent}- {body[0]}", *(f"{' ' * (indent + 2)}{line}" for line in body[1:])]
    spaced = len(entries) > 1 and not lines[entries[-1][1].place.line - 2].strip()  # the author leaves lines between rules
    lines[at:at] = ["", *new] if spaced else new
    made = "\n".join(lines)
    return _checked(text, made if made.endswith("\n") else made + "\n", kind, at + 1 + spaced, id_)


def _checked(before: str, after: str, kind: str, line: int, id_: str = "") -> Written:
    """What was written, if all that was there is still there and it is YAML."""
    source, problems = parse_source(after.encode("utf-8"), "file")
    wanted = [name for name, _ in _entries(before, kind)] + ([id_] if id_ else [])
    if source.root is None or any(finding.severity == "error" for finding in problems):
        raise _refused("the file is not valid YAML")
    if [name for name, _ in _entries(after, kind)] != wanted:
        raise _refused("the file's layout does not allow it")
    return Written(after, line)


def _keys(text: str) -> list[str]:
    root = parse_source(text.encode("utf-8"), "file")[0].root
    return [key.value for key, _ in root.entries] if isinstance(root, Table) else []


def _entries(text: str, kind: str) -> list[tuple[str, Table]]:
    root = parse_source(text.encode("utf-8"), "file")[0].root
    if not isinstance(root, Table):
        if text.strip() and root is not None:
            raise _refused("the file holds no rules")
        return []
    found: list[tuple[str, Table]] = []
    for key, node in root.entries:
        if key.value == kind and isinstance(node, Listing):
            for item in node.items:
                if isinstance(item, Table):
                    ids = [value.text.value for name, value in item.entries if name.value == "id" and isinstance(value, Scalar)]
                    found.append((ids[0] if ids else "", item))
    return found


def _last_line(text: str, table: Table) -> int:
    """How many lines of the file end with this entry: those after it that are indented like its keys, or deeper."""
    lines = text.split("\n")
    column = table.place.column - 1
    last = table.place.line
    for number in range(table.place.line, len(lines)):
        line = lines[number]
        if not line.strip():
            continue
        if len(line) - len(line.lstrip(" ")) < column:
            break
        last = number + 1
    return last


def _refused(why: str) -> UsageError:
    return UsageError("U353", f"nothing was written: {why}", hint="write it in the editor")
