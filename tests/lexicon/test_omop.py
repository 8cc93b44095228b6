"""OMOP vocabularies as Athena gives them. Concepts are invented."""

from __future__ import annotations

from pathlib import Path

import pytest

from rulener.errors import LexiconError
from rulener.lexicon.table import Row
from tests.lexicon.support import left_out, read, write

CONCEPT = (
    "concept_id\tconcept_name\tdomain_id\tvocabulary_id\tconcept_class_id\tstandard_concept\tconcept_code\tvalid_start_date\t"
    "valid_end_date\tinvalid_reason\n"
    '1\tBlue "azure" fever\tCondition\tSNOMED\tDisorder\tS\t111\t20020131\t20991231\t\n'
    "2\tFever, blue\tCondition\tICD10CM\t4-char billing code\t\tX11.1\t20020131\t20991231\t\n"
    "3\tazurine\tDrug\tRxNorm\tIngredient\tS\t333\t20020131\t20991231\t\n"
    "4\tBlue town\tGeography\tOSM\t4th level\tS\t44\t20020131\t20991231\t\n"
    "5\tOld fever\tCondition\tSNOMED\tDisorder\t\t555\t20020131\t20150131\tD\n"
    "6\tAzure test\tMeasurement\tLOINC\tLab Test\tS\t66-6\t20020131\t20991231\t\n"
    "7\tLost fever\tCondition\tICD10CM\t4-char billing code\t\tX11.2\t20020131\t20991231\t\n"
    "x\tbad\tCondition\tSNOMED\tDisorder\tS\t9\t20020131\t20991231\t\n"
    "8\ttoo short\n"
)
SYNONYM = (
    "concept_id\tconcept_synonym_name\tlanguage_concept_id\n"
    "1\tFebris caerulea\t4180186\n1\tfiebre azul\t4182511\n4\tBlueville\t4180186\n"
    '1\tBlue "azure" fever\t4180186\n'
)
RELATIONSHIP = (
    "concept_id_1\tconcept_id_2\trelationship_id\tvalid_start_date\tvalid_end_date\tinvalid_reason\n"
    "2\t1\tMaps to\t20020131\t20991231\t\n"
    "2\t6\tMaps to\t20020131\t20991231\t\n"
    "1\t1\tMaps to\t20020131\t20991231\t\n"
    "7\t5\tMaps to\t20020131\t20991231\tD\n"
    "1\t2\tMapped from\t20020131\t20991231\t\n"
    "5\t99\tMaps to\t20020131\t20991231\t\n"
)


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write({"v/CONCEPT.csv": CONCEPT, "v/CONCEPT_SYNONYM.csv": SYNONYM, "v/CONCEPT_RELATIONSHIP.csv": RELATIONSHIP})


def test_every_concept_names_its_standard_concept() -> None:
    rows, reading = read("omop", "v")
    assert rows[0] == Row(
        2, 'Blue "azure" fever', "disorder", "SNOMEDCT", "111", 'Blue "azure" fever', "Condition", False, "SNOMEDCT", "name", 0,
        "", "", "SNOMEDCT:111", 1, 'Blue "azure" fever',
    )  # fmt: skip
    assert [(row.term, row.system, row.standard, row.standard_id, row.label) for row in rows[1:]] == [
        ("Fever, blue", "ICD10CM", "SNOMEDCT:111", 1, "disorder"),
        ("azurine", "RXNORM", "RXNORM:333", 3, "medication"),
        ("Azure test", "LOINC", "LOINC:66-6", 6, "lab_test"),
        ("Lost fever", "ICD10CM", "", 0, "disorder"),
        ("Febris caerulea", "SNOMEDCT", "SNOMEDCT:111", 1, "disorder"),
    ]
    assert left_out(reading) == {
        "CONCEPT_RELATIONSHIP.csv": {"a mapping that is no longer valid": 1},
        "CONCEPT.csv": {
            "no label for domain Geography": 1,
            "no longer valid": 1,
            "a concept_id is no number": 1,
            "2 columns, not 10": 1,
        },
        "CONCEPT_SYNONYM.csv": {
            "language is not en": 1,
            "of a concept that is left out": 1,
            "the same name of the concept again": 1,
        },
    }
    assert reading.remarks == ["1 further standard concepts of concepts that map to several: the first is taken"]


def test_filters_keep_the_standard_concept_of_another_vocabulary() -> None:
    rows, _ = read("omop", "v", source=("ICD10CM",))
    assert [(row.term, row.standard, row.standard_name) for row in rows] == [
        ("Fever, blue", "SNOMEDCT:111", 'Blue "azure" fever'),
        ("Lost fever", "", ""),
    ]
    assert [row.term for row in read("omop", "v", semantic_type=("Drug",))[0]] == ["azurine"]
    assert [row.term for row in read("omop", "v", term_type=("synonym",))[0]] == ["Febris caerulea"]
    old = [row for row in read("omop", "v", obsolete=True)[0] if row.term == "Old fever"]
    assert [(row.standard, row.standard_id) for row in old] == [("", 0)]  # its standard concept is not in the download


def test_commas_and_quotes() -> None:
    def dressed(text: str) -> str:
        rows = [line.split("\t") for line in text.splitlines()]
        return "".join(",".join('"' + value.replace('"', '""') + '"' for value in row) + "\r\n" for row in rows)

    expected = [row[1:] for row in read("omop", "v")[0]]
    write({"c/CONCEPT.csv": dressed(CONCEPT), "c/CONCEPT_SYNONYM.csv": dressed(SYNONYM)})
    write({"c/CONCEPT_RELATIONSHIP.csv": dressed(RELATIONSHIP)})
    assert [row[1:] for row in read("omop", "c")[0]] == expected


def test_with_the_concepts_alone() -> None:
    Path("v/CONCEPT_SYNONYM.csv").unlink()
    Path("v/CONCEPT_RELATIONSHIP.csv").unlink()
    rows, reading = read("omop", "v/CONCEPT.csv")
    assert [row.standard_id for row in rows] == [1, 0, 3, 6, 0]
    assert reading.remarks == [
        "there is no CONCEPT_RELATIONSHIP.csv: only standard concepts have a standard concept",
        "there is no CONCEPT_SYNONYM.csv: names only",
    ]
    Path("v/CONCEPT.csv").write_text("id\tname\n")
    with pytest.raises(
        LexiconError, match=r"\[L106\] v/CONCEPT.csv:1: no column 'concept_id' in the header \(the header has id, name\)"
    ):
        read("omop", "v")
