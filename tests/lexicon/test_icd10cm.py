"""ICD-10-CM order files and tabular lists. Codes and descriptions are invented."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from rulener.errors import LexiconError
from rulener.lexicon.table import Row
from tests.lexicon.support import left_out, read, write


def entry(number: int, code: str, valid: int, short: str, long: str) -> str:
    return f"{number:05d} {code:<7} {valid} {short:<60} {long}\r\n"


ORDER = (
    entry(1, "A99", 0, "Blue fever", "Blue fever")
    + entry(2, "A990", 1, "Blue fever w/o rash", "Blue fever without rash")
    + entry(3, "R991", 1, "Blue rash", "Blue rash, unspecified")
    + entry(4, "R199", 1, "Azure pain", "Azure pain")
    + entry(5, "W99XXXA", 1, "Bitten by blue cat, init", "Bitten by blue cat, initial encounter")
    + "something else\r\n"
    + entry(7, "A991", 1, "x", "")
)
TABULAR = """<?xml version="1.0" encoding="utf-8"?>
<ICD10CM.tabular>
  <version>2024</version>
  <chapter><name>1</name><desc>Certain fevers (A00-B99)</desc>
    <includes><note>fevers</note></includes>
    <section id="A95-A99"><desc>Blue things</desc>
      <diag><name>A99</name><desc>Blue fever</desc>
        <inclusionTerm><note>Azure fever</note><note>  Fever,
           blue  </note></inclusionTerm>
        <excludes1><note>red fever (A98.-)</note></excludes1>
        <diag><name>A99.0</name><desc>Blue fever without rash</desc>
          <inclusionTerm><note>Blue fever without rash</note><note/></inclusionTerm>
        </diag>
        <diag><name>A99.2</name><desc>Blue fever NOS</desc></diag>
      </diag>
    </section>
  </chapter>
</ICD10CM.tabular>
"""


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write({"icd/icd10cm_order_2024.txt": ORDER, "icd/icd10cm_tabular_2024.xml": TABULAR})


def test_descriptions_and_inclusion_terms() -> None:
    rows, reading = read("icd10cm", "icd")
    assert rows[1] == Row(
        2, "Blue fever without rash", "disorder", "ICD10CM", "A99.0", "Blue fever without rash", "", False, "ICD10CM", "long"
    )
    assert [(row.term, row.code, row.label, row.term_type) for row in rows[2:]] == [
        ("Blue rash, unspecified", "R99.1", "finding", "long"),
        ("Azure pain", "R19.9", "symptom", "long"),
        ("Azure fever", "A99", "disorder", "inclusion"),
        ("Fever, blue", "A99", "disorder", "inclusion"),
    ]
    assert (rows[-1].preferred, rows[-1].rank) == ("Blue fever", 1)
    assert left_out(reading) == {
        "icd10cm_order_2024.txt": {
            "no label for codes that begin with W": 1,
            "not NUMBER CODE 0|1 SHORT LONG in their columns": 1,
            "no long description": 1,
        },
        "icd10cm_tabular_2024.xml": {"the same as the description": 1, "an empty description": 1},
    }
    assert {row.term_type for row in read("icd10cm", "icd", term_type=("inclusion",))[0]} == {"inclusion"}


def test_one_of_the_two() -> None:
    Path("icd/icd10cm_tabular_2024.xml").unlink()
    rows, reading = read("icd10cm", "icd/icd10cm_order_2024.txt")
    assert (len(rows), reading.remarks) == (4, ["there is no tabular XML: no inclusion terms"])
    write({"x/Tabular.xml.gz": gzip.compress(TABULAR.encode())})
    rows, reading = read("icd10cm", "x")
    assert [(row.term, row.code, row.term_type) for row in rows] == [
        ("Blue fever", "A99", "desc"),
        ("Azure fever", "A99", "inclusion"),
        ("Fever, blue", "A99", "inclusion"),
        ("Blue fever without rash", "A99.0", "desc"),
        ("Blue fever NOS", "A99.2", "desc"),
    ]
    assert reading.remarks == ["there is no order file: descriptions of the tabular list"]


def refusal(path: str) -> str:
    with pytest.raises(LexiconError) as caught:
        read("icd10cm", path)
    return str(caught.value)


def test_other_files() -> None:
    write({"n/readme.txt": "x", "o/icd10cm_order_2024.txt": "code,desc\n" * 100, "x/tabular.xml": "<html></html>"})
    write({"b/tabular.xml": TABULAR[:600], "e/tabular.xml": ""})
    assert refusal("n") == (
        "[L105] n: this is no ICD-10-CM release: there is neither an order file nor a tabular XML "
        "(looked for icd10cm*order*.txt and *tabular*.xml)"
    )
    assert refusal("n/readme.txt").startswith("[L105] n/readme.txt: this is no ICD-10-CM release")
    assert refusal("o") == "[L106] o/icd10cm_order_2024.txt:100: this is no order file: its columns are not where they should be"
    assert refusal("x") == "[L106] x/tabular.xml: the root element is <html>, not <ICD10CM.tabular>"
    assert refusal("b").startswith("[L106] b/tabular.xml:12: not whole XML: ")
    assert refusal("e") == "[L103] e/tabular.xml: the file is empty (copy it again)"
