"""What stands where in a pack's files: every rule and case with its lines, also in a pack that has errors."""

from __future__ import annotations

import hashlib
import json
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rulener.authoring.files import yaml_files
from rulener.packs.diagnostics import split_lines
from rulener.packs.source import Broken, Listing, Node, Scalar, Table, read_source

LISTS = ("words", "abbreviations", "continues", "continues_list", "terms", "patterns", "context", "sections", "cases")
_NOT_MEANING = ("note", "examples", "status")  # keys that do not change what a rule does


@dataclass(frozen=True, slots=True)
class Entry:
    """A rule or case: `kind` is the key of its list, lines count from 1, `last` included."""

    kind: str
    id: str
    path: str
    line: int
    last: int
    source: str
    status: str
    meaning: str  # SHA-256 over what the rule does: notes, examples and status left out, comments and layout too


def outline(folder: Path, display: str | None = None) -> list[Entry]:
    """Every entry of the lists of rules and cases in a pack's files, files by name. What is no YAML is left out."""
    found: list[Entry] = []
    for path in yaml_files(folder):
        source, _ = read_source(path, f"{display or folder.as_posix()}/{path.name}")
        if isinstance(source.root, Table):
            found += _entries(source.root, source.path, split_lines(source.text))
    return found


def rule_at(entries: Sequence[Entry], path: str, line: int) -> Entry | None:
    """The entry that a line of a file belongs to."""
    return next((entry for entry in entries if entry.path == path and entry.line <= line <= entry.last), None)


def _entries(root: Table, path: str, lines: Sequence[str]) -> Iterator[Entry]:
    found = {key.place.line for key, _ in root.entries} | {table.place.line for _, table in _tables(root)} | {len(lines) + 1}
    starts = sorted(found)
    for kind, table in _tables(root):
        values = {key.value: node.text.value for key, node in table.entries if isinstance(node, Scalar)}
        line = table.place.line
        last = starts[bisect_right(starts, line)] - 1
        while last > line and (not lines[last - 1].strip() or lines[last - 1].lstrip().startswith("#")):
            last -= 1
        text = "\n".join(lines[line - 1 : last])
        yield Entry(kind, values.get("id", ""), path, line, last, text, values.get("status", "stable"), _meaning_of(kind, table))


def _tables(root: Table) -> Iterator[tuple[str, Table]]:
    for key, node in root.entries:
        if key.value in LISTS and isinstance(node, Listing):
            yield from ((key.value, item) for item in node.items if isinstance(item, Table))


def _meaning_of(kind: str, table: Table) -> str:
    plain = {key.value: _plain(node) for key, node in table.entries if key.value not in _NOT_MEANING}
    written = json.dumps([kind, plain], ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(written.encode("utf-8", "surrogatepass")).hexdigest()


def _plain(node: Node) -> object:
    if isinstance(node, Scalar):
        return node.text.value
    if isinstance(node, Listing):
        return [_plain(item) for item in node.items]
    if isinstance(node, Table):
        return {key.value: _plain(value) for key, value in node.entries}
    assert isinstance(node, Broken)
    return None
