from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from rulener.authoring.stats import rule_times
from rulener.packs.parse import load_packs
from tests.cli.conftest import Call
from tests.cli.pack import write_pack

PATTERNS = """\
words:
  - id: unit
    any: [days, weeks]
patterns:
  - id: duration
    status: experimental
    label: ailment
    match: "for {value:number} <unit>"
  - id: record
    status: experimental
    label: ailment
    regex: '\\bMRN (\\d+)'
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "a.txt").write_text("Past history: otalgia.\n\nPast history: otalgia for 3 days.")
    (tmp_path / "notes" / "b.txt").write_text("Denies otalgia or ear ache.")
    pack = write_pack(tmp_path / "tiny")
    (pack / "patterns.yaml").write_text(PATTERNS)
    return tmp_path


def test_counts(call: Call, folder: Path) -> None:
    ended = call("stats", folder / "notes", "--pack", folder / "tiny", "--no-base", "--json")
    found = json.loads(ended.out)
    assert (ended.code, found["notes"], found["mentions"]) == (0, 2, 5)
    assert found["hits"] == {"tiny:ear-ache": 4, "tiny:past-history": 2, "tiny:denies": 1, "tiny:duration": 1}
    assert found["never"] == ["tiny:record", "tiny:no-change"]
    assert found["sections"] == {"past_history": {"opened": 2, "notes": 1}}
    assert found["axes"] == {"negated": 2, "uncertain": 0, "historical": 3, "hypothetical": 0, "family": 0}
    assert sum(found["linking"].values()) == 5
    text = call("stats", folder / "notes", "--pack", folder / "tiny", "--no-base").out
    assert "\n2 of 6 rules never fired\n  tiny:record\n  tiny:no-change\n" in text


def test_each_pattern_is_timed_alone_and_the_rest_by_kind(folder: Path) -> None:
    times = rule_times(load_packs([folder / "tiny"]), ["Otalgia for 3 days."] * 3)
    kinds = {"tiny: all 1 terms", "tiny: all 2 context", "tiny: all 1 sections", "no rules at all"}
    assert set(times) == {"tiny:duration", "tiny:record", *kinds}
    assert all(time >= 0 for time in times.values())


def test_drift_between_two_runs(call: Call, folder: Path) -> None:
    before = folder / "before.json"
    before.write_text(call("stats", folder / "notes", "--pack", folder / "tiny", "--no-base", "--json").out)
    same = call("stats", folder / "notes", "--pack", folder / "tiny", "--no-base", "--against", before)
    assert same.out.endswith("\nno drift\n")
    (folder / "notes" / "b.txt").write_text("Nothing.")
    ended = call("stats", folder / "notes", "--pack", folder / "tiny", "--no-base", "--against", before)
    assert re.search(r"\n  hits tiny:ear-ache +2,000\.0 -> 1,000\.0\n", ended.out)
    assert "axes negated" in ended.out
    (folder / "other.json").write_text("{}")
    assert "U275" in call("stats", folder / "notes", "--against", folder / "other.json").err


def test_the_page_is_whole(call: Call, folder: Path) -> None:
    target = folder / "stats.html"
    call("stats", folder / "notes", "--pack", folder / "tiny", "--no-base", "--html", target)
    text = target.read_text(encoding="utf-8")
    assert text.count("<svg") >= 3
    assert not re.search(r"<script|https?:|\bsrc=|@import|url\(", text)


def test_a_note_that_cannot_be_read_is_named(call: Call, folder: Path) -> None:
    (folder / "notes" / "c.txt").write_bytes(b"\xff\xfe\xfd\xfc\xfb")
    ended = call("stats", folder / "notes", "--pack", folder / "tiny", "--no-base", "--json")
    assert json.loads(ended.out)["notes"] == 2
    assert "c.txt: left out: N10" in ended.err
    assert "U203" in call("stats", folder / "tiny", "--no-base").err
