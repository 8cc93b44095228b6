"""Curation: each rule by cases, and what holds for all of them. Names and codes are plain facts or invented."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rulener.errors import UsageError
from rulener.lexicon.curate import RULES, curate, new_report
from rulener.lexicon.surface import key
from rulener.lexicon.table import LINK_ONLY, Row
from rulener.lexicon.words import EVERYDAY, FUNCTION

PAGE = Path(__file__).parents[2] / "docs" / "guide" / "lexicons-curation.md"


def row(term: str, label: str = "disorder", **values: object) -> Row:
    base = Row(2, term, label, "X", "1", term, "", False)
    return base._replace(**values)  # type: ignore[arg-type]


def shown(rows: list[Row]) -> list[str]:
    """Surfaces with their marks: `=` keeps its case, `~` linking only, and the rule that added it after a bar."""
    return [
        f"{'=' if one.exact else ''}{'~' if one.use == LINK_ONLY else ''}{one.term}{f' | {one.variant}' if one.variant else ''}"
        for one in rows
    ]


def curated(term: str, label: str = "disorder", **values: object) -> list[str]:
    return shown(list(curate([row(term, label, **values)])))


CASES: dict[str, list[tuple[str, str, list[str]]]] = {
    "markup": [("Bell&apos;s palsy", "disorder", ["Bell's palsy"]), ("CO<sub>2</sub> narcosis", "disorder", ["CO2 narcosis"])],
    "encoding": [("SjÃ¶gren syndrome", "disorder", ["Sjögren syndrome"]), ("Sjögren syndrome", "disorder", ["Sjögren syndrome"])],
    "spacing": [("lung_abscess", "disorder", ["lung abscess"]), ("lung  abscess\u00a0", "disorder", ["lung abscess"])],
    "trade-mark": [("Bluepril®", "medication", ["Bluepril"]), ("Bluepril (TM)", "medication", ["Bluepril"])],
    "wrapping": [
        ('"Tennis elbow"', "disorder", ["Tennis elbow"]),
        ("(Tennis elbow)", "disorder", ["Tennis elbow"]),
        ("Tennis elbow]", "disorder", ["Tennis elbow"]),
        ("(a) or (b) wave", "finding", ["(a) or (b) wave"]),
    ],
    "read-mark": [("[D]Chest pain", "symptom", ["Chest pain"]), ("[X] Mood swings", "symptom", ["Mood swings"])],
    "semantic-tag": [
        ("Asthma (disorder)", "disorder", ["Asthma"]),
        ("Hip joint structure (body structure)", "anatomy", ["Hip joint structure"]),
        ("Chest pain [Disease/Finding]", "symptom", ["Chest pain"]),
    ],
    "source-tail": [
        ("Nausea, CTCAE 5.0", "symptom", ["Nausea"]),
        ("WAARDENBURG SYNDROME, INCLUDED", "disorder", ["WAARDENBURG SYNDROME"]),
    ],
    "nos-tail": [
        ("Asthma, NOS", "disorder", ["Asthma"]),
        ("Asthma NOS", "disorder", ["Asthma"]),
        ("Asthma - NOS", "disorder", ["Asthma"]),
        ("Asthma (NOS)", "disorder", ["Asthma"]),
        ("Ill-defined cough, not elsewhere classified", "symptom", ["Ill-defined cough"]),
        ("NOS inhibitor", "substance", ["NOS inhibitor"]),
    ],
    "unspecified": [
        ("Pneumonia, unspecified", "disorder", ["Pneumonia"]),
        ("Pneumonia, unspecified organism", "disorder", ["Pneumonia"]),
        ("Unspecified viral hepatitis", "disorder", ["viral hepatitis"]),
        ("Injury of unspecified wrist", "disorder", ["Injury"]),
    ],
    "optional-plural": [("Wound(s) of the scalp", "disorder", ["Wound of the scalp"])],
    "edge-punctuation": [
        ("Asthma,", "disorder", ["Asthma"]),
        ("-- Asthma --", "disorder", ["Asthma"]),
        ("Chronic asthma.", "disorder", ["Chronic asthma"]),
        ("Candida sp.", "disorder", ["Candida sp."]),
        ("Na+", "lab_test", ["Na+"]),
    ],
    "retired": [("obsolete Blue fever", "disorder", []), ("Blue fever (retired)", "disorder", [])],
    "placeholder": [("Unknown", "disorder", []), ("n/a", "disorder", []), ("See note", "finding", [])],
    "code-as-name": [("HP:0000118", "disorder", []), ("E11.9", "disorder", []), ("COVID-19", "disorder", ["COVID-19"])],
    "no-letters": [("12345", "disorder", []), ("<1 / 1000", "disorder", [])],
    "quantity": [("5 mg", "medication", []), ("10 mg/ml", "medication", [])],
    "chemical-notation": [("InChI=1S/CH4/h1H4", "medication", []), ("CC(=O)OC1=CC=CC=C1C(=O)O", "medication", [])],
    "too-long": [("swelling " * 21, "finding", []), ("a" * 151, "disorder", [])],
    "single-letter": [("K", "lab_test", ["~K"])],
    "two-characters": [
        ("ca", "disorder", ["~ca"]),
        ("MI", "disorder", ["=~MI"]),
        ("E.R.", "disorder", ["~E.R."]),
        ("BP", "vital_sign", ["=BP"]),
        ("T12", "disorder", ["=~T12"]),
        ("B12", "medication", ["=B12"]),
    ],
    "roman-numeral": [("VIII", "anatomy", ["=~VIII"])],
    "registry-number": [("NSC 123456", "medication", ["~NSC 123456"]), ("50-78-2", "medication", [])],
    "function-word": [
        ("ALL", "disorder", ["=~ALL"]),
        ("was", "finding", ["~was"]),
        ("US", "imaging", ["=US"]),
        ("AT-10", "substance", ["~AT-10"]),
        ("Down's", "disorder", ["~Down's"]),
    ],
    "everyday-word": [("Low", "finding", ["~Low"]), ("Today", "device", ["~Today"]), ("aids", "disorder", ["~aids"])],
    "qualifier": [("Acute", "disorder", ["~Acute"]), ("Acute on chronic", "finding", ["~Acute on chronic"])],
    "generic-head": [
        ("Disease", "disorder", ["~Disease"]),
        ("Other specific disorder", "disorder", ["~Other specific disorder"]),
        ("Renal failure", "disorder", ["Renal failure"]),
        ("Heart disease", "disorder", ["Heart disease"]),
    ],
    "label-clash": [
        ("Liver", "disorder", ["~Liver"]),
        ("Left lung", "procedure", ["~Left lung"]),
        ("Glucose", "disorder", ["~Glucose"]),
        ("Liver", "anatomy", ["Liver"]),
        ("Glucose", "lab_test", ["Glucose"]),
        ("Insulin", "medication", ["Insulin"]),
        ("Suture", "medication", ["~Suture"]),
        ("Suture", "device", ["Suture"]),
        ("Ultrasound", "imaging", ["Ultrasound"]),
        ("Transplant", "procedure", ["Transplant"]),
        ("Skin graft", "procedure", ["Skin graft"]),
        ("Soft tissue", "disorder", ["~Soft tissue"]),
    ],
    "adjective": [
        ("Hypovolemic", "disorder", ["~Hypovolemic"]),
        ("Left-sided", "finding", ["~Left-sided"]),
        ("Withdrawal", "disorder", ["Withdrawal"]),
        ("Nosebleed", "symptom", ["Nosebleed"]),
        ("Bronchial", "anatomy", ["~Bronchial"]),
        ("Hypovolemic shock", "disorder", ["Hypovolemic shock"]),
    ],
    "note-acronym": [
        ("HPI", "disorder", ["=~HPI"]),
        ("M.D.", "disorder", ["~M.D."]),
        ("EKG", "lab_test", ["=EKG"]),
        ("COPD", "disorder", ["=COPD"]),
    ],
    "note-name": [("Family history", "finding", ["~Family history"]), ("Follow-up visit", "procedure", ["~Follow-up visit"])],
    "schedule": [
        ("Twice a day", "medication", ["~Twice a day"]),
        ("Every six hours", "finding", ["~Every six hours"]),
        ("One lung", "finding", ["One lung"]),
    ],
    "cut-name": [
        ("Carcinoma of the", "disorder", ["~Carcinoma of the"]),
        ("and chills", "symptom", ["~and chills"]),
        ("Vitamin A", "medication", ["Vitamin A"]),
    ],
    "residual-class": [
        ("Other disorders of the ear", "disorder", ["~Other disorders of the ear"]),
        ("Migraine with or without aura", "disorder", ["~Migraine with or without aura"]),
    ],
    "context-in-name": [
        ("History of stroke", "disorder", ["~History of stroke"]),
        ("No abnormality detected", "finding", ["~No abnormality detected"]),
        ("Suspected glaucoma", "disorder", ["~Suspected glaucoma"]),
        ("Noonan syndrome", "disorder", ["Noonan syndrome"]),
    ],
    "encounter": [("Fracture of wrist, initial encounter", "disorder", ["~Fracture of wrist, initial encounter"])],
    "drug-product": [
        ("metformin 500 MG Oral Tablet", "medication", ["~metformin 500 MG Oral Tablet"]),
        ("metformin Oral Tablet", "medication", ["~metformin Oral Tablet"]),
        ("metformin", "medication", ["metformin"]),
        ("nicotine patch", "medication", ["nicotine patch"]),
    ],
    "systematic-name": [
        ("2-(4-isobutylphenyl)propanoic acid", "medication", ["~2-(4-isobutylphenyl)propanoic acid"]),
        ("5-fluorouracil", "medication", ["5-fluorouracil"]),
        ("1,25-dihydroxyvitamin D", "lab_test", ["1,25-dihydroxyvitamin D"]),
    ],
    "formula": [("C9H13NO3", "medication", ["~C9H13NO3"]), ("CO2", "lab_test", ["=CO2"])],
    "heading-pair": [("Asthma -- drug therapy", "disorder", ["~Asthma -- drug therapy"])],
    "question": [("How often do you wheeze", "lab_test", ["~How often do you wheeze"])],
    "test-specification": [],
    "long-name": [("pain of " * 5 + "elbow joint", "symptom", ["~" + "pain of " * 5 + "elbow joint"])],
    "acronym": [
        ("MVP", "disorder", ["=MVP"]),
        ("Hb", "lab_test", ["=Hb"]),
        ("AIDS", "disorder", ["=AIDS"]),
        ("GOUT", "disorder", ["GOUT"]),
        ("ASTHMA", "disorder", ["ASTHMA"]),
    ],
    "everyday-acronym": [("CASTLE", "disorder", ["=CASTLE"])],
    "bracketed-words": [
        (
            "Essential (primary) hypertension",
            "disorder",
            ["Essential (primary) hypertension", "Essential hypertension | bracketed-words"],
        ),
        ("Cold (acute)", "disorder", ["Cold (acute)"]),
    ],
    "bracketed-abbreviation": [
        (
            "Acquired immunodeficiency syndrome (AIDS)",
            "disorder",
            [
                "Acquired immunodeficiency syndrome (AIDS)",
                "Acquired immunodeficiency syndrome | bracketed-words",
                "=AIDS | bracketed-abbreviation",
            ],
        ),
        (
            "Blue fever of childhood (XQZ)",
            "disorder",
            ["Blue fever of childhood (XQZ)", "Blue fever of childhood | bracketed-words"],
        ),
    ],
    "and-or": [
        (
            "Injury of hand and/or wrist",
            "disorder",
            ["Injury of hand and/or wrist", "Injury of hand or wrist | and-or", "Injury of hand and wrist | and-or"],
        ),
    ],
    "measured": [("Sodium measurement", "lab_test", ["Sodium measurement", "Sodium | measured"])],
    "specified": [
        (
            "Glucose [Mass/volume] in Serum or Plasma",
            "lab_test",
            ["~Glucose [Mass/volume] in Serum or Plasma", "Glucose | specified"],
        ),
        (
            "Bilirubin.total [Mass/volume] in Blood",
            "lab_test",
            ["~Bilirubin.total [Mass/volume] in Blood", "Bilirubin | specified"],
        ),
    ],
    "symbol": [
        ("MARFAN SYNDROME; MFS", "disorder", ["MARFAN SYNDROME; MFS", "MARFAN SYNDROME | symbol", "=MFS | symbol"]),
    ],
}


@pytest.mark.parametrize(
    ("rule", "term", "label", "expected"),
    [(rule, *case) for rule, cases in CASES.items() for case in cases],
    ids=lambda value: value[:30] if isinstance(value, str) else None,
)
def test_cases(rule: str, term: str, label: str, expected: list[str]) -> None:
    assert curated(term.strip(), label) == [text.rstrip() for text in expected]


def test_every_rule_has_a_case_where_it_acts() -> None:
    assert list(CASES) == [rule.name for rule in RULES]
    report = new_report()
    for _ in curate([row(case[0].strip(), case[1]) for cases in CASES.values() for case in cases], report):
        pass
    assert [name for name, tally in report.tallies.items() if not tally.count] == []


@pytest.mark.parametrize("rule", [rule.name for rule in RULES])
def test_a_rule_left_out_does_nothing(rule: str) -> None:
    report = new_report()
    rows = [row(case[0].strip(), case[1]) for cases in CASES.values() for case in cases]
    for _ in curate(rows, report, without=[rule]):
        pass
    assert report.tallies[rule].count == 0
    assert sum(tally.count for tally in report.tallies.values()) > 40


def test_only_one_rule() -> None:
    rows = list(curate([row("Asthma (disorder)"), row("Asthma, NOS")], only=["nos-tail"]))
    assert shown(rows) == ["Asthma (disorder)", "Asthma"]


def test_unknown_rules_are_refused() -> None:
    with pytest.raises(UsageError, match="no rule 'nostail'"):
        list(curate([], without=["nostail"]))


def test_rules_are_unique_and_documented() -> None:
    names = [rule.name for rule in RULES]
    assert len(set(names)) == len(names)
    written = re.findall(r"^\| `([a-z-]+)` \| (\w+) \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert [pair for pair in written if pair[0] in names] == [(rule.name, rule.effect) for rule in RULES]


def test_marks_stack_in_any_order() -> None:
    assert curated("[D]*Chest pain, unspecified, NOS (finding) ") == ["Chest pain"]
    assert curated('"Chest pain, NOS"') == ["Chest pain"]


def test_other_values_of_a_row_stay() -> None:
    given = row("Asthma (disorder)", preferred="asthma", source="S", term_type="FN", rank=7, standard="S:1", semantic_type="T")
    assert list(curate([given])) == [given._replace(term="Asthma")]
    kept = row("Heart attack", exact=True, use=LINK_ONLY)
    assert list(curate([kept])) == [kept]


def test_added_surfaces_rank_below_and_are_curated() -> None:
    rows = list(curate([row("Acquired immunodeficiency syndrome (ALL)", rank=65535), row("Abnormal lung loss (ALL)", rank=3)]))
    assert [one.rank for one in rows if one.variant] == [65535, 4, 4]
    assert [one.use for one in rows if one.term == "ALL"] == [LINK_ONLY]


def test_what_was_added_once_gets_no_further_siblings() -> None:
    assert curated("Essential (primary) hypertension", variant="inversion") == ["Essential (primary) hypertension | inversion"]


_WORDS = """
    Asthma pain fever acute Low the of and/or and or other NOS, NOS unspecified (disorder) (AIDS) [D] ALL US MI 12 mg 500 ; --
    - , " ( ) history disease Liver &amp; _ Glucose [Mass/volume] in Serum measurement test K 1,3- (2R)- encounter initial See
    note ® é (s)
