"""`rulener lexicon build`: curation, variants and their report. Names and codes are invented or plain facts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Call
from tests.lexicon.support import write

ROWS = [
    ("Asthma (disorder)", "disorder", "1"),
    ("[D]Chest pain, NOS", "symptom", "2"),
    ("Diabetes mellitus, type 2", "disorder", "3"),
    ("Low", "finding", "4"),
    ("ALL", "disorder", "5"),
    ("Unknown", "disorder", "6"),
    ("Essential (primary) hypertension", "disorder", "7"),
    ("Oesophageal tumour", "disorder", "8"),
    ("Tumor of esophagus", "disorder", "8"),
    ("metformin 500 MG Oral Tablet", "medication", "9"),
    ("Glucose [Mass/volume] in Serum or Plasma", "lab_test", "10"),
]
BUILD = ("lexicon", "build", "table", "raw.tsv", "-o", "out.tsv")
GOLDEN = Path(__file__).parent / "golden"


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    lines = ["term\tlabel\tsystem\tcode", *(f"{term}\t{label}\tX\t{code}" for term, label, code in ROWS)]
    write({"raw.tsv": "\n".join(lines) + "\n"})


def terms() -> list[str]:
    return [line.split("\t")[0] for line in Path("out.tsv").read_text().splitlines()[1:]]


def test_the_report_is_the_golden_one(call: Call) -> None:
    assert call(*BUILD, "--report", "report.txt").code == 0
    assert Path("report.txt").read_text() == (GOLDEN / "lexicon-report.txt").read_text(encoding="utf-8")


def test_the_report_as_json(call: Call) -> None:
    assert call(*BUILD, "--report", "report.json").code == 0
    stages = json.loads(Path("report.json").read_text())["stages"]
    assert [(one["stage"], one["rows_in"], one["rows_out"]) for one in stages] == [("curate", 11, 12), ("variants", 12, 27)]
    rules = {rule["name"]: rule for one in stages for rule in one["rules"]}
    assert rules["semantic-tag"] == {
        "name": "semantic-tag",
        "effect": "repair",
        "count": 1,
        "examples": [{"before": "Asthma (disorder)", "after": "Asthma"}],
    }
    assert rules["wrapping"]["count"] == 0


def test_stages_can_be_left_out(call: Call) -> None:
    call(*BUILD, "--no-curate", "--no-variants")
    assert terms() == [term for term, _, _ in ROWS]
    call(*BUILD, "--no-variants")
    assert "Asthma" in terms()
    assert "esophageal tumor" not in terms()
    call(*BUILD, "--no-curate")
    assert "Asthma (disorder)" in terms()
    assert "esophageal tumor" in terms()


def test_rules_can_be_left_out_and_picked(call: Call) -> None:
    call(*BUILD, "--without", "semantic-tag", "--without", "spelling")
    assert "Asthma (disorder)" in terms()
    assert "esophageal tumor" not in terms()
    assert "Chest pain" in terms()
    call(*BUILD, "--only", "nos-tail")
    assert terms() == [term.replace(", NOS", "") for term, _, _ in ROWS]


def test_what_the_rules_did_is_printed(call: Call) -> None:
    out = call(*BUILD, "--only", "nos-tail", "--only", "spelling").out
    assert "curate: 11 rows in, 11 rows out\n            1  nos-tail (repair)\nvariants: 11 rows in, 13 rows out\n" in out
    facts = json.loads(call(*BUILD, "--only", "nos-tail", "--json").out)
    assert facts["stages"] == [{"stage": "curate", "rows_in": 11, "rows_out": 11, "rules": {"nos-tail": 1}}]


def test_unknown_rules_are_refused_with_the_nearest(call: Call) -> None:
    ended = call(*BUILD, "--without", "nos-tial")
    assert (ended.code, ended.out) == (2, "")
    assert "'nos-tial' is no rule of curation or variants (did you mean nos-tail?)" in ended.err
    assert "`rulener lexicon rules` lists them" in call(*BUILD, "--only", "zzzzzz").err
    assert not Path("out.tsv").exists()


def test_a_report_that_cannot_be_written(call: Call) -> None:
    ended = call(*BUILD, "--report", "no/such/folder.txt")
    assert ended.code == 4
    assert "error[L104]: no/such/folder.txt: the report cannot be written" in ended.err


def test_the_rules_are_listed(call: Call) -> None:
    out = call("lexicon", "rules").out
    assert out.startswith("curate:\n  markup ")
    assert "\nvariants:\n  inversion " in out
    names = [line.split()[0] for line in out.splitlines() if line.startswith("  ")]
    assert len(set(names)) == len(names) > 50
