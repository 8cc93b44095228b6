"""A small pack for the tests of the authors' commands."""

from __future__ import annotations

from pathlib import Path

HEADER = """\
name: tiny
version: 1.0.0
labels:
  - id: ailment
    schemes: {i2b2: problem}
axes: [negated, historical]
"""

TERMS = """\
terms:
  - id: ear-ache
    label: ailment
    concepts: [ICD10CM:H92.09]
    any: [ear ache, otalgia]
    examples:
      match: ["An [ear ache] since Monday.", "Otalgia."]
      skip: ["ear drops"]
"""

CONTEXT = """\
context:
  - id: denies
    axis: negated
    direction: forward
    cues: [denies]
    examples:
      match: ["Denies [an ear ache]."]
      skip: ["[Ear ache] he denies."]
  - id: no-change
    axis: negated
    direction: pseudo
    cues: [denies change in]
    examples:
      match: ["Denies change in otalgia."]
      skip: ["Denies otalgia."]
sections:
  - id: past-history
    headings: [past history]
    sets: {historical: true}
    examples:
      match: ["[Past history]: otalgia."]
      skip: ["His past history is long."]
"""

CASES = """\
cases:
  - id: list
    text: "Denies [otalgia]{ailment negated}. Has an [ear ache]{problem}."
    only: true
  - id: given
    text: "Denies [hiccups]{mention negated}."
  - id: gap
    text: "No [otalgia]{ailment negated}."
    xfail: "there is no cue for it yet"
"""


def write_pack(folder: Path, *, terms: str = TERMS, context: str = CONTEXT, cases: str = CASES) -> Path:
    folder.mkdir()
    files = {"pack.yaml": HEADER, "terms.yaml": terms, "context.yaml": context, "tiny.cases.yaml": cases}
    for name, text in files.items():
        (folder / name).write_text(text)
    return folder
