"""UMLS releases: what is read, filtered, skipped and refused. Codes are invented."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from rulener.errors import LexiconError
from rulener.lexicon.table import Row
from tests.lexicon.support import left_out, read, write


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def name(
    cui: str, text: str, source: str = "SNOMEDCT_US", term_type: str = "PT", *, marks: str = "SPFY", code: str = "1",
    lat: str = "ENG", suppress: str = "N",
) -> str:  # fmt: skip
    """A line of MRCONSO; `marks`: TS, STT and ISPREF."""
    ts, stt, preferred = marks[0], marks[1:-1], marks[-1]
    return f"{cui}|{lat}|{ts}|L1|{stt}|S1|{preferred}|A1||9|D9|{source}|{term_type}|{code}|{text}|0|{suppress}||\n"


def sty(cui: str, tui: str = "T047", text: str = "Disease or Syndrome") -> str:
    return f"{cui}|{tui}|B2.2.1|{text}|AT1|256|\n"


RANKS = "0400|SNOMEDCT_US|PT|N|\n0300|MSH|MH|N|\n0200|SNOMEDCT_US|SY|N|\n"
A, B = "C0000001", "C0000002"


def release(names: str | bytes, types: str = sty(A) + sty(B), ranks: str | None = RANKS, folder: str = "META") -> None:
    write({f"{folder}/MRCONSO.RRF": names, f"{folder}/MRSTY.RRF": types})
    if ranks is not None:
        write({f"{folder}/MRRANK.RRF": ranks})


def terms(**options: object) -> list[str]:
    return [row.term for row in read("umls", "META", **options)[0]]


def test_a_row() -> None:
    release(name(A, "Blue fever", "MSH", "MH", code="D000"))
    (row,), reading = read("umls", "META")
    assert row == Row(1, "Blue fever", "disorder", "UMLS", A, "Blue fever", "T047", False, "MSH", "MH", 100)
    assert (reading.read, left_out(reading)) == ({"MRSTY.RRF": 2, "MRRANK.RRF": 3, "MRCONSO.RRF": 1}, {})


def test_the_name_of_a_concept_is_its_preferred_one() -> None:
    release(name(A, "fever, blue") + name(A, "Azure fever", marks="PPFY") + name(A, "Azure pyrexia", "MSH", "MH", marks="PVOY"))
    assert {row.preferred for row in read("umls", "META")[0]} == {"Azure fever"}


def test_without_a_preferred_one_it_is_the_best_ranked() -> None:
    release(name(A, "x fever", "MSH", "MH") + name(A, "y fever", "SNOMEDCT_US", "PT") + name(A, "z fever", "NEW", "PT"))
    rows = read("umls", "META")[0]
    assert [(row.rank, row.preferred) for row in rows] == [(100, "y fever"), (0, "y fever"), (201, "y fever")]


def test_the_same_name_twice_is_kept_with_its_best_rank() -> None:
    release(name(A, "Blue fever", "SNOMEDCT_US", "SY") + name(A, "BLUE FEVER", "MSH", "MH") + name(A, "all") + name(A, "ALL"))
    rows, reading = read("umls", "META")
    assert [(row.term, row.rank) for row in rows] == [("BLUE FEVER", 100), ("all", 0), ("ALL", 0)]
    assert left_out(reading) == {"MRCONSO.RRF": {"the same name of the concept again": 1}}
    assert reading.skipped["MRCONSO.RRF"].lines["the same name of the concept again"] == [1]


def test_codes_of_the_vocabulary() -> None:
    release(name(A, "Blue fever", code="77") + name(A, "blue fever", "MSH", "MH", code="D7") + name(A, "Blue fever", code="77"))
    rows, reading = read("umls", "META", codes="source")
    assert [(row.system, row.code, row.term) for row in rows] == [
        ("SNOMEDCT", "77", "Blue fever"),
        ("MESH", "D7", "blue fever"),
    ]
    assert left_out(reading) == {"MRCONSO.RRF": {"the same name of the concept again": 1}}


# --- filters ---------------------------------------------------------------------------------------------------------


def test_language_suppressible_and_obsolete() -> None:
    release(
        name(A, "blue fever")
        + name(A, "fiebre azul", lat="SPA")
        + name(A, "old fever", suppress="O")
        + name(A, "odd fever", suppress="Y")
        + name(A, "edited fever", suppress="E")
        + name(A, "fever?", suppress="")
    )
    rows, reading = read("umls", "META")
    assert [row.term for row in rows] == ["blue fever"]
    assert left_out(reading)["MRCONSO.RRF"] == {
        "language is not ENG": 1,
        "obsolete (O)": 1,
        "suppressible (Y)": 1,
        "suppressible (E)": 1,
        "SUPPRESS is not N, O, E or Y": 1,
    }
    assert terms(suppressible=True) == ["blue fever", "odd fever", "edited fever"]
    assert terms(obsolete=True) == ["blue fever", "old fever"]
    assert terms(language=("spa", "ENG")) == ["blue fever", "fiebre azul"]


def test_source_and_term_type() -> None:
    release(name(A, "one fever") + name(A, "two fever", "MSH", "MH") + name(A, "three fever", "SNOMEDCT_US", "SY"))
    assert terms(source=("MSH",)) == ["two fever"]
    assert terms(source=("-msh",)) == ["one fever", "three fever"]
    assert terms(term_type=("SY", "MH")) == ["two fever", "three fever"]
    assert terms(source=("SNOMEDCT_US",), term_type=("-SY",)) == ["one fever"]


def test_semantic_types() -> None:
    release(
        name(A, "blue fever") + name(B, "blueness") + name("C0000003", "Blue Street") + name("C0000004", "nothing"),
        sty(A) + sty(B, "T033", "Finding") + sty(B, "T184", "Sign or Symptom") + sty("C0000003", "T083", "Geographic Area"),
    )
    rows, reading = read("umls", "META")
    assert [(row.label, row.semantic_type) for row in rows] == [("disorder", "T047"), ("symptom", "T184")]
    assert left_out(reading)["MRCONSO.RRF"] == {
        "no label for semantic type T083 Geographic Area": 1,
        "no semantic type in MRSTY.RRF": 1,
    }
    assert [row.label for row in read("umls", "META", semantic_type=("T033",))[0]] == ["finding"]
    assert terms(semantic_type=("DISO",)) == ["blue fever", "blueness"]
    assert terms(semantic_type=("-T047",)) == ["blueness"]
    assert left_out(read("umls", "META", semantic_type=("T184",))[1])["MRCONSO.RRF"]["semantic type not asked for"] == 2


def test_a_cui_of_another_shape() -> None:
    release(name("CL00012345", "local fever") + name("C1048577", "high fever"), sty("CL00012345") + sty("C1048577"))
    assert [row.code for row in read("umls", "META")[0]] == ["CL00012345", "C1048577"]


# --- files -----------------------------------------------------------------------------------------------------------

NAMES = name(A, "blue fever") + name(B, "röte", "MSH", "MH") + name(B, 'a "quoted" name, with commas')


def test_the_same_rows_in_every_dress() -> None:
    release(NAMES)
    expected = read("umls", "META")[0]
    data = NAMES.encode()
    cut = len(data) // 2 + 3  # within a line
    for k, (names, folder) in enumerate(
        [
            ({"MRCONSO.RRF.gz": gzip.compress(data)}, "META"),
            ({"MRCONSO.RRF.aa.gz": gzip.compress(data[:cut]), "MRCONSO.RRF.ab.gz": gzip.compress(data[cut:])}, "2024AB/META"),
            ({"MRCONSO.RRF.aa": data[:cut], "MRCONSO.RRF.ab": data[cut:]}, "META"),
            ({"MRCONSO.RRF": b"\xef\xbb\xbf" + data.replace(b"\n", b"\r\n")}, "META"),
            ({"MRCONSO.RRF": data.rstrip(b"\n")}, "META"),
            ({"MRCONSO.RRF": data.replace(b"||\n", b"|\n")}, "META"),  # without the last pipe
            ({"mrconso.rrf": data}, "META"),
        ]
    ):
        root = f"r{k}/{folder}/"
        write({f"{root}{file}": content for file, content in names.items()})
        write({f"{root}MRSTY.RRF.gz": gzip.compress((sty(A) + sty(B)).encode()), f"{root}MRRANK.RRF": RANKS})
        assert read("umls", f"r{k}")[0] == expected, names.keys()
    assert read("umls", "META/MRCONSO.RRF")[0] == expected


def test_bad_rows_are_counted_and_named() -> None:
    good = name(A, "blue fever")
    release(
        (good + "C1|x|\n").encode()
        + name(A, "r\u00f6te").encode("latin-1")
        + b"\n"
        + name(A, "").encode()
        + name(A, "z|z").encode()
    )
    rows, reading = read("umls", "META")
    assert [row.term for row in rows] == ["blue fever"]
    assert reading.skipped["MRCONSO.RRF"].messages("MRCONSO.RRF") == [
        "MRCONSO.RRF:3: row skipped: not UTF-8",
        "MRCONSO.RRF:2: row skipped: 2 columns, 18 are needed",
        "MRCONSO.RRF:5: row skipped: no name",
        "MRCONSO.RRF:6: row skipped: 19 columns, 18 are needed",
    ]


def test_without_ranks() -> None:
    release(NAMES, ranks=None)
    rows, reading = read("umls", "META")
    assert {row.rank for row in rows} == {0}
    assert reading.remarks == ["there is no MRRANK.RRF: every name has rank 0"]


def refusal(path: str = "META") -> str:
    with pytest.raises(LexiconError) as caught:
        read("umls", path)
    return str(caught.value)


def test_folders_that_are_no_release() -> None:
    assert refusal("none") == "[L101] none: the lexicon cannot be read: No such file or directory"
    Path("META").mkdir()
    assert refusal() == "[L105] META: this is no UMLS release: there is no MRCONSO.RRF (there is no file in it)"
    write({"META/rrf/RXNCONSO.RRF": "x", "META/readme.txt": "x"})
    assert refusal() == (
        "[L105] META: this is no UMLS release: there is no MRCONSO.RRF (found there: readme.txt, rrf/RXNCONSO.RRF)"
    )
    write({"META/out.tsv.4711.tmp": "x", "META/out.tsv.first.tmp": "x", "META/out.tsv.first.tmp.4711.tmp": "x"})  # ours
    assert refusal("META/readme.txt") == (
        "[L105] META/readme.txt: this is no UMLS release: there is no MRCONSO.RRF (found there: readme.txt)"
    )
    write({"META/MRCONSO.RRF": NAMES})
    assert refusal() == (
        "[L105] META: this is no UMLS release: there is no MRSTY.RRF (found there: MRCONSO.RRF, readme.txt, rrf/RXNCONSO.RRF)"
    )


def test_a_part_that_is_missing() -> None:
    write({"META/MRCONSO.RRF.aa.gz": b"", "META/MRCONSO.RRF.ac.gz": b""})
    assert refusal() == "[L105] META: the part MRCONSO.RRF.ab is missing (copy every part)"


def test_two_releases() -> None:
    release(NAMES, folder="r/2023AA")
    release(NAMES, folder="r/2024AB")
    assert refusal("r") == (
        "[L105] UMLS release: 2 files could be meant: r/2023AA/MRCONSO.RRF, r/2024AB/MRCONSO.RRF "
        "(name the folder or the file of one release)"
    )


def test_files_that_break_off() -> None:
    release(NAMES)
    Path("META/MRCONSO.RRF").write_bytes(b"")
    assert refusal() == "[L103] META/MRCONSO.RRF: the file is empty (copy it again)"
    packed = gzip.compress("".join(name(A, f"fever {k * k * 7919}") for k in range(9000)).encode())
    Path("META/MRCONSO.RRF").write_bytes(packed[: len(packed) // 2])
    assert refusal() == (
        "[L101] META/MRCONSO.RRF: the file cannot be read to its end: Compressed file ended before the end-of-stream marker was "
        "reached (copy it again)"
    )


def test_a_file_of_another_kind() -> None:
    release("a|b|c|\n" * 2000)
    assert refusal() == "[L106] META/MRCONSO.RRF:1000: this is no MRCONSO.RRF: 4 columns, 18 are needed"
    release(NAMES, "some text\n" * 1001)
    assert refusal() == "[L106] META/MRSTY.RRF:1000: this is no MRSTY.RRF: its rows are not CUI|TUI|STN|STY|"
