"""Small engines for the tests of linking: a bare pack and a table given as rows of a dict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import rulener

HEADER = """\
name: bare
version: 1.0.0
labels:
  - id: disorder
    schemes: {i2b2: problem}
  - id: drug
  - id: date
axes: [negated]
"""
RULES = """\
terms:
  - {id: today, label: date, any: [today]}
  - {id: cold, label: disorder, any: [feeling cold]}
sections:
  - {id: allergies, headings: [allergies]}
"""
COLUMNS = (
    "term", "label", "system", "code", "preferred", "semantic_type", "case", "rank", "variant", "use", "standard", "standard_id",
    "standard_name",
)  # fmt: skip


def engine_of(folder: Path, rows: Sequence[Mapping[str, Any]], **options: Any) -> rulener.Engine:
    """An engine of a bare pack and a table of these rows; the label is `disorder` unless a row says otherwise."""
    pack = folder / "bare"
    pack.mkdir(exist_ok=True)
    (pack / "pack.yaml").write_text(HEADER, encoding="utf-8")
    (pack / "rules.yaml").write_text(RULES, encoding="utf-8")
    lines = ["\t".join(COLUMNS)]
    lines += ["\t".join(str({"label": "disorder", "system": "S", **row}.get(name, "")) for name in COLUMNS) for row in rows]
    (folder / "table.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return rulener.load(pack, base=None, lexicons=[folder / "table.tsv"], cache_dir=folder / "cache", **options)


def row(term: str, code: str, **more: Any) -> dict[str, Any]:
    return {"term": term, "code": code, **more}


def codes(entity: Any) -> list[str | None]:
    return [concept.code for concept in entity.concepts]
