from __future__ import annotations

import json
from pathlib import Path

from rulener.authoring.fixing import edited
from rulener.packs.diagnostics import Edit
from rulener.packs.model import Place
from rulener.shipped import packs
from tests.cli.conftest import Call
from tests.cli.pack import HEADER, TERMS, write_pack


def test_a_good_pack(call: Call, tmp_path: Path) -> None:
    ended = call("check", write_pack(tmp_path / "tiny"), "--no-base")
    assert (ended.code, ended.out.strip(), ended.err) == (0, "no findings", "")


def test_every_finding_is_shown_with_its_line(call: Call, tmp_path: Path) -> None:
    terms = TERMS.replace("label: ailment", "lable: ailment").replace("skip:", "skipp:")
    pack = write_pack(tmp_path / "tiny", terms=terms)
    ended = call("check", pack / "pack.yaml", "--no-base")
    assert ended.code == 1
    assert f"--> {pack}/terms.yaml:3:5\n" in ended.out
    assert "lable: ailment\n" in ended.out
    assert f"--> {pack}/terms.yaml:8:7\n" in ended.out


def test_findings_as_json(call: Call, tmp_path: Path) -> None:
    pack = write_pack(tmp_path / "tiny", terms=TERMS.replace("label: ailment", "lable: ailment"))
    ended = call("check", pack, "--no-base", "--json")
    findings = json.loads(ended.out)
    assert ended.code == 1
    assert ("R114", 3) in {(finding["code"], finding["places"][0]["line"]) for finding in findings}


def test_warnings_count_when_strict(call: Call, tmp_path: Path) -> None:
    terms = TERMS[: TERMS.index("    examples:")]
    pack = write_pack(tmp_path / "tiny", terms=terms)
    assert call("check", pack, "--no-base").code == 0
    assert call("check", pack, "--no-base", "--strict").code == 1


def test_no_pack(call: Call, tmp_path: Path) -> None:
    ended = call("check", tmp_path / "nowhere")
    assert ended.code == 2
    assert ended.err.startswith("rulener: error[U201]: ")
    (tmp_path / "empty").mkdir()
    assert call("check", tmp_path / "empty", "--no-base").code == 1


SILENCE = """\
silence:
  - warning: stable-rule-without-example
    rules: [ear-ache]
    reason: the clinic's notes cannot be quoted
"""


def without_examples(text: str) -> str:
    return text[: text.index("    examples:")]


def test_a_warning_is_silenced_for_a_rule_with_a_reason(call: Call, tmp_path: Path) -> None:
    pack = write_pack(tmp_path / "tiny", terms=without_examples(TERMS))
    (pack / "pack.yaml").write_text(HEADER + SILENCE)
    ended = call("check", pack, "--no-base", "--strict")
    assert (ended.code, ended.out.split("\n")[1:3]) == (0, ["no findings", "1 silenced by the packs' settings"])
    (pack / "pack.yaml").write_text(HEADER + SILENCE.replace("stable-rule-without-example", "R301"))
    assert call("check", pack, "--no-base", "--strict").code == 0


def test_an_unused_silence_and_an_unknown_warning_are_findings(call: Call, tmp_path: Path) -> None:
    pack = write_pack(tmp_path / "tiny")
    (pack / "pack.yaml").write_text(HEADER + SILENCE)
    assert "warning[R320]" in call("check", pack, "--no-base").out
    (pack / "pack.yaml").write_text(HEADER + SILENCE.replace("without-example", "without-exmple"))
    assert "did you mean `stable-rule-without-example`?" in call("check", pack, "--no-base").out


def test_errors_cannot_be_silenced(call: Call, tmp_path: Path) -> None:
    pack = write_pack(tmp_path / "tiny", terms=TERMS.replace("label: ailment", "label: nothing"))
    (pack / "pack.yaml").write_text(HEADER + SILENCE.replace("stable-rule-without-example", "R130"))
    assert "error[R130]" in call("check", pack, "--no-base").out


def test_one_run_shows_findings_of_all_kinds(call: Call, tmp_path: Path) -> None:
    """A file that is no YAML holds back only what may depend on it."""
    pack = write_pack(tmp_path / "tiny", terms=TERMS.replace("label: ailment", "label: nothing"), context="context: [\n")
    ended = call("check", pack, "--no-base")
    assert "error[R102]" in ended.out
    assert "error[R130]" in ended.out
    assert "not checked until the errors are mended: unknown sections, words\n" in ended.out


