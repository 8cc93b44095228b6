"""Term tables: what is read, what is skipped and named, what is refused. Messages are golden."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import rulener
from rulener.errors import EXIT_BAD_LEXICON, LexiconError
from rulener.lexicon.table import Row, Skipped, Written, read_table, write_table

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


def test_the_columns_of_a_built_table() -> None:
    header = "term\tlabel\tsource\tterm_type\trank\tvariant\tuse\tstandard\tstandard_id\tstandard_name\n"
    content = "x\tdrug\tMSH\tPT\t 7 \tplural\tLINK\tRxNorm:1\t2147483647\tThe X\ny\tdrug\t\t\t\t\t\t\t\t\n"
    (x, y), messages = read(header + content)
    assert messages == []
    assert x[8:] == ("MSH", "PT", 7, "plural", "link", "RxNorm:1", 2147483647, "The X")
    assert y == Row(3, "y", "drug", "", "", "y", "", False)


@pytest.mark.parametrize("rank", ["-1", "65536", "1.5", "x", "٣", "9" * 5000])
def test_a_bad_rank(rank: str) -> None:
    rows, messages = read(f"term\tlabel\trank\nx\tdrug\t{rank}\ny\tdrug\t65535\n")
    assert [(row.term, row.rank) for row in rows] == [("y", 65535)]
    assert messages == ["t.tsv:2: row skipped: rank is no number from 0 to 65535"]


def test_a_bad_use_and_a_bad_standard_id() -> None:
    rows, messages = read("term\tlabel\tuse\tstandard_id\nx\tdrug\tlinks\t\ny\tdrug\t\t2147483648\n")
    assert rows == []
    assert messages == [
        "t.tsv:2: row skipped: use is neither empty nor 'link'",
        "t.tsv:3: row skipped: standard_id is no number of an OMOP concept",
    ]


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
    engine = load(f"term\tlabel\tother\ngood\tdrug\nx\tdisease\n \u00ad'\tdrug\n{long}\tdrug\n{'y' * 256}\tdrug\nz\tDRUG\n")
    assert engine.warnings == [
        "t.tsv:1: column 'other' is not used",
        "t.tsv:3: row skipped: unknown label 'disease'",
        "t.tsv:4: row skipped: its term cannot be used: it has no letter, digit or punctuation mark",
        "t.tsv:5: row skipped: its term cannot be used: it has 65 tokens; at most 64 are allowed",
        "t.tsv:6: row skipped: its term cannot be used: one of its words is longer than 255 bytes when folded",
        "t.tsv:7: row skipped: unknown label 'DRUG'",
    ]
    report = engine.manifest()["lexicons"][0]
    assert (report["rows"], report["terms"], sum(report["skipped"].values())) == (6, 1, 5)


def test_columns_that_are_not_used() -> None:
    assert read("term\tlabel\tother\t\tOther\nx\tdrug\ta\tb\tc\n")[1] == [
        "t.tsv:1: column 'other' is not used",
        "t.tsv:1: column 4 has no name and is not used",
        "t.tsv:1: column 'Other' is not used",
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

KNOWN = (
    "known columns: term, label, system, code, preferred, semantic_type, case, source, term_type, rank, variant, use, standard, "
    "standard_id, standard_name"
)


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


# --- what is written --------------------------------------------------------------------------------------------------

FULL = Row(2, "x-ray", "drug", "S", "1", "X ray", "T060", True, "MSH", "PT", 7, "hyphen", "link", "RxNorm:1", 12, "Röntgen")
PLAIN = Row(3, "é", "drug", "", "", "é", "", False)


@pytest.mark.parametrize("name", ["out.tsv", "out.tsv.gz"])
def test_what_is_written_is_read_back(name: str) -> None:
    assert write_table(iter([FULL, PLAIN]), Path(name)) == Written(2, Skipped())
    skipped = Skipped()
    assert list(read_table(Path(name), skipped)) == [FULL, PLAIN]
    assert skipped.messages(name) == []
    assert sorted(path.name for path in Path().iterdir()) == [name]


def test_the_same_rows_give_the_same_bytes() -> None:
    write_table([FULL, PLAIN], Path("a.tsv.gz"))
    write_table([FULL, PLAIN], Path("b.tsv.gz"))
    assert Path("a.tsv.gz").read_bytes() == Path("b.tsv.gz").read_bytes()
    assert Path("a.tsv.gz").read_bytes()[4:8] == bytes(4)  # no time


def test_rows_that_cannot_be_written() -> None:
    bad = [
        FULL._replace(term="a\tb"),
        FULL._replace(preferred="a\nb"),
        FULL._replace(standard_name="a\r"),
        FULL._replace(term=" "),
        FULL._replace(label=""),
        FULL._replace(rank=65536),
        FULL._replace(use="never"),
        FULL._replace(standard_id=-1),
        FULL._replace(term="\ud800"),
    ]
    rows = [row._replace(line=line) for line, row in enumerate([*bad, PLAIN], 2)]
    written, skipped = write_table(rows, Path("out.tsv"))
    assert written == 1
    assert [row.term for row in read_table(Path("out.tsv"), Skipped())] == ["é"]
    assert skipped.messages("in") == [
        "in:2: row skipped: a tab or line break in a value (and 2 more: lines 3, 4)",
        "in:5: row skipped: no term",
        "in:6: row skipped: no label",
        "in:7: row skipped: rank is no number from 0 to 65535",
        "in:8: row skipped: use is neither empty nor 'link'",
        "in:9: row skipped: standard_id is no number of an OMOP concept",
        "in:10: row skipped: not UTF-8",
    ]


VALUE = st.text(st.characters(exclude_categories=["Cc", "Cs", "Z"]), min_size=1, max_size=9)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.builds(
            Row,
            st.just(0),
            VALUE,
            VALUE,
            VALUE,
            VALUE,
            VALUE,
            VALUE,
            st.booleans(),
            VALUE,
            VALUE,
            st.integers(0, 65535),
            VALUE,
            st.sampled_from(["", "link"]),
            VALUE,
            st.integers(0, 2**31 - 1),
            VALUE,
        )
    )
)
def test_any_rows_survive(rows: list[Row]) -> None:
    write_table(rows, Path("any.tsv"))
    assert [row._replace(line=0) for row in read_table(Path("any.tsv"), Skipped())] == rows


def test_a_table_that_fails_on_the_way_leaves_the_old_one() -> None:
    Path("out.tsv").write_text("old")

    def broken() -> Iterator[Row]:
        yield PLAIN
        raise LexiconError("L101", "gone")

    with pytest.raises(LexiconError):
        write_table(broken(), Path("out.tsv"))
    assert {path.name: path.read_text() for path in Path().iterdir()} == {"out.tsv": "old"}


def test_a_table_that_cannot_be_written() -> None:
    with pytest.raises(LexiconError) as caught:
        write_table([PLAIN], Path("none/out.tsv"))
    assert str(caught.value) == "[L104] none/out.tsv: the lexicon cannot be written: No such file or directory"


def test_rows_for_linking_only_are_not_found_in_text() -> None:
    engine = load("term\tlabel\tuse\tsystem\tcode\nx\tdrug\t\tS\t1\nALL\tdrug\tlink\tS\t2\n")
    assert [e.text for e in engine.annotate("x ALL all").entities] == ["x"]
    given = engine.annotate("x ALL all", mentions=[(2, 5, "drug")]).entities
    assert [[c.code for c in e.concepts] for e in given] == [["2"]]
    assert engine.warnings == []


# --- what it is for --------------------------------------------------------------------------------------------------


def test_a_semantic_type_reaches_the_concept() -> None:
    engine = load("term\tlabel\tsystem\tcode\tsty\nx\tdrug\tS\t1\tT121\ny\tdrug\tS\t2\t\n")
    x, y = engine.annotate("x y").entities
    assert x.concepts[0].semantic_type == "T121"
    made = {"system": "S", "code": "1", "name": "x", "score": 1.0, "step": "exact", "semantic_type": "T121"}
    assert x.to_dict()["concepts"][0] == made
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
