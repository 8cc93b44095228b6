"""Cross references between terminologies: a table of `from` and `to` codes, `MESH:D003920` -> `UMLS:C0011849`.

What a map does to a lexicon: a concept whose code stands under `from` becomes the concept under `to`. It gets its code, and with
it the one name, semantic type and label which that concept has in the lexicons (its own when it is in none of them), so that one
concept stays one. Several `to` give one row each. Steps are followed to the end: a -> b, b -> c gives c.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from rulener.errors import LexiconError
from rulener.lexicon.reading import File, Reading, blocks
from rulener.lexicon.table import Row

_NAMES = {"from": "from", "to": "to", "subject_id": "from", "object_id": "to"}
_HINT = "the first line names the columns: from, to; below it codes such as MESH:D003920 and UMLS:C0011849"


@dataclass(slots=True)
class CodeMap:
    """`to` codes by `from` code, and what is known of concepts under `to`: label, name, semantic type."""

    to: dict[str, tuple[str, ...]]
    known: dict[str, tuple[str, str, str]] = field(default_factory=dict)
    _own: set[str] = field(default_factory=set)
    _targets: set[str] = field(default_factory=set)
    joined: int = 0  # rows that got another code

    def __post_init__(self) -> None:
        self._targets = {code for codes in self.to.values() for code in codes}

    def learn(self, rows: Iterable[Row]) -> Iterator[Row]:
        """Hands the rows on and remembers what the concepts under `to` are called. Their own rows count before others."""
        known, own, targets = self.known, self._own, self._targets
        for row in rows:
            code = f"{row.system.upper()}:{row.code}"
            if code in targets and code not in own and code not in self.to:
                own.add(code)
                known[code] = (row.label, row.preferred, row.semantic_type)
            for target in self.to.get(code, ()):
                known.setdefault(target, (row.label, row.preferred, row.semantic_type))
            yield row

    def apply(self, rows: Iterable[Row]) -> Iterator[Row]:
        """The rows with their codes mapped; `source` says then where a row came from."""
        for row in rows:
            code = f"{row.system.upper()}:{row.code}"
            targets = self.to.get(code)
            if targets is None:
                yield self._named(row, code) if code in self._targets else row
                continue
            self.joined += 1
            for target in targets:
                system, _, rest = target.partition(":")
                yield self._named(row._replace(system=system, code=rest, source=row.source or row.system), target)

    def _named(self, row: Row, code: str) -> Row:
        label, name, semantic_type = self.known.get(code, (row.label, row.preferred, row.semantic_type))
        return row._replace(label=label, preferred=name, semantic_type=semantic_type)


def read_map(path: Path, reading: Reading) -> CodeMap:
    """A TSV or CSV with columns `from` and `to` (in SSSOM `subject_id` and `object_id`); other columns are passed over.

    A row without two codes is counted and named. Raises LexiconError: L101, L103, and L108 for a header without these columns or
    codes that map to each other in a ring.
    """
    if not path.is_file():
        why = "this is a folder, not a table" if path.is_dir() else "No such file or directory"
        raise LexiconError("L101", f"the map cannot be read: {why}", place=str(path))
    file = File(path.name, (path,))
    skipped = reading.of(file.name)
    pairs: dict[str, dict[str, None]] = {}
    at: tuple[int, int] | None = None
    delimiter = "\t"
    for first, lines in blocks(file, reading):
        for number, line in enumerate(lines, first):
            if not line.strip() or line.startswith("#"):
                continue
            if at is None:
                delimiter = "\t" if "\t" in line else ","
                at = _places(line.split(delimiter), f"{path}:{number}")
                continue
            fields = [value.strip().strip('"') for value in line.split(delimiter)]
            if len(fields) <= max(at) or not all(_is_code(fields[k]) for k in at):
                skipped.add("no two codes of the form SYSTEM:CODE", number)
                continue
            one, other = _in_capitals(fields[at[0]]), _in_capitals(fields[at[1]])
            if one != other:
                pairs.setdefault(one, {})[other] = None
    if not pairs:
        raise LexiconError("L103", "the map has no usable row", place=str(path), hint=_HINT)
    return CodeMap({code: _ends(code, pairs, path) for code in pairs})


def write_map(pairs: Iterable[tuple[str, str]], path: Path) -> int:
    """Write a map, in the order given; how many rows. Raises LexiconError L104."""
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    count = 0
    try:
        with open(temporary, "w", encoding="utf-8", newline="\n") as file:
            file.write("from\tto\n")
            for one, other in pairs:
                file.write(f"{one}\t{other}\n")
                count += 1
        os.replace(temporary, path)
    except OSError as error:
        raise LexiconError("L104", f"the map cannot be written: {error.strerror}", place=str(path)) from error
    finally:
        with suppress(OSError):
            temporary.unlink()
    return count


def _places(header: list[str], place: str) -> tuple[int, int]:
    names = [_NAMES.get(name.strip().strip('"').lower(), "") for name in header]
    if "from" not in names or "to" not in names:
        raise LexiconError("L108", "no columns 'from' and 'to' in the header of the map", place=place, hint=_HINT)
    return names.index("from"), names.index("to")


def _in_capitals(code: str) -> str:
    """Systems are written in capitals; maps of others have `mesh:D003920`."""
    system, _, rest = code.partition(":")
    return f"{system.upper()}:{rest}"


def _is_code(text: str) -> bool:
    system, colon, code = text.partition(":")
    return bool(system and colon and code and not code.isspace())


def _ends(code: str, pairs: dict[str, dict[str, None]], path: Path) -> tuple[str, ...]:
    """Where the steps from a code end."""
    ends: dict[str, None] = {}
    open_: list[tuple[str, tuple[str, ...]]] = [(code, (code,))]
    while open_:
        at, way = open_.pop(0)
        if at not in pairs:
            ends[at] = None
            continue
        for further in pairs[at]:
            if further in way:
                ring = " -> ".join([*way[way.index(further) :], further])
                hint = "take one of these rows out: it must be clear which code stays"
                raise LexiconError("L108", f"the map goes round in a ring: {ring}", place=str(path), hint=hint)
            open_.append((further, (*way, further)))
    return tuple(ends)
