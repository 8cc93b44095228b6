"""A pack that uses every kind of rule, a lexicon of 200 rows and notes they act on: for tests of compiler and artifact."""

from __future__ import annotations

from pathlib import Path

PACK = """\
name: small
version: 1.0.0
labels:
  - id: ailment
    description: What the patient has.
    schemes: {i2b2: problem}
  - id: remedy
    schemes: {i2b2: treatment}
  - id: reading
axes: [negated, historical, family]
"""

RULES = """\
words:
  - id: unit
    any: [mg, ml, mmHg]
abbreviations:
  - id: titles
    any: [Dr, approx]
continues:
  - id: function-words
    any: [of, the]
continues_list:
  - id: list-words
    any: [and, or]
terms:
  - id: ear-ache
    label: ailment
    concepts: [ICD10CM:H92.09]
    any: [ear ache, otalgia, "follow-up ear"]
    unless: {section: [family_history], before: [association], after: [possible]}
  - id: us
    label: ailment
    exact: [US, AIDS]
    priority: 3
patterns:
  - id: dose
    label: reading
    match: "{value:number} {unit:unit}"
  - id: pressure
    label: reading
    match: "(blood pressure | BP) (of|is)? {high:number} / {low:number} <unit>?"
  - id: range
    label: reading
    match: "<number> (-|to) {high:number} <unit>"
  - id: scar
    label: ailment
    match: "scar <0-3 words> {where:(arm|leg|back)}"
  - id: record
    label: reading
    regex: '\\bMRN[:# ]*(?<value>\\d{4,10})\\b'
  - id: code
    label: reading
    regex: '[A-Z]\\d{5}'
context:
  - id: denies
    axis: negated
    direction: forward
    cues: [denies, "no (sign|evidence) of", "no"]
    blocked_by: [only, once]
  - id: absent
    axis: negated
    direction: backward
    cues: ["(is|are) absent"]
    scope: {tokens: 8}
  - id: field-no
    axis: negated
    direction: field
    cues: [absent, "no"]
  - id: known
    axis: historical
    direction: both
    cues: [known, previous]
    on: [problem]
    scope: {lists: stop, within: line}
  - id: mother
    axis: family
    direction: forward
    cues: [mother]
    scope: {within: section}
  - id: no-change
    axis: negated
    direction: pseudo
    cues: [no change]
  - id: but
    axis: negated
    direction: stop
    cues: [but, however]
sections:
  - id: past-history
    headings: [past history, "PMH:"]
    sets: {historical: true}
  - id: family-history
    headings: [family history, FH]
    sets: {family: true}
"""

NOTES = [
    "",
    "PAST HISTORY: otalgia, ear ache.\n\nDenies hiccups 7, hiccups 8 and sneezing. \u0130\u00df\U0001f600 e\u0301 otalgia\n" * 3,
    "Family history\nMother has ear ache and US findings; no change in otalgia, but hiccups 12 is absent.\n- hiccups 3: no\n",
    "MRN: 123456, took 500 mg and 2.5 mmHg. BP is 120/80 mmHg; 3-4 mg, 1,000 to 2,000 ml. Scar on the left arm. Code A12345\r\n",
    "No evidence of hiccups 5, only otalgia. Known hiccups 9 or hiccups 10. Dr. No has AIDS association. possible otalgia; "
    "\u201cno ear ache.\u201d Then p.o. q.d. U.S. Army\n1. remedy 3\n2) remedy\u2011no. 4\nFH: otalgia",
    "hiccups " * 400 + "5" * 400 + " mg " + "\u00df" * 300,
]


def write_pack(folder: Path, *, header: str = PACK, rules: str = RULES) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "pack.yaml").write_text(header, encoding="utf-8")
    (folder / "rules.yaml").write_text(rules, encoding="utf-8")
    return folder


COLUMNS = (
    "term", "label", "system", "code", "preferred", "semantic_type", "case", "rank", "variant", "use",
    "standard", "standard_id", "standard_name",
)  # fmt: skip


def lexicon_text(rows: int = 200) -> str:
    """Rows with every column: concepts that compete, variants, terms that are only linked, standard concepts."""
    table: list[tuple[object, ...]] = [COLUMNS]
    for k in range(rows // 2):
        kind, standard = f"hiccups, kind {k}", (f"SNOMEDCT:{k}", k + 1, f"hiccup {k}")
        table.append((f"hiccups {k}", "ailment", "ICD10CM", f"R06.{k}", kind, f"T0{k % 7}", "", k % 3, "", "", *standard))
        variant, use = "plural" if k % 2 else "", "" if k % 4 else "link"
        table.append((f"hiccups {k // 2 * 2}", "ailment", "ICD10CM", f"R07.{k}", "", "", "", "", variant, use, "", "", ""))
        system, code, case, use = "RXNORM" if k % 3 else "", k if k % 3 else "", "" if k % 5 else "exact", "" if k % 7 else "link"
        table.append((f"Remedy No. {k}", "remedy", system, code, "", "", case, "", "", use, "", "", ""))
    return "".join("\t".join(map(str, row)) + "\n" for row in table)


def write_lexicon(path: Path, rows: int = 200) -> Path:
    path.write_text(lexicon_text(rows), encoding="utf-8")
    return path
