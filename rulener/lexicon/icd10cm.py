"""ICD-10-CM: the order file (every code with its long description) and the tabular XML (inclusion terms).

Memory: the codes' descriptions, when both are there. Format: CDC/NCHS, ICD-10-CM release files.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from rulener.errors import LexiconError
from rulener.lexicon.label_map import LabelMap, label_map
from rulener.lexicon.reading import File, Only, Reading, blocks, not_what_it_claims, release
from rulener.lexicon.table import Row
from rulener.lexicon.xml_events import xml_events

_FILES = {"order": "icd10cm*order*.txt", "tabular": "*tabular*.xml"}
_RANKS = {"long": 0, "desc": 0, "inclusion": 1}


def read_icd10cm(
    path: Path, reading: Reading, *, labels: LabelMap | None = None, term_type: tuple[str, ...] = ()
) -> Iterator[Row]:
    """Descriptions (`long` of the order file, `desc` of the tabular list where that is alone) and inclusion terms (`inclusion`).

    Raises LexiconError L101, L103, L105, L106.
    """
    files = release(path, "ICD-10-CM release", _FILES, list(_FILES))
    if not files:
        hint = f"looked for {' and '.join(_FILES.values())}"
        why = "this is no ICD-10-CM release: there is neither an order file nor a tabular XML"
        raise LexiconError("L105", why, place=str(path),
                           hint=hint)  # fmt: skip
    labels = labels or label_map("icd10cm")
    types = Only.of(term_type)
    names: dict[str, str] = {}
    if "order" in files:
        for number, code, name in _read_order(files["order"], reading):
            names[code] = name
            yield from _row(reading, files["order"], number, code, name, name, "long", labels, types)
    else:
        reading.remark("there is no order file: descriptions of the tabular list")
    if "tabular" not in files:
        reading.remark("there is no tabular XML: no inclusion terms")
        return
    for number, code, text, kind in _read_tabular(files["tabular"], reading):
        if kind == "desc":
            if "order" not in files:
                names[code] = text
                yield from _row(reading, files["tabular"], number, code, text, text, kind, labels, types)
        elif text == names.get(code):
            reading.of(files["tabular"].name).add("the same as the description", number)
        else:
            yield from _row(reading, files["tabular"], number, code, text, names.get(code, text), kind, labels, types)


def _row(
    reading: Reading, file: File, number: int, code: str, text: str, name: str, kind: str, labels: LabelMap, types: Only
) -> Iterator[Row]:
    found = labels.by_prefix(code)
    if kind not in types:
        reading.of(file.name).add("term type not asked for", number)
    elif found is None:
        reading.of(file.name).add(f"no label for codes that begin with {code[:1]}", number)
    else:
        yield Row(number, text, found[1], "ICD10CM", code, name, "", False, "ICD10CM", kind, _RANKS[kind])


def _read_order(file: File, reading: Reading) -> Iterator[tuple[int, str, str]]:
    """`(line, code with its point, long description)`. Columns: 1-5 number, 7-13 code, 15 valid, 17-76 short, 78- long."""
    skipped = reading.of(file.name)
    good = False
    for first, lines in blocks(file, reading):
        for number, line in enumerate(lines, first):
            code, name = line[6:13].strip(), line[77:].strip()
            if not line[:5].isdecimal() or line[14:15] not in ("0", "1") or not code.isalnum() or len(code) < 3:
                if line.strip():
                    if not good and number >= 100:
                        raise not_what_it_claims(file, number, "this is no order file: its columns are not where they should be")
                    skipped.add("not NUMBER CODE 0|1 SHORT LONG in their columns", number)
                continue
            good = True
            if name:
                yield number, pointed(code), name
            else:
                skipped.add("no long description", number)


def pointed(code: str) -> str:
    """`A000` -> `A00.0`."""
    return f"{code[:3]}.{code[3:]}" if len(code) > 3 and "." not in code else code


def _read_tabular(file: File, reading: Reading) -> Iterator[tuple[int, str, str, str]]:
    """`(number of the diagnosis, code, text, desc or inclusion)`, streamed."""
    skipped = reading.of(file.name)
    open_: list[str] = []  # codes of the diagnoses that are open
    number = 0
    for event, element in xml_events(file, reading, "ICD10CM.tabular"):
        tag = element.tag
        if tag == "diag":
            if event == "start":
                open_.append("")
                number += 1
                reading.read[file.name] += 1
            else:
                open_.pop()
                element.clear()
        elif event == "end" and open_:
            if tag == "name" and not open_[-1]:
                open_[-1] = pointed("".join((element.text or "").split()).replace(".", ""))
            elif tag in ("desc", "inclusionTerm"):
                texts = [element.text] if tag == "desc" else [note.text for note in element.iter("note")]
                for text in texts:
                    clean = " ".join((text or "").split())
                    if not open_[-1]:
                        skipped.add("a diagnosis without a code", number)
                    elif not clean:
                        skipped.add("an empty description", number)
                    else:
                        yield number, open_[-1], clean, "desc" if tag == "desc" else "inclusion"
        elif event == "end" and tag in ("section", "chapter"):
            element.clear()
