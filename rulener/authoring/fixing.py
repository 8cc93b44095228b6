"""Applying the safe fixes of findings to a pack's files."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rulener.authoring.files import replace_file
from rulener.packs.diagnostics import Diagnostic, Edit, split_lines
from rulener.packs.source import parse_source


@dataclass(frozen=True, slots=True)
class Fixed:
    """What was done to one file: how many fixes, and how many were left because they touch another one's place."""

    path: str
    applied: int
    left: int


def fix_files(diagnostics: Iterable[Diagnostic]) -> list[Fixed]:
    """Apply all edits of these findings, each file written at once. A file that its edits would break is left as it is.

    Raises UsageError U271 when a file cannot be written.
    """
    edits: dict[str, list[Edit]] = defaultdict(list)
    for diagnostic in diagnostics:
        for edit in diagnostic.edits:
            if edit not in edits[edit.place.path]:
                edits[edit.place.path].append(edit)
    done = []
    for path, wanted in sorted(edits.items()):
        before = Path(path).read_bytes()
        after, applied = edited(before.decode("utf-8-sig", "replace"), wanted)
        good = not any(finding.code == "R102" for finding in parse_source(after.encode("utf-8"), path)[1])
        if good and applied:
            replace_file(Path(path), after.encode("utf-8"))
        done.append(Fixed(path, applied if good else 0, len(wanted) - (applied if good else 0)))
    return done


def edited(text: str, edits: Sequence[Edit]) -> tuple[str, int]:
    """The text with the edits made, last first, and how many were; those that overlap one further down are left out."""
    starts = [0]
    for line in split_lines(text):
        starts.append(starts[-1] + len(line) + _break_at(text, starts[-1] + len(line)))
    applied = 0
    limit = len(text) + 1
    for edit in sorted(edits, key=lambda edit: (edit.place.line, edit.place.column, edit.place.width), reverse=True):
        start = starts[edit.place.line - 1] + edit.place.column - 1
        end = start + edit.place.width
        if not edit.text and end > start:
            start, end = _entry_around(text, start, end)
        if end <= limit:
            text = text[:start] + edit.text + text[end:]
            limit = start
            applied += 1
    return text, applied


def _entry_around(text: str, start: int, end: int) -> tuple[int, int]:
    """The entry of a list with the comma behind it, or before it if it is the last; or its whole line, if it has a dash."""
    line = text.rfind("\n", 0, start) + 1
    if not text[line:start].strip(" -") and "-" in text[line:start]:
        after = text.find("\n", end)
        return line, len(text) if after < 0 else after + 1
    behind = re.compile(r"\s*,[ \t]*").match(text, end)
    if behind:
        return start, behind.end()
    before = re.search(r",\s*$", text[:start])
    return (before.start() if before else start), end


def _break_at(text: str, at: int) -> int:
    return 2 if text[at : at + 2] == "\r\n" else 1
