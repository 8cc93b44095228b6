"""LOINC tables. Terms and numbers are invented."""

from __future__ import annotations

from pathlib import Path

import pytest

from rulener.errors import LexiconError
from rulener.lexicon.table import Row
from tests.lexicon.support import left_out, read, write

HEADER = '"LOINC_NUM","COMPONENT","CLASS","STATUS","CONSUMER_NAME","CLASSTYPE","SHORTNAME","LONG_COMMON_NAME","DisplayName"\r\n'
ROWS = (
    '"99-1","Azurine","CHEM","ACTIVE","Azurine, Blood","1","Azurine SerPl-mCnc",'
    '"Azurine [Mass/volume] in ""Serum"", Plasma","Azurine"\r\n'
    '"99-2","Blue fever","RAD","TRIAL","","2","XR Blue","XR Blue\nviews","XR Blue"\r\n'
    '"99-3","Old","CHEM","DEPRECATED","","1","Old","Old test",""\r\n'
    '"99-4","Survey","SURVEY.X","ACTIVE","","4","S","A survey",""\r\n'
    '"99-5","Pressure","BP.ATOM","ACTIVE","","2","BP blue","Blue pressure",""\r\n'
    '"99-6","x"\r\n'
)


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write({"l/LoincTable/Loinc.csv": "\ufeff" + HEADER + ROWS})


def test_names() -> None:
    rows, reading = read("loinc", "l")
    assert rows[0] == Row(
        2, 'Azurine [Mass/volume] in "Serum", Plasma', "lab_test", "LOINC", "99-1", 'Azurine [Mass/volume] in "Serum", Plasma',
        "CHEM", False, "LOINC", "long",
    )  # fmt: skip
    assert [(row.line, row.term, row.label, row.term_type, row.rank) for row in rows[1:]] == [
        (2, "Azurine", "lab_test", "display", 1),
        (2, "Azurine, Blood", "lab_test", "consumer", 2),
        (2, "Azurine SerPl-mCnc", "lab_test", "short", 3),
        (3, "XR Blue\nviews", "imaging", "long", 0),
        (3, "XR Blue", "imaging", "display", 1),
        (7, "Blue pressure", "vital_sign", "long", 0),
        (7, "BP blue", "vital_sign", "short", 3),
    ]
    assert left_out(reading) == {
        "Loinc.csv": {"status DEPRECATED": 1, "no label for class type 4": 1, "2 columns, not 9": 1},
    }


def test_filters() -> None:
    assert {row.term_type for row in read("loinc", "l", term_type=("-short", "-display"))[0]} == {"long", "consumer"}
    assert {row.code for row in read("loinc", "l", semantic_type=("CHEM",), obsolete=True)[0]} == {"99-1", "99-3"}


def test_the_core_table_and_other_files() -> None:
    Path("l/LoincTable/Loinc.csv").rename("l/LoincTableCore.csv")
    assert len(read("loinc", "l")[0]) == 8
    write({"l/LoincTableCore.csv": HEADER.replace("STATUS", "STATE") + ROWS})
    with pytest.raises(
        LexiconError, match=r"\[L106\] l/LoincTableCore.csv:1: no column 'STATUS' in the header \(the header has LOINC_NUM"
    ):
        read("loinc", "l")
    Path("l/LoincTableCore.csv").unlink()
    with pytest.raises(LexiconError) as caught:
        read("loinc", "l")
    assert str(caught.value) == "[L105] l: this is no LOINC release: there is no Loinc.csv (unpack the LOINC table)"
