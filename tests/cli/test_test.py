from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

from tests.cli.conftest import Call
from tests.cli.pack import CASES, TERMS, write_pack

WRONG = """\
cases:
  - id: exact
    text: "Has an [ear ache]{ailment}."
  - id: boundary
    text: "Has an [ear ache since]{ailment} Monday."
  - id: label
    text: "Has an [ear ache]{mention}, no [otalgia]{symptom}."
  - id: assertion
    text: "Denies [otalgia]{ailment}."
  - id: missing
    text: "Has a [cough]{ailment}."
  - id: extra
    text: "Has otalgia."
    only: true
  - id: passes
    text: "Has [otalgia]{ailment}."
    xfail: not yet
"""
HEADER = """\
name: tiny
version: 1.0.0
labels:
  - id: ailment
    schemes: {i2b2: problem}
  - id: symptom
axes: [negated, historical]
"""


def test_deviations_are_graded_and_shown(call: Call, tmp_path: Path) -> None:
    pack = write_pack(tmp_path / "tiny", cases=WRONG)
    (pack / "pack.yaml").write_text(HEADER)
    ended = call("test", pack, "--no-base", "--json")
    found = json.loads(ended.out)
    cases = {result["name"]: (result["status"], result["grade"]) for result in found["results"] if ":" not in result["name"]}
    assert ended.code == 1
    assert cases == {
        "exact": ("pass", "exact"),
        "boundary": ("fail", "boundary"),
        "label": ("fail", "label"),
        "assertion": ("fail", "assertion"),
        "missing": ("fail", "missing"),
        "extra": ("fail", "extra"),
        "passes": ("xpass", "exact"),
    }
    assert found["counts"] == {"fail": 5, "pass": 10, "xpass": 1}
    text = call("test", pack, "--no-base").out
    assert "boundary: the engine finds [ear ache]{ailment} at 7-15 (rule tiny:ear-ache) instead of [ear ache since] at" in text
    assert "expected: Denies [otalgia]{ailment}.\n      found:    Denies [otalgia]{ailment negated}.\n" in text
    assert "passes: take the xfail out" in text
    assert "grades: 11 exact, 1 boundary, 1 label, 1 assertion, 1 missing, 1 extra\n" in text


def test_rules_that_nothing_exercises_are_counted_and_named(call: Call, tmp_path: Path) -> None:
    terms = TERMS + "  - id: hiccups\n    status: experimental\n    label: ailment\n    any: [hiccups]\n"
    pack = write_pack(tmp_path / "tiny", terms=terms, cases=CASES.replace("hiccups", "singultus"))
    assert "tiny: 4 of 5 rules exercised\n" in call("test", pack, "--no-base").out
    named = call("test", pack, "--no-base", "--coverage").out
    assert f"{pack}/terms.yaml:9:9: hiccups is not exercised\n" in named
    coverage = json.loads(call("test", pack, "--no-base", "--json").out)["coverage"]
    assert [(one["rules"], one["exercised"], [rule["id"] for rule in one["idle"]]) for one in coverage] == [(5, 4, ["hiccups"])]


def test_junit(call: Call, tmp_path: Path) -> None:
    cases = WRONG.replace("Has a [cough]", "Has a \\x07 < & [cough]")
    cases += "  - id: gap\n    text: 'a [b]{ailment}'\n    xfail: later\n"
    pack = write_pack(tmp_path / "tiny", cases=cases)
    (pack / "pack.yaml").write_text(HEADER)
    target = tmp_path / "out.xml"
    assert call("test", pack, "--no-base", "--junit", target).code == 1
    (suite,) = ElementTree.parse(target).getroot()
    assert suite.attrib == {"name": "tiny", "tests": "17", "failures": "6", "skipped": "1"}
    failed = {case.get("name"): case[0].get("type") for case in suite if len(case) and case[0].tag == "failure"}
    assert failed["missing"] == "missing"
    assert failed["passes"] == "xpass"
    before = target.read_bytes()
    call("test", pack, "--no-base", "--junit", target)
    assert target.read_bytes() == before
