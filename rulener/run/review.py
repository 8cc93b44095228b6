"""The review queue of a finished run: mentions whose concept somebody should look at.

It is made from the parts of the run, in their order, so it is the same for any number of workers and for a run that was stopped.
The mention's own words are in it, as in the parts; no other text of a note is, unless it is asked for: then the notes are
read once more, in the order of the run.
"""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rulener.errors import UsageError
from rulener.formats.readers import Note

WINDOW = 100  # characters on each side of a mention
COLUMNS = (
    "note_id", "start", "end", "window_start", "window_end", "surface", "label", "section", "linking", "why", "candidates",
    "code",
)  # fmt: skip
UNSURE_STEPS = frozenset(("partial", "spelling"))
_LINES = (".jsonl", ".ndjson")


def write_review(output: Path, target: Path, notes: Iterator[Note] | None = None) -> int:
    """Write the queue of the run in `output` to `target` (JSON lines, or a table by its ending); gives how many mentions it has.
    With the run's `notes`, in its order, each row has the text of its window (`window`), as patients' notes have it.

    Raises UsageError: U254 the file cannot be written, the run's parts are not JSON lines, or the notes are others.
    """
    columns = COLUMNS if notes is None else (*COLUMNS[:-1], "window", COLUMNS[-1])
    parts = sorted(output.glob("part-*.jsonl"))
    if not parts and any(output.glob("part-*")):
        raise UsageError("U254", "a review queue is made from JSON lines", hint="run with --format jsonl")
    temporary = target.with_name(f".{target.name}.tmp")
    rows = _with_windows((row for part in parts for row in _rows(part)), notes)
    count = 0
    try:
        with open(temporary, "w", encoding="utf-8", newline="") as file:
            if target.suffix.lower() in _LINES:
                for count, row in enumerate(rows, 1):  # noqa: B007
                    file.write(json.dumps(row, ensure_ascii=False) + "\n")
            else:
                writer = csv.writer(file, delimiter="\t" if target.suffix.lower() == ".tsv" else ",", lineterminator="\n")
                writer.writerow(columns)
                for count, row in enumerate(rows, 1):  # noqa: B007
                    writer.writerow([_cell(name, row[name]) for name in columns])
        os.replace(temporary, target)
    except OSError as error:
        raise UsageError("U254", f"the review queue cannot be written: {error.strerror}", place=str(target)) from None
    return count


def _with_windows(rows: Iterator[dict[str, Any]], notes: Iterator[Note] | None) -> Iterator[dict[str, Any]]:
    """The rows, with the text of their windows when there are notes; rows and notes are in one order."""
    if notes is None:
        yield from rows
        return
    note: Note | None = None
    for row in rows:
        while note is None or note.id != row["note_id"]:
            note = next(notes, None)
            if note is None:
                raise UsageError("U254", "the notes are not those of the run", hint="give the run's INPUTs, as they were")
        if note.text[row["start"] : row["end"]] != row["surface"]:
            raise UsageError(
                "U254", "a note is not what it was in the run", place=row["note_id"], hint="run again with --overwrite"
            )
        code = row.pop("code")
        yield {**row, "window": note.text[row["window_start"] : row["window_end"]], "code": code}


def _rows(part: Path) -> Iterator[dict[str, Any]]:
    with open(part, encoding="utf-8") as file:
        for line in file:
            note = json.loads(line)
            for entity in note["entities"]:
                why = reason(entity)
                if why:
                    yield _row(note, entity, why)


def reason(entity: dict[str, Any]) -> str:
    """Why a mention is to be looked at; empty when it is not."""
    linking, concepts = entity["linking"], entity["concepts"]
    if linking == "ambiguous":
        return "no candidate stands out"
    if linking == "unresolved":
        return "no concept with a code"
    if linking == "resolved" and concepts and concepts[0]["step"] in UNSURE_STEPS:
        return f"linked by the step {concepts[0]['step']}"
    return ""


def _row(note: dict[str, Any], entity: dict[str, Any], why: str) -> dict[str, Any]:
    return {
        "note_id": note["note_id"],
        "start": entity["start"],
        "end": entity["end"],
        "window_start": max(0, entity["start"] - WINDOW),
        "window_end": min(note["length"], entity["end"] + WINDOW),
        "surface": entity["text"],
        "label": entity["label"],
        "section": entity["section"],
        "linking": entity["linking"],
        "why": why,
        "candidates": entity["concepts"],
        "code": "",
    }


def _cell(name: str, value: Any) -> str:
    if name != "candidates":
        return "" if value is None else str(value)
    shown = (f"{c['system']}:{c['code']} {c['name']} ({c['score']:g}, {c['step']})" for c in value if c["code"])
    return "; ".join(shown)
