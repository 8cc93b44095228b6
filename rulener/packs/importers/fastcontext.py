"""FastContext rule files: `cue|direction|type|value|window`, also with tabs or commas, below `@FEATURE_VALUES` lines."""

from __future__ import annotations

import re
from pathlib import Path

from rulener.errors import UsageError
from rulener.packs.importers.reading import ForeignCue, Meaning, Reading, as_cue, columns_of, read_text
from rulener.packs.model import Direction, Place

DEFAULTS = {
    "negated": Meaning(("negated",)),
    "uncertain": Meaning(("uncertain",)),
    "historical": Meaning(("historical",)),
    "hist": Meaning(("historical",)),
    "hypothetical": Meaning(("hypothetical",)),
    "hypo": Meaning(("hypothetical",)),
    "conditional": Meaning(("hypothetical",)),
    "nonpatient": Meaning(("family",)),
}
_DIRECTIONS = {"forward": Direction.FORWARD, "backward": Direction.BACKWARD, "both": Direction.BOTH}
_ROLES = {"trigger": None, "pseudo": Direction.PSEUDO, "termination": Direction.STOP}
_COMPARISON = re.compile(r"(^|\s)[<>]\s*\d")
_SPLITTER = re.compile(r"@splitter\s*:?\s*(\S+|\t)", re.IGNORECASE)
COLUMNS = 5


def read(path: Path) -> Reading:
    """The rules of a file. U230: unreadable; U231: not of this format."""
    text = read_text(path)
    reading = Reading("fastcontext", DEFAULTS)
    splitter = _splitter(text)
    plain_values: set[str] = set()  # the first value of a feature is what holds without any cue
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        place = Place(path.name, number, 1)
        columns = _columns(line, splitter)
        head = columns[0].lower()
        if head.startswith("@feature_values"):
            plain_values.update(value.lower() for value in columns[2:3])
        elif head.startswith("@"):
            continue
        else:
            _rule(columns, plain_values, place, line, reading)
    if not reading.cues:
        raise UsageError(
            "U231",
            "no line of the file is a FastContext rule",
            place=path.name,
            hint="a line is `cue|direction|trigger, pseudo or termination|value|window`",
        )
    return reading


def _splitter(text: str) -> str:
    """The one the file names; else the first of `|`, tab and comma that cuts a line into enough columns."""
    if match := _SPLITTER.search(text):
        return {"\\t": "\t", "tab": "\t"}.get(match[1].lower(), match[1][:1])
    lines = [line for line in text.splitlines() if line.strip() and line.lstrip()[0] not in "#@"]
    for splitter in ("|", "\t", ","):
        if any(line.count(splitter) >= COLUMNS - 2 for line in lines):
            return splitter
    return "|"


def _columns(line: str, splitter: str) -> list[str]:
    return [cell.strip() for cell in line.split(splitter)] if splitter == "|" else columns_of(line, splitter)


def _rule(columns: list[str], plain_values: set[str], place: Place, line: str, reading: Reading) -> None:
    if len(columns) < COLUMNS - 1:
        reading.leave(f"row with {len(columns)} columns in place of {COLUMNS}", place, line)
        return
    cue, direction, role, value = columns[0], columns[1].lower(), columns[2].lower(), columns[3].lower()
    if not cue:
        reading.leave("row without a cue", place, line)
    elif direction not in _DIRECTIONS or role not in _ROLES:
        reading.leave("direction or type of another kind", place, line)
    elif "\\" in cue:
        reading.leave("wildcard (a cue is words here)", place, cue)
    elif _COMPARISON.search(cue):
        reading.leave("comparison with a number", place, cue)
    elif value in plain_values:
        reading.leave("sets the value that holds without a cue", place, f"{cue} ({value})")
    else:
        _cue(columns, cue, _ROLES[role] or _DIRECTIONS[direction], value, place, reading)


def _cue(columns: list[str], cue: str, direction: Direction, value: str, place: Place, reading: Reading) -> None:
    reaches = direction not in (Direction.PSEUDO, Direction.STOP)
    window = columns[4] if len(columns) >= COLUMNS else ""
    tokens = int(window) if reaches and window.isascii() and window.isdigit() and int(window) > 0 else None
    if reaches and window and tokens is None:
        reading.change("window that is no number: the scope ends with the sentence", place, f"{cue} ({window})")
    if direction is Direction.STOP and columns[1].lower() != "both":
        reading.change("termination in one direction: a stop ends scopes of both directions here", place, cue)
    reading.cues.append(ForeignCue(as_cue(cue), value, direction, place, cue, tokens))
