"""MeSH XML. Records are invented."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from rulener.errors import LexiconError
from rulener.lexicon.table import Row
from tests.lexicon.support import left_out, read, write


def term(text: str, tag: str = "NON", permuted: str = "N", heads: str = "N") -> str:
    return (
        f'<Term ConceptPreferredTermYN="{heads}" IsPermutedTermYN="{permuted}" LexicalTag="{tag}" RecordPreferredTermYN="N">'
        f"<TermUI>T1</TermUI><String>{text}</String></Term>"
    )


def concept(*terms: str, preferred: str = "Y") -> str:
    return (
        f'<Concept PreferredConceptYN="{preferred}"><ConceptUI>M1</ConceptUI><ConceptName><String>x</String></ConceptName>'
        f"<TermList>{''.join(terms)}</TermList></Concept>"
    )


def descriptor(ui: str, name: str, trees: list[str], *concepts: str) -> str:
    numbers = "".join(f"<TreeNumber>{one}</TreeNumber>" for one in trees)
    return (
        f'<DescriptorRecord DescriptorClass="1"><DescriptorUI>{ui}</DescriptorUI><DescriptorName><String>{name}</String>'
        f"</DescriptorName><TreeNumberList>{numbers}</TreeNumberList><ConceptList>{''.join(concepts)}</ConceptList></DescriptorRecord>\n"
    )


def supplementary(ui: str, name: str, class_: int, *concepts: str) -> str:
    return (
        f'<SupplementalRecord SCRClass="{class_}"><SupplementalRecordUI>{ui}</SupplementalRecordUI><SupplementalRecordName>'
        f"<String>{name}</String></SupplementalRecordName><ConceptList>{''.join(concepts)}</ConceptList></SupplementalRecord>\n"
    )


def whole(root: str, *records: str) -> str:
    head = '<?xml version="1.0"?>\n<!DOCTYPE X SYSTEM "https://example.org/x.dtd">\n'
    return f'{head}<{root} LanguageCode="eng">\n{"".join(records)}</{root}>\n'


DESCRIPTORS = whole(
    "DescriptorRecordSet",
    descriptor(
        "D900001",
        "Fever, Blue",
        ["C23.888.999", "C01.5"],
        concept(
            term("Fever, Blue", heads="Y"), term("Blue Fever", permuted="Y"), term("BF", "ABB"), term("Azure &amp; Blue Fever")
        ),
        concept(term("Fever of Nose", heads="Y"), term("Nose Fever"), term("BF", "ABB"), preferred="N"),
    ),
    descriptor("D900002", "Azurine", ["D02.1"], concept(term("Azurine"), term(""))),
    descriptor("D900003", "Blue Cats", ["B01.5", "Z01.1"], concept(term("Blue Cats"))),
    descriptor("D900004", "", ["C01"]),
    descriptor("D900005", "Check Tag", []),
)
SUPPLEMENTARY = whole(
    "SupplementalRecordSet",
    supplementary("C900001", "azurinamide", 1, concept(term("azurinamide"), term("AZ-1", "LAB"))),
    supplementary("C900002", "Blue syndrome", 3, concept(term("Blue syndrome"))),
    supplementary("C900003", "Blue virus", 4, concept(term("Blue virus"))),
)


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write({"m/desc2024.xml": DESCRIPTORS, "m/supp2024.xml.gz": gzip.compress(SUPPLEMENTARY.encode())})


def test_records() -> None:
    rows, reading = read("mesh", "m")
    assert rows[0] == Row(1, "Fever, Blue", "symptom", "MESH", "D900001", "Fever, Blue", "C23.888.999", False, "MESH", "MH", 0)
    assert [(row.term, row.label, row.term_type, row.rank) for row in rows[1:]] == [
        ("BF", "symptom", "ABB", 1),
        ("Azure & Blue Fever", "symptom", "ET", 1),
        ("Fever of Nose", "symptom", "PEP", 2),
        ("Nose Fever", "symptom", "ET", 3),
        ("Azurine", "substance", "MH", 0),
        ("azurinamide", "substance", "NM", 0),
        ("AZ-1", "substance", "LAB", 1),
        ("Blue syndrome", "disorder", "NM", 0),
    ]
    assert left_out(reading) == {
        "desc2024.xml": {
            "a permuted term": 1,
            "the same term of the record again": 1,
            "an empty term": 1,
            "no label for trees B, Z": 1,
            "a record without its number or name": 1,
            "in no tree": 1,
        },
        "supp2024.xml": {"no label for trees SCR4": 1},
    }
    assert reading.read == {"desc2024.xml": 5, "supp2024.xml": 3}


def test_filters() -> None:
    assert {row.term for row in read("mesh", "m", semantic_type=("C",))[0]} == {
        "Fever, Blue", "BF", "Azure & Blue Fever", "Fever of Nose", "Nose Fever",
    }  # fmt: skip
    assert [row.term for row in read("mesh", "m", term_type=("NM",))[0]] == ["azurinamide", "Blue syndrome"]


def test_one_file() -> None:
    assert {row.code for row in read("mesh", "m/supp2024.xml.gz")[0]} == {"C900001", "C900002"}
    rows, reading = read("mesh", "m/desc2024.xml")
    assert ({row.code for row in rows}, reading.remarks) == ({"D900001", "D900002"}, [])
    Path("m/supp2024.xml.gz").unlink()
    assert read("mesh", "m")[1].remarks == ["there is no supp*.xml"]


def test_other_files() -> None:
    def refusal(content: str) -> str:
        write({"m/desc2024.xml": content})
        with pytest.raises(LexiconError) as caught:
            read("mesh", "m")
        return str(caught.value)

    assert refusal(SUPPLEMENTARY) == (
        "[L106] m/desc2024.xml: the root element is <SupplementalRecordSet>, not <DescriptorRecordSet>"
    )
    assert refusal(DESCRIPTORS[:700]).startswith("[L106] m/desc2024.xml:4: not whole XML: ")
    assert refusal("not XML").startswith("[L106] m/desc2024.xml:1: not whole XML: ")
    Path("m/desc2024.xml").unlink()
    with pytest.raises(LexiconError) as caught:
        read("mesh", "m")
    assert str(caught.value) == "[L105] m: this is no MeSH release: there is no desc*.xml (found there: supp2024.xml.gz)"
