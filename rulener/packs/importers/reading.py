"""What a reader of a foreign rule file hands to the writer: cues, headings, and what has no equal here, each with its place."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from rulener.errors import UsageError
from rulener.packs.model import Direction, Place

MAX_FILE_BYTES = 50_000_000
_SPECIAL = frozenset("()|?{}<>\\")


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a category of the foreign file says here. `axes` empty: every axis (for pseudo and stop cues; for headings: none)."""

    axes: tuple[str, ...]
    direction: Direction | None = None


@dataclass(frozen=True, slots=True)
class ForeignCue:
    """One cue, in the language of `cues:`. `direction` is None where only `--map` can tell it."""

    cue: str
    category: str
    direction: Direction | None
    place: Place
    shown: str
    tokens: int | None = None
    on: tuple[str, ...] = ()
    not_on: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ForeignHeading:
    heading: str
    category: str
    place: Place


@dataclass(frozen=True, slots=True)
class Remark:
    """Something of the file that is not here as it was there: why, where, and what it is about."""

    reason: str
    place: Place
    shown: str


@dataclass(slots=True)
class Reading:
    """Everything a file holds. `left_out` is not in the pack; `changed` is, but means less or something else here."""

    format: str
    defaults: Mapping[str, Meaning]
    cues: list[ForeignCue] = field(default_factory=list)
    headings: list[ForeignHeading] = field(default_factory=list)
    left_out: list[Remark] = field(default_factory=list)
    changed: list[Remark] = field(default_factory=list)

    def categories(self) -> list[str]:
        """The categories of cues and headings, each once, in the order of the file."""
        found = [*(cue.category for cue in self.cues), *(heading.category for heading in self.headings)]
        return list(dict.fromkeys(found))

    def leave(self, reason: str, place: Place, shown: str) -> None:
        self.left_out.append(Remark(reason, place, short(shown)))

    def change(self, reason: str, place: Place, shown: str) -> None:
        self.changed.append(Remark(reason, place, short(shown)))


def read_text(path: Path) -> str:
    """The file's text. U230 when it cannot be read as UTF-8."""
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise UsageError("U230", f"the file is larger than {MAX_FILE_BYTES:,} bytes", place=path.name)
        return path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise UsageError("U230", f"cannot read the file: {error.strerror}", place=path.name) from None
    except UnicodeDecodeError as error:
        raise UsageError(
            "U230", f"the file is not UTF-8 (byte {error.start})", place=path.name, hint="save it as UTF-8 and import it again"
        ) from None


def columns_of(line: str, splitter: str) -> list[str]:
    """The cells of a line, quotes taken off; a line that is no proper CSV is one cell."""
    try:
        return [cell.strip() for cell in next(csv.reader([line], delimiter=splitter))]
    except csv.Error:
        return [line.strip()]


def as_cue(words: str) -> str:
    """Plain words in the language of `cues:`: blanks squeezed, special characters escaped."""
    return "".join("\\" + char if char in _SPECIAL else char for char in " ".join(words.split()))


def short(text: str, width: int = 60) -> str:
    """On one line, and not longer than `width`."""
    line = " ".join(text.split())
    return line if len(line) <= width else line[: width - 1] + "…"
