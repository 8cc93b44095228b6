"""Ontologies in OBO format. Terms and ids are invented."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from rulener.errors import LexiconError
from rulener.lexicon.obo import read_cross_references
from rulener.lexicon.reading import Reading
from rulener.lexicon.table import Row
from tests.lexicon.support import left_out, read, write

OBO = r"""format-version: 1.2
data-version: x/2024-01-01
ontology: hp

[Term]
id: HP:0000001
name: Blue fever ! not part of the name
def: "A \"blue\" fever." [X:1]
synonym: "Azure \"fever\", high" EXACT layperson [X:1, X:2]
synonym: "Fever" BROAD []
synonym: "Hay fever" RELATED []
synonym: "Blue fever of nose" NARROW [] {source="x"}
synonym: "Old shape" []
synonym: "Blue fever" EXACT []
synonym: no quotes EXACT
xref: UMLS:C0000001
xref: MSH:D000001 "Blue Fever"
xref: http://example.org/x
is_a: HP:0000118 ! Phenotypic abnormality

[Term]
id: HP:0000002
name: obsolete Red fever
is_obsolete: true

[Typedef]
id: part_of
name: part of

[Term]
id: XX:0000003
name: A thing

[Term]
id: nothing
name: x

[Term]
id: HP:0000004
"""
MONDO = """format-version: 1.2
[Term]
id: MONDO:0000001
name: azure disease
xref: UMLS:C0000009 {source="MONDO:equivalentTo"}
xref: SCTID:99 {source="MONDO:equivalentTo", source="x"}
xref: MESH:D9 {source="MONDO:relatedTo"}
"""


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write({"hp.obo": OBO, "mondo.obo": MONDO})


def test_names_and_synonyms() -> None:
    rows, reading = read("obo", "hp.obo")
    assert rows[0] == Row(7, "Blue fever", "finding", "HP", "0000001", "Blue fever", "", False, "HP", "NAME", 0)
    assert [(row.term, row.term_type, row.rank, row.line) for row in rows[1:]] == [
        ('Azure "fever", high', "EXACT", 1, 9),
        ("Blue fever of nose", "NARROW", 2, 12),
    ]
    assert left_out(reading)["hp.obo"] == {
        "synonym BROAD": 1,
        "synonym RELATED": 2,
        "the same name of the term again": 1,
        "a synonym without its quotes": 1,
        "obsolete": 1,
        "no label for XX": 1,
        "no id of the form PREFIX:NUMBER": 1,
        "no name": 1,
    }


def test_scopes_and_obsolete_terms() -> None:
    assert [row.term for row in read("obo", "hp.obo", scope=("BROAD",))[0]] == ["Blue fever", "Fever"]
    assert "obsolete Red fever" in {row.term for row in read("obo", "hp.obo", obsolete=True)[0]}


def test_codes_of_cross_references() -> None:
    rows, _ = read("obo", "hp.obo", xrefs="mesh")
    assert {(row.system, row.code, row.source) for row in rows} == {("MESH", "D000001", "HP")}
    rows, reading = read("obo", "mondo.obo", xrefs="MESH")
    assert [(row.system, row.code) for row in rows] == [("MONDO", "0000001")]
    assert reading.remarks == ["1 terms without a cross reference to MESH keep their own code"]
    assert list(read_cross_references(Path("mondo.obo"), Reading("obo"))) == [
        ("UMLS:C0000009", "MONDO:0000001"),
        ("SNOMEDCT:99", "MONDO:0000001"),
    ]
    assert list(read_cross_references(Path("hp.obo"), Reading("obo"))) == [
        ("UMLS:C0000001", "HP:0000001"),
        ("MESH:D000001", "HP:0000001"),
    ]


def test_in_other_dress() -> None:
    write({"g/hp.obo.gz": gzip.compress(OBO.encode()), "w/hp.obo": b"\xef\xbb\xbf" + OBO.replace("\n", "\r\n").encode()})
    expected = read("obo", "hp.obo")[0]
    assert read("obo", "g")[0] == expected
    assert read("obo", "w")[0] == expected


def refusal(path: str) -> str:
    with pytest.raises(LexiconError) as caught:
        read("obo", path)
    return str(caught.value)


def test_other_files() -> None:
    write(
        {
            "o/hp.obo": "<?xml version='1.0'?>\n<rdf:RDF>\n",
            "t/hp.obo": "term\tlabel\n",
            "n/hp.obo": "format-version: 1.2\n",
            "w/hp.owl": "x",
        }
    )
    assert refusal("o") == (
        "[L106] o/hp.obo:1: this is no OBO file: no format-version (an ontology in OWL or JSON must be converted to OBO first)"
    )
    assert refusal("t") == "[L106] t/hp.obo:1: this is no OBO file: no format-version"
    assert refusal("n") == "[L106] n/hp.obo: there is no [Term] in it"
    assert refusal("w") == "[L105] w: this is no OBO ontology: there is no *.obo (found there: hp.owl)"
    assert refusal(".").startswith("[L105] OBO ontology: 2 files could be meant: hp.obo, mondo.obo (")