def test_findings_for_a_pull_request(call: Call, tmp_path: Path) -> None:
    pack = write_pack(tmp_path / "tiny", terms=TERMS.replace("label: ailment", "lable: ail%ment"))
    lines = call("check", pack, "--no-base", "--format", "github").out.splitlines()
    assert f"::error file={pack}/terms.yaml,line=3,col=5,endColumn=10,title=R114 unknown key::" in lines[1]
    assert lines[1].endswith("%0Afix: did you mean `label`?")


LOOSE = """\
terms:
  - id: ear-ache
    label: ailment
    concepts: ["icd10cm: H92.09"]
    any: [ear ache, otalgia, Ear Ache, Otalgia]
    examples:
      match: "An ear ache, since Monday."
      skip:
        - ear drops
"""


def test_safe_fixes_are_made(call: Call, tmp_path: Path) -> None:
    pack = write_pack(tmp_path / "tiny")
    (pack / "terms.yaml").write_bytes(b"\xef\xbb\xbf" + LOOSE.encode())
    ended = call("check", pack, "--no-base", "--fix")
    assert f"{pack}/terms.yaml: 5 fixed\n" in ended.err
    assert (ended.code, ended.out.strip()) == (0, "no findings")
    text = (pack / "terms.yaml").read_bytes().decode()
    assert 'concepts: ["ICD10CM:H92.09"]\n    any: [ear ache, otalgia]\n' in text
    assert "match: ['An ear ache, since Monday.']\n" in text
    assert "--fix" not in call("check", pack, "--no-base", "--fix").err


def test_json_tells_the_edits(call: Call, tmp_path: Path) -> None:
    pack = write_pack(tmp_path / "tiny", terms=LOOSE)
    findings = json.loads(call("check", pack, "--no-base", "--json").out)
    edits = {finding["code"]: finding["edits"] for finding in findings}
    assert edits["R211"] == [{"path": f"{pack}/terms.yaml", "line": 4, "column": 17, "width": 15, "text": "ICD10CM:H92.09"}]


def test_an_entry_is_removed_with_its_comma_or_dash() -> None:
    def removed(text: str, column: int, width: int, line: int = 1) -> str:
        return edited(text, [Edit(Place("a", line, column, width), "")])[0]

    assert removed("[a, b, c]", 2, 1) == "[b, c]"
    assert removed("[a, b, c]", 8, 1) == "[a, b]"
    assert removed("x:\n  - a  # why\n  - b\n", 5, 1, 2) == "x:\n  - b\n"
    assert edited("abc", [Edit(Place("a", 1, 1, 2), "x"), Edit(Place("a", 1, 2, 2), "y")]) == ("ay", 1)


def test_an_edited_stable_rule_needs_a_new_version(call: Call, tmp_path: Path) -> None:
    pack = write_pack(tmp_path / "tiny")
    assert call("check", pack, "--no-base", "--lock").code == 0
    assert set(json.loads((pack / "rules.lock").read_text())["rules"]) == {"ear-ache", "denies", "no-change", "past-history"}
    (pack / "terms.yaml").write_text("# a comment\n" + TERMS.replace("since Monday", "since Tuesday"))
    assert call("check", pack, "--no-base", "--strict").code == 0
    (pack / "terms.yaml").write_text(TERMS.replace("[ear ache, otalgia]", "[ear ache, otalgia, earache]"))
    ended = call("check", pack, "--no-base")
    assert (ended.code, ended.out.count("error[R325]")) == (1, 1)
    (pack / "pack.yaml").write_text(HEADER.replace("1.0.0", "1.1.0"))
    assert call("check", pack, "--no-base", "--lock", "--strict").code == 0
    (pack / "terms.yaml").write_text("terms: [\n")
    assert "no lock written" in call("check", pack, "--no-base", "--lock").err


def test_cases_are_checked_too(call: Call, tmp_path: Path) -> None:
    pack = write_pack(tmp_path / "tiny", cases="cases:\n  - id: one\n    text: '[a]{ailmnt}'\n")
    assert "did you mean `ailment`?" in call("check", pack, "--no-base").out


def test_the_shipped_pack_has_no_error(call: Call) -> None:
    assert call("check", packs()["english"]).code == 0
