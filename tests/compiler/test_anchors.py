"""Anchors change how fast a pattern is found, never what is found."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

import rulener
from rulener.compiler import build
from tests.small import NOTES, RULES, write_pack

TEXT = "blood pressure BP is of 120 / 80 mg - to 3 5,000 .5 ml mmHg scar on the left arm or leg back and , . 12-14 7/8 500mg"
WORDS = [*TEXT.split(), "\n"]


def found(engine: rulener.Engine, notes: list[str]) -> list[list[tuple[int, int, str | None]]]:
    return [[(e.start, e.end, e.rule) for e in engine.annotate(note).entities] for note in notes]


def test_anchors_never_change_results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dice = random.Random(7)
    notes = [*NOTES, *(" ".join(dice.choices(WORDS, k=dice.randint(1, 40))) for _ in range(400))]
    write_pack(tmp_path / "small")
    chosen = rulener.load(tmp_path / "small", base=None, lexicons=[], resolution="all", cache_dir=tmp_path / "1")
    frequencies = {
        "all alike": lambda self, number: 1,
        "the common ones": lambda self, number: 100_000 - build.COMMON_WORDS.get(self.spellings[number], 1),
    }
    expected = found(chosen, notes)
    assert sum(map(len, expected)) > 300
    for name, frequency in frequencies.items():
        monkeypatch.setattr(build._Compiler, "_frequency", frequency)
        other = rulener.load(tmp_path / "small", base=None, lexicons=[], resolution="all", cache_dir=tmp_path / name)
        assert found(other, notes) == expected, name
        assert other.path.read_bytes() != chosen.path.read_bytes(), name


def test_a_regex_is_found_with_and_without_anchors(tmp_path: Path) -> None:
    notes = ["MRN: 123456", "mrn 12345", "x" * 600 + " MRN 777777 " + "y" * 600, "A12345 and MRN#55555, MRN 1", "50kg"]
    with_anchors = rulener.load(write_pack(tmp_path / "1"), base=None, lexicons=[], cache_dir=tmp_path / "cache")
    rules = RULES.replace(r"\bMRN[:# ]*", r"\b[M]RN[:# ]*")
    without = rulener.load(write_pack(tmp_path / "2", rules=rules), base=None, lexicons=[], cache_dir=tmp_path / "cache")
    expected = found(with_anchors, notes)
    assert found(without, notes) == expected
    assert [len(one) for one in expected] == [1, 0, 1, 2, 0]


def test_a_glued_anchor_counts(tmp_path: Path) -> None:
    rules = "patterns:\n  - id: weight\n    label: reading\n    regex: '\\d+kg'\n    anchors: [kg]\n"
    engine = rulener.load(write_pack(tmp_path / "p", rules=rules), base=None, lexicons=[], cache_dir=tmp_path / "cache")
    assert [e.text for e in engine.annotate("Weight 50kg.").entities] == ["50kg"]
