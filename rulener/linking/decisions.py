"""A reviewer's decisions: a table of surface, label, perhaps section, and the code that is meant, or `none`.

    surface	label	section	code
    ms	disorder		MESH:D009103
    ms	disorder	medications	none

Columns may stand in any order, others are passed over; the file is JSON lines by its ending, else a table with tabs or commas. A
surface is compared without regard to case, white space, hyphens and slashes; a decision for a section counts before one for all.
Two that contradict each other are refused.
"""

from __future__ import annotations

import csv
import hashlib
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rulener.core.columns import Tables
from rulener.errors import UsageError

NO_CONCEPT = "none"
_REQUIRED = ("surface", "label", "code")


@dataclass(frozen=True, slots=True)
class Decision:
    surface: str
    label: str
    section: str | None
    code: str
    line: int


@dataclass(frozen=True, slots=True)
class Decisions:
    """The decisions of one file, in its order. Pickles as plain data."""

    path: str
    sha256: str
    decisions: tuple[Decision, ...]

    def fold(self, surface: str) -> str:
        return fold(surface)

    def resolve(self, tables: Tables) -> dict[tuple[str, str, str | None], int | None]:
        """Concept numbers by folded surface, label and section; None for `none`. Raises UsageError (U252) for a code that no
        loaded lexicon or pack has."""
        wanted = {_parts(d.code) for d in self.decisions if d.code != NO_CONCEPT}
        known = tables.find_concepts(wanted)
        made: dict[tuple[str, str, str | None], int | None] = {}
        for decision in self.decisions:
            concept: int | None = None
            if decision.code != NO_CONCEPT:
                concept = known.get(_parts(decision.code))
                if concept is None:
                    raise UsageError(
                        "U252",
                        f"no loaded lexicon or pack has the code {decision.code}",
                        place=f"{self.path}:{decision.line}",
                        hint="codes are written as SYSTEM:CODE; `none` says that there is no concept",
                    )
            made[fold(decision.surface), decision.label, decision.section] = concept
        return made


def read_decisions(path: Path) -> Decisions:
    """Read a file of decisions. Raises UsageError: U251 it cannot be read or a row is wrong, U253 two contradict each other."""
    shown = os.fspath(path)
    try:
        data = path.read_bytes()
        text = data.decode("utf-8-sig")
    except OSError as error:
        raise UsageError("U251", f"the decisions cannot be read: {error.strerror}", place=shown) from None
    except UnicodeDecodeError:
        raise UsageError("U251", "the decisions are not UTF-8", place=shown) from None
    rows = _json_rows if path.suffix.lower() in (".jsonl", ".json", ".ndjson") else _table_rows
    found: list[Decision] = []
    first: dict[tuple[str, str, str | None], Decision] = {}
    for line, row in rows(text, shown):
        values = {name: str(row.get(name) or "").strip() for name in (*_REQUIRED, "section")}
        if not values["code"]:
            continue  # not decided yet: the queue comes back with some rows open
        for name in _REQUIRED:
            if not values[name]:
                raise UsageError("U251", f"a decision has no {name}", place=f"{shown}:{line}")
        code = NO_CONCEPT if values["code"].lower() == NO_CONCEPT else values["code"]
        if code != NO_CONCEPT and ":" not in code:
            raise UsageError("U251", f"{code!r} is no code", place=f"{shown}:{line}", hint="write SYSTEM:CODE, or none")
        made = Decision(values["surface"], values["label"], values["section"] or None, code, line)
        key = (fold(made.surface), made.label, made.section)
        other = first.setdefault(key, made)
        if other.code != made.code:
            raise UsageError(
                "U253", f"this decision contradicts that of line {other.line}", place=f"{shown}:{line}", hint="keep one of them"
            )
        if other is made:
            found.append(made)
    return Decisions(path.name, hashlib.sha256(data).hexdigest(), tuple(found))


def _parts(code: str) -> tuple[str, str]:
    system, _, rest = code.partition(":")
    return system, rest


def fold(surface: str) -> str:
    """A surface as decisions compare it: case, runs of white space, hyphens and dashes folded."""
    made = surface.casefold()
    for char in "-\u2010\u2011\u2012\u2013\u2212/":
        made = made.replace(char, " ")
    return " ".join(made.split())


def _table_rows(text: str, shown: str) -> Iterator[tuple[int, dict[str, Any]]]:
    lines = text.splitlines(keepends=True)
    delimiter = "\t" if lines and "\t" in lines[0] else ","
    reader = csv.DictReader(lines, delimiter=delimiter, strict=True)
    try:
        names = [name.strip().lower() for name in reader.fieldnames or ()]
        reader.fieldnames = names
        for name in _REQUIRED:
            if name not in names:
                hint = "the first line names the columns: surface, label, section, code"
                raise UsageError("U251", f"the decisions have no column {name!r}", place=f"{shown}:1", hint=hint)
        for row in reader:
            yield reader.line_num, row
    except csv.Error as error:
        raise UsageError("U251", f"the decisions cannot be read: {error}", place=f"{shown}:{reader.line_num}") from None


def _json_rows(text: str, shown: str) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError:
            row = None
        if not isinstance(row, dict):
            raise UsageError("U251", "this line is no JSON object", place=f"{shown}:{number}")
        yield number, row


_Reader = Callable[[str, str], Iterator[tuple[int, dict[str, Any]]]]
