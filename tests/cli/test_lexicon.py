"""`rulener lexicon`: what it prints, and how it ends."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Call
from tests.lexicon.support import write
from tests.lexicon.test_umls import RANKS, A, B, name, sty


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RULENER_CACHE_DIR", str(tmp_path / "cache"))
    write(
        {
            "META/MRCONSO.RRF": name(A, "blue fever") + name(A, "fiebre azul", lat="SPA") + "x\n" + name(B, "Blue Street"),
            "META/MRSTY.RRF": sty(A) + sty(B, "T083", "Geographic Area"),
            "META/MRRANK.RRF": RANKS,
            "t.tsv": "term\tlabel\tother\nblue rash\tsymptom\tx\n\tsymptom\tx\n",
        }
    )


def test_build(call: Call) -> None:
    ended = call("lexicon", "build", "umls", "META", "table", "t.tsv", "-o", "out.tsv.gz", "--no-curate", "--no-variants")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out == (
        "umls: 1 rows\n"
        "  MRSTY.RRF: 2 records read, 0 left out\n"
        "  MRRANK.RRF: 3 records read, 0 left out\n"
        "  MRCONSO.RRF: 4 records read, 3 left out\n"
        "              1  1 columns, 18 are needed (line 3)\n"
        "              1  language is not ENG (line 2)\n"
        "              1  no label for semantic type T083 Geographic Area (line 4)\n"
        "table: 1 rows\n"
        "  t.tsv: 2 records read, 1 left out\n"
        "    column 'other' is not used\n"
        "              1  no term (line 3)\n"
        "out.tsv.gz: 2 rows: disorder 1, symptom 1\n"
    )


def test_build_as_json(call: Call) -> None:
    facts = json.loads(call("lexicon", "build", "umls", "META", "-o", "out.tsv", "--no-variants", "--json").out)
    assert (facts["output"], facts["read"], facts["rows"], facts["labels"]) == ("out.tsv", 1, 1, {"disorder": 1})
    (source,) = facts["sources"]
    assert source["files"][2] == {
        "file": "MRCONSO.RRF",
        "read": 4,
        "skipped": {
            "language is not ENG": 1,
            "1 columns, 18 are needed": 1,
            "no label for semantic type T083 Geographic Area": 1,
        },
    }


def test_options_reach_the_reader(call: Call) -> None:
    write({"own.yaml": "labels:\n  anatomy: [T083]\n"})
    for labels in ("own.yaml", "umls=own.yaml"):
        ended = call("lexicon", "build", "umls", "META", "-o", "out.tsv", "--no-variants", "--labels", labels)
        assert ended.out.endswith("out.tsv: 1 rows: anatomy 1\n")
    ended = call("lexicon", "build", "umls", "META", "-o", "out.tsv", "--no-variants", "--language", "SPA")
    assert ended.out.endswith("disorder 1\n")
    assert "source not asked for" in call("lexicon", "build", "umls", "META", "-o", "out.tsv", "--source", "MSH").err


def test_merge_with_a_map(call: Call) -> None:
    write({"map.tsv": "from\tto\nUMLS:C0000001\tMESH:D1\n"})
    call("lexicon", "build", "umls", "META", "-o", "u.tsv", "--no-variants")
    ended = call("lexicon", "merge", "u.tsv", "t.tsv", "-o", "out.tsv", "--map", "map.tsv")
    assert ended.code == 0
    assert "1 rows got another code by the map\nout.tsv: 2 rows: disorder 1, symptom 1\n" in ended.out
    assert Path("out.tsv").read_text().splitlines()[1].split("\t")[:4] == ["blue fever", "disorder", "MESH", "D1"]


def test_labels(call: Call) -> None:
    ended = call("lexicon", "labels", "umls")
    assert ended.code == 0
    assert "labels:\n  disorder:\n    - T047 " in ended.out


@pytest.mark.parametrize(
    ("arguments", "code", "error"),
    [
        ("build umls -o o", 2, "error[U100]: each source is a name and a path: SOURCE PATH (SOURCE is one of umls, "),
        ("build ulms META -o o", 2, "error[U100]: 'ulms' is no source (did you mean umls?)"),
        ("build META umls -o o", 2, "error[U100]: 'META' is no source (known: umls, "),
        ("build table t.tsv -o o --codes umls", 2, "error[U100]: table knows no --codes (for umls)"),
        ("build table t.tsv -o o --labels x", 2, "error[U100]: the source table has its labels in it ("),
        ("build umls META -o o --labels table=x", 2, "error[U100]: --labels is for table, which is not read ("),
        (
            "build umls META table t.tsv -o o --labels x.yaml",
            2,
            "error[U100]: --labels must say which of the sources it is for (--labels umls=x.yaml)",
        ),
        ("labels table", 2, "error[U100]: the source table has its labels in it (it needs no label map)"),
        ("build umls t.tsv -o o", 4, "error[L105]: t.tsv: this is no UMLS release: there is no MRCONSO.RRF ("),
        ("build umls none -o o", 4, "error[L101]: none: the lexicon cannot be read: No such file or directory"),
        ("build table META -o o", 4, "error[L101]: META: this is a folder, not a term table ("),
        ("build umls META -o META", 4, "error[L104]: META: the lexicon cannot be written: this is a folder (name a file)"),
        ("build umls META -o no/o", 4, "error[L104]: no/o: the lexicon cannot be written: No such file or directory"),
        ("merge none.tsv -o o", 4, "error[L101]: none.tsv: the lexicon cannot be read: No such file or directory"),
        ("merge t.tsv -o o --map none", 4, "error[L101]: none: the map cannot be read: No such file or directory"),
    ],
)  # fmt: skip
def test_refused(call: Call, arguments: str, code: int, error: str) -> None:
    ended = call("lexicon", *arguments.split())
    assert (ended.code, ended.out) == (code, "")
    assert ended.err.startswith(f"rulener: {error}")
    assert ended.err.count("\n") == 1
    assert not Path("o").exists()