"""
WORDS = st.sampled_from(_WORDS.split())
TERMS = st.one_of(st.lists(WORDS, min_size=1, max_size=7).map(" ".join), st.text(min_size=1, max_size=12))
LABELS = st.sampled_from(["disorder", "medication", "lab_test", "procedure", "anatomy", "own_label"])
ROWS = st.lists(st.builds(row, TERMS.filter(str.strip).map(str.strip), LABELS), max_size=5)


@given(ROWS)
def test_curating_twice_is_curating_once(rows: list[Row]) -> None:
    once = list(curate(rows))
    again = list(curate(once))
    assert set(again) == set(once)


@given(ROWS)
def test_the_same_rows_give_the_same_rows_and_report(rows: list[Row]) -> None:
    reports = [new_report(), new_report()]
    assert list(curate(rows, reports[0])) == list(curate(rows, reports[1]))
    assert reports[0].to_dict() == reports[1].to_dict()


@given(ROWS)
def test_what_is_found_in_text_is_no_everyday_word(rows: list[Row]) -> None:
    for one in curate(rows):
        assert one.use == LINK_ONLY or one.exact or key(one.term) not in EVERYDAY | FUNCTION
        assert one.term == one.term.strip()
        assert one.term


@given(ROWS)
def test_rows_are_counted(rows: list[Row]) -> None:
    report = new_report()
    out = list(curate(rows, report))
    assert (report.rows_in, report.rows_out) == (len(rows), len(out))
    dropped = sum(report.tallies[rule.name].count for rule in RULES if rule.effect == "drop")
    added = sum(report.tallies[rule.name].count for rule in RULES if rule.effect == "add")
    assert len(rows) - dropped <= len(out) <= len(rows) + added
