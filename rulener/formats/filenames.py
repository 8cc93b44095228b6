"""Note ids as file names, the same on every system: formats of one or more files a note. docs/guide/formats.md has the rules."""

from __future__ import annotations

import hashlib
import json
import os
import re
from typing import Any

_KEPT = re.compile(r"[A-Za-z0-9_.-]")
_RESERVED = re.compile(r"(?i)(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$)")  # names that Windows keeps for devices
_SUFFIXED = re.compile(r"(?i)\.(?=(?:ann|ast|con|conf|jsonl|txt)$)")  # a folder must not take the name of a file
_NOTE_SUFFIX = re.compile(r"(?i)\.txt(?:\.gz)?$")
_PART_LIMIT = 150
_NAME_LIMIT = 400


class FileNames:
    """A file name for each note of a part, without its suffix: `ward3/a` for the note `ward3/a.txt`.

    Names are of ASCII letters, digits and `_.-%~/`, neither absolute nor with a part `..` or a hidden one. No two are equal, not
    even on a system that takes small and capital letters for the same: the second gets `~2`, the third `~3`.
    """

    def __init__(self) -> None:
        self._taken: dict[str, int] = {}

    def name(self, note_id: str) -> str:
        made = _safe(note_id)
        count = self._taken.get(made.lower(), 0) + 1
        self._taken[made.lower()] = count
        return made if count == 1 else f"{made}~{count}"


def _safe(note_id: str) -> str:
    *folders, last = note_id.split("/")
    parts = [_SUFFIXED.sub("%2E", _safe_part(folder)) for folder in folders] + [_safe_part(_NOTE_SUFFIX.sub("", last))]
    made = "/".join(parts)
    return made if len(made) <= _NAME_LIMIT else _cut(made.replace("/", "%2F"), note_id)


def _safe_part(part: str) -> str:
    """What other characters are stands as `%` and two hexadecimal digits for each byte of their UTF-8, as in URLs."""
    made = "".join(char if _KEPT.match(char) else _escaped(char) for char in part) or "_"
    if made[0] == "." or _RESERVED.match(made):
        made = _escaped(made[0]) + made[1:]
    if made[-1] == ".":
        made = made[:-1] + "%2E"
    return made if len(made) <= _PART_LIMIT else _cut(made, part)


def _escaped(char: str) -> str:
    return "".join(f"%{byte:02X}" for byte in char.encode("utf-8", "surrogatepass"))


def _cut(made: str, whole: str) -> str:
    """The beginning of a name that is too long, and what tells it from others with this beginning."""
    return f"{made[:100]}~{hashlib.sha256(whole.encode('utf-8', 'surrogatepass')).hexdigest()[:16]}"


def in_listed_order(names: list[str], listed: dict[str, tuple[str, dict[str, Any]]]) -> list[str]:
    """Files in the order of `notes.jsonl`; those it does not name follow, by name."""
    places = {name: number for number, name in enumerate(listed)}
    return sorted(names, key=lambda name: (places.get(name, len(places)), name))


def listed_notes(folder: str) -> dict[str, tuple[str, dict[str, Any]]]:
    """(note id, metadata) of each file, by its name without suffix, from the `notes.jsonl` of a folder that a run wrote.

    Empty when there is none; lines that are none of ours are passed by.
    """
    found: dict[str, tuple[str, dict[str, Any]]] = {}
    path = os.path.join(folder, "notes.jsonl")
    if os.path.exists(path):
        with open(path, "rb") as file:
            for line in file:
                try:
                    record = json.loads(line)
                    found[record["file"]] = (str(record["note_id"]), record.get("metadata") or {})
                except (ValueError, KeyError, TypeError):
                    continue
    return found
