"""What stands where in a pack's files, and what a rule means."""

from __future__ import annotations

from pathlib import Path

from rulener.authoring.outline import outline, rule_at

RULES = """\
# before
terms:
  - id: one
    label: ailment
    any: [a, b]

  # about two
  - label: ailment
    id: two
    status: experimental
    any:
      - c
patterns: [{id: three, label: ailment, match: d}]
"""


def write(folder: Path, rules: str = RULES) -> Path:
    (folder / "rules.yaml").write_text(rules)
    return folder


def meaning(folder: Path, rules: str) -> list[str]:
    return [entry.meaning for entry in outline(write(folder, rules))]


def test_every_entry_has_its_lines_and_source(tmp_path: Path) -> None:
    entries = outline(write(tmp_path), "p")
    assert [(entry.kind, entry.id, entry.path, entry.line, entry.last, entry.status) for entry in entries] == [
        ("terms", "one", "p/rules.yaml", 3, 5, "stable"),
        ("terms", "two", "p/rules.yaml", 8, 12, "experimental"),
        ("patterns", "three", "p/rules.yaml", 13, 13, "stable"),
    ]
    assert entries[0].source == "  - id: one\n    label: ailment\n    any: [a, b]"
    found = [rule_at(entries, "p/rules.yaml", line) for line in range(1, 15)]
    assert [entry.id if entry else "" for entry in found] == ["", "", *["one"] * 3, "", "", *["two"] * 5, "three", ""]
    assert rule_at(entries, "p/other.yaml", 3) is None


def test_layout_notes_examples_and_status_are_no_meaning(tmp_path: Path) -> None:
    before = meaning(tmp_path, RULES)
    loose = "any:\n      - 'a'\n      - b\n    note: why\n    examples: {match: [a]}\n    status: stable"
    loose = RULES.replace("any: [a, b]", loose)
    assert meaning(tmp_path, loose) == before
    assert meaning(tmp_path, RULES.replace("[a, b]", "[b, a]"))[0] != before[0]
    assert meaning(tmp_path, RULES.replace("label: ailment\n    any: [a, b]", "label: x\n    any: [a, b]"))[0] != before[0]


def test_a_file_that_is_no_yaml_is_left_out(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "bad.yaml").write_text("terms: [\n")
    (tmp_path / "list.yaml").write_text("- a\n")
    assert len(outline(tmp_path)) == 3
