"""Texts made from rules."""

from __future__ import annotations

from pathlib import Path

from rulener.authoring.findings import find
from rulener.authoring.probes import _samples
from rulener.packs.parse import parse_pack

HEADER = "name: tiny\nversion: 1.0.0\nlabels: [{id: ailment}]\naxes: [negated]\n"
RULES = """\
words:
  - id: unit
    any: [mg, per day]
patterns:
  - id: everything
    status: experimental
    label: ailment
    match: "(one|two words) <number> <1-2 words> {unit:unit} (-|/)? {how:(low|high)}? end"
  - id: labelled
    status: experimental
    label: ailment
    match: "<label ailment> (biopsy|resection)"
terms:
  - id: silent
    status: experimental
    label: ailment
    any: [quiet]
    unless: {before: [xyz]}
"""


def write(folder: Path) -> Path:
    (folder / "pack.yaml").write_text(HEADER)
    (folder / "rules.yaml").write_text(RULES)
    return folder


def test_the_samples_of_a_pattern_take_its_ways(tmp_path: Path) -> None:
    pack, _ = parse_pack(write(tmp_path))
    assert pack is not None
    everything, labelled = pack.patterns
    texts = set(_samples(everything, everything.match[0], {"unit": ["mg", "per day"]}))
    assert "one 12 xyz mg - low end" in texts
    assert "one 12 xyz xyz per day end" in texts
    assert any(text.startswith("two words 12 ") for text in texts)
    assert list(_samples(labelled, labelled.match[0], {})) == []


def test_what_is_sampled_is_found_by_the_engine(tmp_path: Path) -> None:
    """The only finding is that of the rule whose own `unless` takes every sample away."""
    report = find([write(tmp_path)])
    assert [(finding.code, finding.place.line if finding.place else 0) for finding in report.findings] == [("R321", 17)]
    assert report.waiting == ()
