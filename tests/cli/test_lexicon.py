"""`rulener lexicon`: what it prints, and how it ends."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Call
from tests.lexicon.support import write
from tests.lexicon.test_umls import RANKS, A, B, name, sty

PACK_FOLDER = "tiny"


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RULENER_CACHE_DIR", str(tmp_path / "cache"))
    write(
        {
            "META/MRCONSO.RRF": name(A, "blue fever") + name(A, "fiebre azul", lat="SPA") + "x\n" + name(B, "Blue Street"),
            "META/MRSTY.RRF": sty(A) + sty(B, "T083", "Geographic Area"),
            "META/MRRANK.RRF": RANKS,
            "tiny/pack.yaml": "name: tiny\nversion: 1.0.0\nlabels: [{id: disorder}, {id: symptom}]\n",
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


# --- stats and lookup ------------------------------------------------------------------------------------------------

TABLE = (
    "term\tlabel\tsystem\tcode\tpreferred\tsemantic_type\tcase\tsource\tterm_type\trank\tvariant\tuse\tstandard\tstandard_name\n"
    "Blue fever\tdisorder\tS\t1\tFever, blue\tT047\t\tMSH\tET\t7\t\t\tX:9\tNine\n"
    "blue-fever\tdisorder\tS\t2\t\t\t\tMSH\tMH\t\t\t\t\t\n"
    "blue fevers\tdisorder\tS\t1\tFever, blue\t\t\t\t\t\tplural\t\t\t\n"
    "BF\tdisorder\tS\t1\tFever, blue\t\texact\t\t\t\t\tlink\t\t\n"
    "rash\tsymptom\t\t\t\t\t\t\t\t\t\t\t\t\n"
)


def test_stats_of_a_table(call: Call) -> None:
    write({"l.tsv": TABLE})
    ended = call("lexicon", "stats", "l.tsv")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out == (
        "l.tsv: 5 rows, 3 concepts\n"
        "surfaces    4, 1 of them with more than one concept\n"
        "           2  Blue fever\n"
        "longest     11 characters: blue fevers\n"
        "labels\n           4  disorder\n           1  symptom\n"
        "systems\n           4  S\n"
        "sources\n           2  MSH\n"
        "term types\n           1  ET\n           1  MH\n"
        "variants\n           1  plural\n"
        "use\n           1  link\n"
    )
    facts = json.loads(call("lexicon", "stats", "l.tsv", "--json").out)
    assert facts["most_ambiguous"] == [{"surface": "Blue fever", "concepts": 2}]
    assert facts["label"] == {"disorder": 4, "symptom": 1}


def test_stats_of_an_artifact(call: Call) -> None:
    write({"l.tsv": TABLE})
    assert call("compile", "--no-base", "-p", PACK_FOLDER, "-l", "l.tsv", "-o", "l.rnr").code == 0
    facts = json.loads(call("lexicon", "stats", "l.rnr", "--json").out)
    assert (facts["rows"], facts["concepts"], facts["surfaces"], facts["ambiguous"]) == (5, 3, 4, 1)
    assert (facts["source"], facts["use"]) == ({"lexicon:l": 5}, {"link": 1})


def test_lookup(call: Call) -> None:
    write({"l.tsv": TABLE})
    assert call("lexicon", "lookup", "BLUE FEVER", "l.tsv").out == (
        "BLUE FEVER: 2 rows\n"
        "  Blue fever  disorder  S:1  Fever, blue; T047; MSH ET; rank 7; standard X:9 Nine\n"
        "  blue-fever  disorder  S:2  MSH MH\n"
    )
    assert call("lexicon", "lookup", "s:1", "l.tsv").out == (
        "s:1: 3 rows\n"
        "  Blue fever   disorder  S:1  Fever, blue; T047; MSH ET; rank 7; standard X:9 Nine\n"
        "  blue fevers  disorder  S:1  Fever, blue; variant plural\n"
        "  BF           disorder  S:1  Fever, blue; keeps its case; only linked\n"
    )
    assert [row["code"] for row in json.loads(call("lexicon", "lookup", "2", "l.tsv", "--json").out)["rows"]] == ["2"]
    call("compile", "--no-base", "-p", PACK_FOLDER, "-l", "l.tsv", "-o", "l.rnr")
    assert call("lexicon", "lookup", "Blue-Fever", "l.rnr").out.splitlines()[1:] == [
        "  blue fever  disorder  S:2  blue-fever; lexicon:l",
        "  blue fever  disorder  S:1  Fever, blue; T047; lexicon:l; rank 7; standard X:9 Nine",
    ]
    assert "bf           disorder" in call("lexicon", "lookup", "S:1", "l.rnr").out


def test_lookup_of_what_is_not_there(call: Call) -> None:
    write({"l.tsv": TABLE})
    call("compile", "--no-base", "-p", PACK_FOLDER, "-l", "l.tsv", "-o", "l.rnr")
    for path, alike in (("l.tsv", "Blue fever; blue fevers"), ("l.rnr", "blue fever; blue fevers")):
        ended = call("lexicon", "lookup", "blue fevr", path)
        assert (ended.code, ended.err) == (1, "")
        assert ended.out == f"blue fevr: not there; most alike: {alike}\n"
        assert call("lexicon", "lookup", "zzz", path).out == "zzz: not there\n"
    found = json.loads(call("lexicon", "lookup", "S:12", "l.tsv", "--json").out)
    assert found == {"wanted": "S:12", "rows": [], "nearest": ["S:1", "S:2"]}


def test_only_the_first_rows_are_shown(call: Call) -> None:
    write({"l.tsv": "term\tlabel\tsystem\tcode\n" + "".join(f"t{k}\tx\tS\t1\n" for k in range(25))})
    assert call("lexicon", "lookup", "S:1", "l.tsv").out.endswith("  t19  x  S:1\n  and 5 more (--all shows them)\n")
    assert call("lexicon", "lookup", "S:1", "l.tsv", "--all").out.count("\n") == 26


@pytest.mark.parametrize("arguments", ["stats", "lookup x"])
def test_files_that_are_no_lexicon(call: Call, arguments: str) -> None:
    write({"a.rnr": b"RULNRAC1 and so on", "e.tsv": "", "h.tsv": "a\tb\n", "n.tsv": "term\tlabel\n\tx\n"})
    for path, code, error in (
        ("none", 4, "[L101]: none: the lexicon cannot be read: No such file"),
        ("META", 4, "[L101]: META: this is a folder"),
        ("e.tsv", 4, "[L103]: e.tsv: the lexicon is empty"),
        ("h.tsv", 4, "[L102]: h.tsv:1: no column 'term'"),
        ("n.tsv", 4, "[L103]: n.tsv: no usable row; n.tsv:2: row skipped: no term"),
        ("a.rnr", 6, "[A10"),
    ):
        ended = call("lexicon", *arguments.split(), path)
        assert (ended.code, ended.out) == (code, ""), path
        assert ended.err.startswith(f"rulener: error{error}"), path
