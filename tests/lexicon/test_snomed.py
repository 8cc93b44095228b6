"""SNOMED CT snapshots. Concepts and their codes are invented; the identifiers of types are those of the format."""

from __future__ import annotations

from pathlib import Path

import pytest

from rulener.errors import LexiconError
from rulener.lexicon.table import Row
from tests.lexicon.support import left_out, read, write

ROOT = "SnomedCT_X/Snapshot"
CONCEPTS = f"{ROOT}/Terminology/sct2_Concept_Snapshot_INT_20240101.txt"
DESCRIPTIONS = f"{ROOT}/Terminology/sct2_Description_Snapshot-en_INT_20240101.txt"
LANGUAGE = f"{ROOT}/Refset/Language/der2_cRefset_LanguageSnapshot-en_INT_20240101.txt"
FSN, SY, TEXT = "900000000000003001", "900000000000013009", "900000000000550004"
PREFERRED, ACCEPTABLE = "900000000000548007", "900000000000549004"
US, GB = "900000000000509007", "900000000000508004"


def lines(header: str, *rows: str) -> str:
    return "".join(line + "\r\n" for line in (header, *rows)).replace(" | ", "\t")


def description(number: int, concept: int, term: str, kind: str = SY, active: int = 1, language: str = "en") -> str:
    return f"{number} | 20240101 | {active} | 900000000000207008 | {concept} | {language} | {kind} | {term} | 900000000000448009"


def member(number: int, acceptability: str = ACCEPTABLE, refset: str = US, active: int = 1) -> str:
    return f"x{number} | 20240101 | {active} | 900000000000207008 | {refset} | {number} | {acceptability}"


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write(
        {
            CONCEPTS: lines(
                "id | effectiveTime | active | moduleId | definitionStatusId",
                *(f"{n} | 20240101 | {0 if n == 12 else 1} | 900000000000207008 | 900000000000074008" for n in (11, 12, 13, 14)),
            ),
            DESCRIPTIONS: lines(
                "id | effectiveTime | active | moduleId | conceptId | languageCode | typeId | term | caseSignificanceId",
                description(101, 11, "Fever of blueness (disorder)", FSN),
                description(102, 11, 'Blue "azure" fever'),
                description(103, 11, "Febris caerulea"),
                description(104, 11, "Old fever", active=0),
                description(105, 11, "Forgotten fever"),
                description(106, 11, "A long text", TEXT),
                description(107, 12, "Gone fever (disorder)", FSN),
                description(108, 13, "Skin (of nose) structure (body structure)", FSN),
                description(109, 14, "A place (environment)", FSN),
                description(110, 11, "fiebre azul", language="es"),
                "broken | row",
                description(111, 99, "x").replace("99", "9x"),
            ),
            LANGUAGE: lines(
                "id | effectiveTime | active | moduleId | refsetId | referencedComponentId | acceptabilityId",
                member(101, PREFERRED), member(102, PREFERRED), member(103), member(103, PREFERRED, GB), member(108, PREFERRED),
                member(105, PREFERRED, active=0), member(109),
            ),
        }
    )  # fmt: skip


def test_descriptions() -> None:
    rows, reading = read("snomed", "SnomedCT_X", refset=("US",))
    assert rows[0] == Row(
        2, "Fever of blueness", "disorder", "SNOMEDCT", "11", 'Blue "azure" fever', "disorder", False, "SNOMEDCT", "FSN", 2
    )
    assert [(row.term, row.term_type, row.rank, row.label) for row in rows[1:]] == [
        ('Blue "azure" fever', "PT", 0, "disorder"),
        ("Febris caerulea", "SY", 1, "disorder"),
        ("Skin (of nose) structure", "FSN", 2, "anatomy"),
    ]
    found = left_out(reading)
    assert found["sct2_Description_Snapshot-en_INT_20240101.txt"] == {
        "inactive description": 1,
        "in none of the language reference sets": 1,
        "a text definition": 1,
        "inactive concept": 1,
        "no label for semantic tag (environment)": 1,
        "language is not en": 1,
        "2 columns, not 9": 1,
        "an identifier is no number": 1,
    }
    assert found["sct2_Concept_Snapshot_INT_20240101.txt"] == {"inactive": 1}


def test_reference_sets() -> None:
    kinds = {row.term: row.term_type for row in read("snomed", "SnomedCT_X")[0]}
    assert (kinds['Blue "azure" fever'], kinds["Febris caerulea"]) == ("PT", "PT")
    assert [row.term for row in read("snomed", "SnomedCT_X", refset=("GB",))[0]] == ["Febris caerulea"]
    with pytest.raises(
        LexiconError, match=r"\[L105\] .*LanguageSnapshot-en_INT_20240101.txt: no description is in the reference set XX"
    ):
        read("snomed", "SnomedCT_X", refset=("XX",))
    Path(LANGUAGE).unlink()
    rows, reading = read("snomed", "SnomedCT_X")
    assert [row.term for row in rows] == [
        "Fever of blueness",
        'Blue "azure" fever',
        "Febris caerulea",
        "Forgotten fever",
        "Skin (of nose) structure",
    ]
    assert {row.preferred for row in rows if row.code == "11"} == {"Fever of blueness"}
    assert reading.remarks == ["there is no language reference set: every synonym has the same rank"]


def test_filters() -> None:
    assert [row.term for row in read("snomed", "SnomedCT_X", semantic_type=("body structure",))[0]] == [
        "Skin (of nose) structure"
    ]
    assert {row.term_type for row in read("snomed", "SnomedCT_X", term_type=("-FSN",))[0]} == {"PT"}
    Path(LANGUAGE).unlink()
    assert {"Old fever", "Gone fever"} <= {row.term for row in read("snomed", "SnomedCT_X", obsolete=True)[0]}


def test_a_folder_without_a_snapshot() -> None:
    write({"full/Full/Terminology/sct2_Concept_Full_INT_20240101.txt": "x"})
    with pytest.raises(LexiconError) as caught:
        read("snomed", "full")
    assert str(caught.value) == (
        "[L105] full: this is no SNOMED CT snapshot: there is no *sct2_Concept_*Snapshot_*.txt "
        "(found there: Full/Terminology/sct2_Concept_Full_INT_20240101.txt)"
    )
    with pytest.raises(LexiconError, match=r"there is no \*sct2_Description_\*Snapshot-es_\*.txt"):
        read("snomed", "SnomedCT_X", language=("es",))


def test_a_header_of_another_file() -> None:
    write({CONCEPTS: "id\tname\n"})
    with pytest.raises(LexiconError) as caught:
        read("snomed", "SnomedCT_X")
    assert str(caught.value) == f"[L106] {CONCEPTS}:1: no column 'active' in the header (the header has id, name)"
