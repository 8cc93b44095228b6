"""The commands with the real engine, and small packs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tests.cli.conftest import Call
from tests.cli.pack import CASES, TERMS, write_pack
from tests.run.tree import tree

pytest.importorskip("rulener.engine", reason="the engine is not built")

REPOSITORY = Path(__file__).parents[2]
LEXICON = "term\tlabel\tsystem\tcode\nhiccups\tailment\tICD10CM\tR06.6\nsneezing\tailment\t\t\n"


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    return write_pack(tmp_path / "tiny")


@pytest.fixture
def tiny(tmp_path: Path, pack: Path) -> list[str]:
    """Options for an engine with nothing but the small pack and a small lexicon."""
    (tmp_path / "small.tsv").write_text(LEXICON)
    return ["--pack", str(pack), "--no-base", "--lexicon", str(tmp_path / "small.tsv")]


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    folder = tmp_path / "notes"
    folder.mkdir()
    for number in range(40):
        (folder / f"{number}.txt").write_text(
            "PAST HISTORY: otalgia.\n\nDenies ear ache, hiccups and sneezing. İß\U0001f600 otalgia\n" * number
        )
    (folder / "surrogate.txt").write_bytes(b"otalgia \0 x")
    return folder


def test_a_run_is_the_same_for_any_workers_and_hash_seed(tmp_path: Path, tiny: list[str], notes: Path) -> None:
    trees = []
    for workers, seed in ((1, "0"), (2, "1"), (3, "4711")):
        out = tmp_path / f"out{workers}"
        command = [sys.executable, "-m", "rulener.cli.main", "run", str(notes), "-o", str(out), "--workers", str(workers), *tiny]
        subprocess.run(command, check=True, cwd=REPOSITORY, env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True)
        trees.append(tree(out))
    assert trees[0] == trees[1] == trees[2]


def test_every_line_is_what_the_schema_says(call: Call, tmp_path: Path, tiny: list[str], notes: Path) -> None:
    schema: Any = json.loads((REPOSITORY / "rulener/formats/document.schema.json").read_text())
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema)
    assert call("run", notes, "-o", tmp_path / "out", *tiny).code == 0
    lines = [json.loads(line) for line in (tmp_path / "out" / "part-00000.jsonl").read_text().splitlines()]
    assert len(lines) == 41
    for line in lines:
        validator.validate(line)
        text = (notes / line["note_id"]).read_bytes().decode()
        assert all(text[e["start"] : e["end"]] == e["text"] for e in line["entities"])
    assert sum(len(line["entities"]) for line in lines) == 5 * sum(range(40)) + 1


def test_show_and_explain(call: Call, tmp_path: Path, tiny: list[str]) -> None:
    (tmp_path / "a.txt").write_text("Denies hiccups and otalgia.\n")
    shown = call("show", tmp_path / "a.txt", *tiny)
    assert shown.out == "Denies [hiccups]{ailment -} and [otalgia]{ailment -}.\n"
    assert call("show", tmp_path / "a.txt", "--scheme", "i2b2", *tiny).out.count("{problem -}") == 2
    explained = call("explain", tmp_path / "a.txt", *tiny)
    assert explained.code == 0
    assert "denies" in explained.out
    assert call("explain", f"{tmp_path}/a.txt:16", *tiny).code == 0
    assert json.loads(call("explain", f"{tmp_path}/a.txt:1:8", "--json", *tiny).out)


def test_compile_info_and_use(call: Call, tmp_path: Path, tiny: list[str], notes: Path) -> None:
    file = tmp_path / "clinical.rnr"
    compiled = call("compile", "-o", file, *tiny)
    assert compiled.code == 0, compiled.err
    assert compiled.out.startswith(f"{file}: ")
    facts = json.loads(call("info", file, "--verify", "--json").out)
    assert facts["verified"] is True
    assert call("run", notes, "-o", tmp_path / "a", *tiny).code == 0
    assert call("run", notes, "-o", tmp_path / "b", "--pack", file).code == 0
    assert (tmp_path / "a" / "part-00000.jsonl").read_bytes() == (tmp_path / "b" / "part-00000.jsonl").read_bytes()


@pytest.mark.parametrize("damage", ["foreign", "truncated", "body"])
def test_a_damaged_file(call: Call, tmp_path: Path, tiny: list[str], damage: str) -> None:
    file = tmp_path / "clinical.rnr"
    call("compile", "-o", file, *tiny)
    data = bytearray(file.read_bytes())
    if damage == "foreign":
        data[:4] = b"PK\x03\x04"
    elif damage == "truncated":
        del data[-100:]
    else:
        data[-1] ^= 255
    file.write_bytes(data)
    ended = call("info", file, "--verify")
    assert ended.code == 6
    assert ended.err.startswith("rulener: error[A10")
    assert ended.err.count("\n") == 1


def test_a_bad_pack_and_a_bad_lexicon(call: Call, tmp_path: Path, notes: Path) -> None:
    bad = write_pack(tmp_path / "bad", terms=TERMS.replace("label: ailment", "lable: ailment"))
    ended = call("run", notes, "-o", tmp_path / "out", "--no-base", "--pack", bad)
    assert ended.code == 3
    assert "terms.yaml:3:5" in ended.err
    (tmp_path / "bad.tsv").write_text("nothing\n")
    good = write_pack(tmp_path / "good")
    ended = call("run", notes, "-o", tmp_path / "out", "--no-base", "--pack", good, "--lexicon", tmp_path / "bad.tsv")
    assert ended.code == 4
    assert ended.err.startswith("rulener: error[L")
    assert not (tmp_path / "out").exists()


def test_the_tests_of_a_pack(call: Call, pack: Path, tmp_path: Path) -> None:
    options = ["--no-base", "--verbose"]
    ended = call("test", pack, *options)
    assert ended.code == 0, ended.out + ended.err
    assert ended.out.endswith("11 passed, 1 known gaps\n")
    results = json.loads(call("test", pack, "--no-base", "--json").out)
    assert results["counts"] == {"pass": 11, "xfail": 1}


def test_tests_that_fail(call: Call, tmp_path: Path) -> None:
    cases = CASES.replace("{ailment negated}. Has", "{ailment}. Has").replace('"No [', '"Denies [')
    terms = TERMS.replace('skip: ["ear drops"]', 'skip: ["otalgia"]').replace('"Otalgia."', '"Fever."')
    pack = write_pack(tmp_path / "tiny", terms=terms, cases=cases)
    ended = call("test", pack, "--no-base")
    assert ended.code == 1
    assert f"FAIL  {pack}/terms.yaml:7:" in ended.out
    assert "assertion: [otalgia] at 7-14 is negated, not plain" in ended.out
    assert "found:    Denies [otalgia]{ailment negated}." in ended.out
    assert "passes: take the xfail out" in ended.out
    assert ended.out.endswith("8 passed, 3 failed, 1 gaps that pass\ngrades: 9 exact, 1 assertion, 1 missing, 1 extra\n")


def test_selftest(call: Call) -> None:
    ended = call("selftest", "--json")
    report = json.loads(ended.out)
    assert [check for check in report["checks"] if not check["passed"]] == []
    assert ended.code == 0
    assert "rulener" in report["versions"]


def test_info_of_the_cache(call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RULENER_CACHE_DIR", str(tmp_path / "cache"))
    told = call("info", "--cache", "--json")
    assert told.err == ""
    assert json.loads(told.out)["files"] == 0
    assert call("info", "--cache").out.splitlines()[0] == f"folder       {tmp_path / 'cache'}"
