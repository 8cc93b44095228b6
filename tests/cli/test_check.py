from __future__ import annotations

import json
from pathlib import Path

from tests.cli.conftest import Call
from tests.cli.pack import TERMS, write_pack


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
