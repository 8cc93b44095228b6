"""RxNorm releases. Codes and names are invented."""

from __future__ import annotations

from pathlib import Path

import pytest

from rulener.errors import LexiconError
from rulener.lexicon.table import Row
from tests.lexicon.support import left_out, read, write


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write({"rrf/RXNCONSO.RRF": NAMES, "rrf/RXNREL.RRF": RELATIONS, "rrf/RXNSAT.RRF": ATTRIBUTES})
    write({"prescribe/rrf/RXNCONSO.RRF": ""})


def name(code: str, text: str, term_type: str, source: str = "RXNORM", suppress: str = "N", cvf: str = "4096") -> str:
    return f"{code}|ENG||||||9{code}|{code}|{code}||{source}|{term_type}|{code}|{text}||{suppress}|{cvf}|\n"


def relation(one: str, other: str, rela: str) -> str:
    return f"{one}||CUI|RB|{other}||CUI|{rela}|1||RXNORM||||||\n"


def attribute(code: str, what: str) -> str:
    return f"{code}||||CUI|{code}|AT1||{what}|RXNORM|US|N|4096|\n"


NAMES = (
    name("1", "azurine", "IN")
    + name("2", "azurine hydrochloride", "PIN")
    + name("3", "rubrine", "IN", cvf="")
    + name("4", "azurine / rubrine", "MIN")
    + name("5", "Azuro", "BN")
    + name("6", "Duoval", "BN")
    + name("7", "azurine 5 MG Oral Tablet", "SCD")
    + name("7", "azurine 5 mg tab", "SY")
    + name("7", "AZURINE 5MG TAB", "CD", "MMSL")
    + name("8", "Oral Tablet", "DF")
    + name("9", "Oldo", "BN", suppress="O")
    + name("10", "bovin", "IN")
    + name("11", "Nulla", "BN")
)
RELATIONS = (
    relation("1", "5", "tradename_of")
    + relation("5", "2", "has_tradename")
    + relation("3", "6", "tradename_of")
    + relation("4", "6", "tradename_of")
    + relation("7", "1", "has_ingredient")
)
ATTRIBUTES = attribute("10", "RXN_VET_DRUG") + attribute("1", "RXN_VET_DRUG") + attribute("1", "RXN_HUMAN_DRUG")


def test_names() -> None:
    rows, reading = read("rxnorm", ".")
    assert rows[0] == Row(1, "azurine", "medication", "RXNORM", "1", "azurine", "", False, "RXNORM", "IN", 0)
    assert [(row.term, row.term_type, row.rank) for row in rows if row.code == "7"] == [
        ("azurine 5 MG Oral Tablet", "SCD", 5),
        ("azurine 5 mg tab", "SY", 9),
    ]
    assert {row.preferred for row in rows if row.code == "7"} == {"azurine 5 MG Oral Tablet"}
    assert left_out(reading) == {
        "RXNCONSO.RRF": {
            "source not asked for": 1,
            "no label for term type DF": 1,
            "obsolete (O)": 1,
            "only for animals": 1,
        }
    }
    assert reading.read == {"RXNCONSO.RRF": 13, "RXNSAT.RRF": 3}


def test_filters() -> None:
    def terms(**options: object) -> set[str]:
        return {row.term for row in read("rxnorm", ".", **options)[0]}

    everything = terms()
    assert everything - terms(prescribable=True) == {"rubrine"}
    assert terms(obsolete=True) - everything == {"Oldo"}
    assert terms(veterinary=True) - everything == {"bovin"}
    assert terms(term_type=("IN",)) == {"azurine", "rubrine"}
    assert terms(source=("RXNORM", "MMSL")) - everything == {"AZURINE 5MG TAB"}


def test_a_brand_is_its_ingredients() -> None:
    rows, reading = read("rxnorm", ".", brands="ingredient")
    brands = {row.term: (row.code, row.preferred) for row in rows if row.term_type == "BN"}
    assert brands == {"Azuro": ("1", "azurine"), "Duoval": ("4", "azurine / rubrine"), "Nulla": ("11", "Nulla")}
    assert reading.remarks == ["1 names of brands without an ingredient in RXNREL.RRF are concepts of their own"]


def test_without_the_other_files() -> None:
    Path("rrf/RXNREL.RRF").unlink()
    Path("rrf/RXNSAT.RRF").unlink()
    rows, reading = read("rxnorm", "rrf")
    assert "bovin" in {row.term for row in rows}
    assert reading.remarks == ["there is no RXNSAT.RRF: drugs only for animals are not told apart"]
    with pytest.raises(LexiconError, match=r"\[L105\] rrf: this is no RxNorm release: there is no RXNREL.RRF"):
        read("rxnorm", "rrf", brands="ingredient")


def test_bad_rows() -> None:
    write(
        {
            "rrf/RXNCONSO.RRF": b"1|ENG|\r\n"
            + NAMES.encode().replace(b"\n", b"\r\n")
            + name("12", "caf\xe9ine", "IN").encode("latin-1")
        }
    )
    rows, reading = read("rxnorm", ".")
    assert len(rows) == 9
    assert {key: n for key, n in left_out(reading)["RXNCONSO.RRF"].items() if "columns" in key or "UTF" in key} == {
        "2 columns, 18 are needed": 1,
        "not UTF-8": 1,
    }
    write({"rrf/RXNCONSO.RRF": "a b c\n" * 1000})
    with pytest.raises(LexiconError, match=r"\[L106\] rrf/RXNCONSO.RRF:1000: this is no RXNCONSO.RRF: 1 columns, 18 are needed"):
        read("rxnorm", ".")
