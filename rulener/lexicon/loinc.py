"""LOINC: Loinc.csv (or LoincTableCore.csv): long, short, display and consumer names.

Memory: one row at a time. Format: LOINC Users' Guide, appendix A.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from rulener.errors import LexiconError
from rulener.lexicon.label_map import LabelMap, label_map
from rulener.lexicon.reading import Only, Reading, commas, release
from rulener.lexicon.table import Row

_WANTED = ["LOINC_NUM", "LONG_COMMON_NAME", "SHORTNAME", "CLASS", "CLASSTYPE", "STATUS"]
_OPTIONAL = ["CONSUMER_NAME", "DisplayName"]
_STATUS = frozenset(("ACTIVE", "TRIAL"))


def read_loinc(
    path: Path,
    reading: Reading,
    *,
    labels: LabelMap | None = None,
    term_type: tuple[str, ...] = (),
    semantic_type: tuple[str, ...] = (),
    obsolete: bool = False,
) -> Iterator[Row]:
    """The names of the terms: `long`, `display`, `consumer`, `short`, in the order of their rank.

    `term_type`: these kinds of names; `semantic_type`: CLASS; `obsolete`: terms that are deprecated or discouraged too.
    Raises LexiconError L101, L103, L105, L106.
    """
    files = release(path, "LOINC release", {"whole": "Loinc.csv", "core": "LoincTableCore.csv"}, ["whole", "core"])
    file = files.get("whole") or files.get("core")
    if file is None:
        raise LexiconError(
            "L105", "this is no LOINC release: there is no Loinc.csv", place=str(path), hint="unpack the LOINC table"
        )
    labels = labels or label_map("loinc")
    types, classes = Only.of(term_type), Only.of(semantic_type)
    skipped = reading.of(file.name)
    for number, fields in commas(file, reading, _WANTED, _OPTIONAL):
        code, long, short, class_, class_type, status, consumer, display = (value.strip() for value in fields)
        found = labels.best([class_]) or labels.best([class_.partition(".")[0]]) or labels.best([class_type])
        if not code or not long:
            skipped.add("no number or no long name", number)
        elif status.upper() not in _STATUS and not obsolete:
            skipped.add(f"status {status or 'empty'}", number)
        elif class_ not in classes:
            skipped.add("class not asked for", number)
        elif found is None:
            skipped.add(f"no label for class type {class_type}", number)
        else:
            seen: set[str] = set()
            for rank, (kind, text) in enumerate((("long", long), ("display", display), ("consumer", consumer), ("short", short))):
                if text and text not in seen and kind in types:
                    seen.add(text)
                    yield Row(number, text, found[1], "LOINC", code, long, class_, False, "LOINC", kind, rank)
