"""Term tables: what is read, what is skipped and named, what is refused. Messages are golden."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

import rulener
from rulener.errors import EXIT_BAD_LEXICON, LexiconError
from rulener.lexicon.table import Row, Skipped, read_table

PACK = "name: tiny\nversion: 1.0.0\nlabels:\n  - id: drug\n  - id: ailment\n"


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RULENER_CACHE_DIR", str(tmp_path / "cache"))


def read(content: str | bytes, name: str = "t.tsv") -> tuple[list[Row], list[str]]:
    Path(name).write_bytes(content.encode() if isinstance(content, str) else content)
    skipped = Skipped()
    return list(read_table(Path(name), skipped)), skipped.messages(name)


def terms(content: str | bytes, name: str = "t.tsv") -> list[tuple[int, str]]:
    rows, messages = read(content, name)
    assert messages == []
    return [(row.line, row.term) for row in rows]


def load(content: str | bytes, name: str = "t.tsv") -> rulener.Engine:
    Path("tiny").mkdir(exist_ok=True)
    Path("tiny/pack.yaml").write_text(PACK)
    Path(name).write_bytes(content.encode() if isinstance(content, str) else content)
    return rulener.load("tiny", base=None, lexicons=[name])


def refusal(content: str | bytes, name: str = "t.tsv") -> str:
    with pytest.raises(LexiconError) as caught:
        load(content, name)
    assert caught.value.exit_code == EXIT_BAD_LEXICON
    return str(caught.value)


# --- what is read ----------------------------------------------------------------------------------------------------


def test_every_column() -> None:
    header = "code\tterm\tsemantic_type\tlabel\tcase\tsystem\tpreferred\n"
    rows, messages = read(header + "6809\tmetformin\tT121\tdrug\texact\tRXNORM\tMetformin HCl\n")
    assert rows == [Row(2, "metformin", "drug", "RXNORM", "6809", "Metformin HCl", "T121", True)]
    assert messages == []


def test_missing_values_are_empty_and_preferred_is_the_term() -> None:
    assert read("term\tlabel\tcode\nmetformin\tdrug\n")[0] == [Row(2, "metformin", "drug", "", "", "metformin", "", False)]


@pytest.mark.parametrize("alias", ["name", "preferred_name", "Preferred", " NAME "])
def test_aliases_of_preferred(alias: str) -> None:
    assert read(f"term\tlabel\t{alias}\nx\tdrug\tThe X\n")[0][0].preferred == "The X"


@pytest.mark.parametrize("alias", ["semtype", "semantic type", "STY", "semantic_type"])
def test_aliases_of_the_semantic_type(alias: str) -> None:
    assert read(f"term\tlabel\t{alias}\nx\tdrug\tT121\n")[0][0].semantic_type == "T121"


@pytest.mark.parametrize(
    ("content", "name"),
    [
        ("term\tlabel\na b\tdrug\nc\tdrug\n", "t.tsv"),
        ("term\tlabel\r\na b\tdrug\r\nc\tdrug\r\n", "t.tsv"),
        ("\ufeffterm\tlabel\na b\tdrug\nc\tdrug", "t.tsv"),
        ("term,label\na b,drug\nc,drug\n", "t.csv"),
        ("\ufeffterm,label\r\na b,drug\r\nc,drug\r\n", "t.csv"),
        ("term\tlabel\na b\tdrug\nc\tdrug\n", "t.txt"),
        (gzip.compress(b"term\tlabel\na b\tdrug\nc\tdrug\n"), "t.tsv.gz"),
        (gzip.compress(b"term,label\na b,drug\nc,drug\n"), "t.csv.gz"),
        (gzip.compress(b"term,label\na b,drug\n") + gzip.compress(b"c,drug\n"), "packed"),
    ],
)
def test_the_same_rows_in_every_dress(content: str | bytes, name: str) -> None:
    assert terms(content, name) == [(2, "a b"), (3, "c")]


def test_quotes_are_letters_in_a_tsv() -> None:
    assert terms('term\tlabel\n"a" b\tdrug\n"c\tdrug\n') == [(2, '"a" b'), (3, '"c')]


def test_quotes_are_marks_in_a_csv() -> None:
    content = 'term,label,name\n"a, b",drug,"the ""A"" drug"\n\n"c\nd",drug,x\ne,drug,\n'
    rows, messages = read(content, "t.csv")
    assert [(row.line, row.term, row.preferred) for row in rows] == [
        (2, "a, b", 'the "A" drug'),
        (4, "c\nd", "x"),
        (6, "e", "e"),
    ]
    assert messages == []
    assert [e.text for e in load(content, "t.csv").annotate("A, b and c d").entities] == ["A, b", "c d"]


def test_line_numbers_count_lines_that_were_skipped() -> None:
    rows, messages = read(b'term,label\n\xff,drug\na,drug\n\n\xfe\xfe\n"b\nc",drug\nd\n', "t.csv")
    assert [(row.line, row.term) for row in rows] == [(3, "a"), (6, "b\nc")]
    assert messages == [
        "t.csv:2: row skipped: not UTF-8 (and 1 more: lines 5)",
        "t.csv:8: row skipped: 1 columns, at least 2 are needed",
    ]


# --- what is skipped -------------------------------------------------------------------------------------------------


def test_rows_that_are_skipped_are_counted_and_named() -> None:
    content = (
        "term\tlabel\tcase\n"
        "\tdrug\t\n"  # 2
        "a\t\t\n"  # 3
        "b\tdrug\tupper\n"  # 4
        "c\n"  # 5
        " \tdrug\n"  # 6
        "good\tdrug\tANY\n"  # 7
        "\n" + "\tdrug\n" * 9
    )
    rows, messages = read(content)
    assert [row.line for row in rows] == [7]
    assert messages == [
        "t.tsv:2: row skipped: no term (and 10 more: lines 6, 9, 10, 11, …)",
        "t.tsv:3: row skipped: no label",
        "t.tsv:4: row skipped: case is neither empty, 'any' nor 'exact'",
        "t.tsv:5: row skipped: 1 columns, at least 2 are needed",
    ]


def test_what_the_compiler_skips_is_a_warning() -> None:
    long = " ".join(["w"] * 65)
    engine = load(f"term\tlabel\tsource\ngood\tdrug\nx\tdisease\n \u00ad'\tdrug\n{long}\tdrug\n{'y' * 256}\tdrug\nz\tDRUG\n")
    assert engine.warnings == [
        "t.tsv:1: column 'source' is not used",
        "t.tsv:3: row skipped: unknown label 'disease'",
        "t.tsv:4: row skipped: its term cannot be used: it has no letter, digit or punctuation mark",
        "t.tsv:5: row skipped: its term cannot be used: it has 65 tokens; at most 64 are allowed",
        "t.tsv:6: row skipped: its term cannot be used: one of its words is longer than 255 bytes when folded",
        "t.tsv:7: row skipped: unknown label 'DRUG'",
    ]
    report = engine.manifest()["lexicons"][0]
    assert (report["rows"], report["terms"], sum(report["skipped"].values())) == (6, 1, 5)


def test_columns_that_are_not_used() -> None:
    assert read("term\tlabel\tsource\t\tSource\nx\tdrug\ta\tb\tc\n")[1] == [
        "t.tsv:1: column 'source' is not used",
        "t.tsv:1: column 4 has no name and is not used",
        "t.tsv:1: column 'Source' is not used",
    ]


def test_quotes_that_never_close() -> None:
    rows, messages = read('term,label\na,drug\n"b,drug\nc,drug\n', "t.csv")
    assert [row.term for row in rows] == ["a"]
    assert messages == ["t.csv:3: row skipped: quotes that do not close or stand inside a value (up to line 4)"]


def test_rows_after_bad_quotes_are_read() -> None:
    rows, messages = read('term,label\n"b"x,drug\nc,drug\n', "t.csv")
    assert [(row.line, row.term) for row in rows] == [(3, "c")]
    assert messages == ["t.csv:2: row skipped: quotes that do not close or stand inside a value"]


def test_a_value_that_is_too_long_for_csv() -> None:
    rows, messages = read("term,label\n" + "x" * 140_000 + ",drug\nc,drug\n", "t.csv")
    assert [(row.line, row.term) for row in rows] == [(3, "c")]
    assert messages == ["t.csv:2: row skipped: a value of more than 131072 characters"]


# --- what is refused -------------------------------------------------------------------------------------------------

KNOWN = "known columns: term, label, system, code, preferred, semantic_type, case"


@pytest.mark.parametrize(
    ("content", "name", "message"),
    [
        ("", "t.tsv", "[L103] t.tsv: the lexicon is empty (the first line names the columns: term, label, …)"),
        (gzip.compress(b""), "t.gz", "[L103] t.gz: the lexicon is empty (the first line names the columns: term, label, …)"),
        ("term\tlabel\n", "t.tsv", "[L103] t.tsv: the lexicon has no usable row"),
        ("term\tlabel\tother\n\n\n", "t.tsv", "[L103] t.tsv: the lexicon has no usable row"),
        (
            "term\tlabel\tother\n\tdrug\nx\t\n",
            "t.tsv",
            "[L103] t.tsv: the lexicon has no usable row; t.tsv:2: row skipped: no term",
        ),
        (
            "term\tlabel\nx\tdisease\ny\tdisease\n",
            "t.tsv",
            "[L103] t.tsv: the lexicon has no usable row; t.tsv:2: row skipped: unknown label 'disease' (and 1 more: lines 3) "
            "(labels of the loaded packs: drug, ailment)",
        ),
        ("x\tdrug\n", "t.tsv", f"[L102] t.tsv:1: no column 'term' in the header (the header has 'x', 'drug'; {KNOWN})"),
        (
            "term,code\nx,1\n",
            "t.csv",
            f"[L102] t.csv:1: no column 'label' in the header (the header has 'term', 'code'; {KNOWN})",
        ),
        (
            "term,label\nx,drug\n",
            "t.tsv",
            f"[L102] t.tsv:1: no column 'term' in the header (the header has 'term,label'; {KNOWN})",
        ),
        ("term\tname\tpreferred\tlabel\n", "t.tsv", "[L102] t.tsv:1: the column 'preferred' is there twice (keep one of them)"),
        ("term\tlabel\tTerm\n", "t.tsv", "[L102] t.tsv:1: the column 'term' is there twice (keep one of them)"),
        ("term\tlabel\nx\tdrug\n".encode("utf-16"), "t.tsv", "[L102] t.tsv:1: the header is not UTF-8 (save the table as UTF-8)"),
    ],
)
def test_refused(content: str | bytes, name: str, message: str) -> None:
    assert refusal(content, name) == message


def test_a_truncated_gzip() -> None:
    whole = gzip.compress(b"term\tlabel\n" + b"".join(b"%d x\tdrug\n" % (k * k * 7919) for k in range(5000)))
    message = refusal(whole[: len(whole) // 2], "t.tsv.gz")
    assert message.startswith("[L101] t.tsv.gz: the lexicon cannot be read past line ")
    assert message.endswith("Compressed file ended before the end-of-stream marker was reached")


def test_a_damaged_gzip() -> None:
    whole = bytearray(gzip.compress(b"term\tlabel\n" + b"".join(b"%d x\tdrug\n" % (k * k * 7919) for k in range(5000))))
    whole[len(whole) // 2 : len(whole) // 2 + 40] = b"\xff" * 40
    assert refusal(bytes(whole), "t.tsv.gz").startswith("[L101] t.tsv.gz: the lexicon cannot be read past line ")


def test_a_folder_and_a_file_that_is_not_there() -> None:
    load("term\tlabel\nx\tdrug\n")
    Path("folder").mkdir()
    with pytest.raises(LexiconError) as caught:
        rulener.load("tiny", base=None, lexicons=["folder"])
    assert str(caught.value) == "[L101] folder: this is a folder, not a term table (give the table's file)"
    with pytest.raises(LexiconError) as caught:
        rulener.load("tiny", base=None, lexicons=["none.tsv"])
    assert str(caught.value) == "[L101] none.tsv: the lexicon cannot be read: No such file or directory"


def test_a_file_that_vanishes_before_it_is_read() -> None:
    with pytest.raises(LexiconError) as caught:
        list(read_table(Path("gone.tsv"), Skipped()))
    assert str(caught.value) == "[L101] gone.tsv: the lexicon cannot be read: No such file or directory"


# --- what it is for --------------------------------------------------------------------------------------------------


def test_a_semantic_type_reaches_the_concept() -> None:
    engine = load("term\tlabel\tsystem\tcode\tsty\nx\tdrug\tS\t1\tT121\ny\tdrug\tS\t2\t\n")
    x, y = engine.annotate("x y").entities
    assert x.concepts[0].semantic_type == "T121"
    assert x.to_dict()["concepts"][0] == {"system": "S", "code": "1", "name": "x", "score": 1.0, "semantic_type": "T121"}
    assert y.concepts[0].semantic_type is None
    assert "semantic_type" not in y.to_dict()["concepts"][0]
    assert engine.annotate("x").to_json().count('"semantic_type":"T121"') == 1
    assert "semantic_type" not in engine.annotate("y").to_json()


def test_a_surface_that_keeps_its_case() -> None:
    engine = load("term\tlabel\tcase\nIT\tdrug\texact\nus\tdrug\t\n")
    assert [e.text for e in engine.annotate("it IT us US").entities] == ["IT", "us", "US"]


def test_rows_of_one_surface_and_label_are_one_mention() -> None:
    engine = load("term\tlabel\tsystem\tcode\nx\tdrug\tS\t1\nX\tdrug\tS\t2\nx\tdrug\tS\t1\nx\tailment\tS\t3\n")
    (found,) = engine.annotate("x").entities
    assert (found.label, [c.code for c in found.concepts]) == ("drug", ["1", "2"])


def test_a_name_that_is_no_utf_8() -> None:
    engine = load("term\tlabel\nx\tdrug\n", "t\udcff.tsv")
    assert engine.annotate("x").entities[0].rule == "lexicon:t\ufffd"
