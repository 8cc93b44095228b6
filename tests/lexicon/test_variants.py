"""Variants: each rule by cases, and what holds for all of them. Names and codes are plain facts or invented."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rulener.errors import UsageError
from rulener.lexicon.surface import key
from rulener.lexicon.table import LINK_ONLY, WORST_RANK, Row
from rulener.lexicon.variants import MAX_VARIANTS, RULES, SKIPPED, new_report, variants
from rulener.lexicon.words import EVERYDAY, FUNCTION

PAGE = Path(__file__).parents[2] / "docs" / "guide" / "lexicons-curation.md"


def row(term: str, label: str = "disorder", **values: object) -> Row:
    base = Row(2, term, label, "X", key(term), term, "", False)
    return base._replace(**values)  # type: ignore[arg-type]


def made(*given: Row, only: str = "") -> list[str]:
    return [one.term for one in list(variants(given, only=[only] if only else []))[len(given) :]]


CASES: dict[str, list[tuple[str, list[str]]]] = {
    "inversion": [
        ("Injuries, Abdominal", ["Abdominal Injuries"]),
        ("Arthritis, Rheumatoid, Juvenile", ["Juvenile Rheumatoid Arthritis"]),
        ("Diabetes mellitus, type 2", ["Diabetes mellitus type 2", "type 2 Diabetes mellitus"]),
        ("Tooth agenesis, selective, 6", ["selective Tooth agenesis 6"]),
        ("Pneumonia, due to virus", ["Pneumonia due to virus"]),
        ("Fever, chills and cough", []),
        ("Ataxia (gait, limb)", []),
        ("1,2-dichloroethane toxicity", []),
    ],
    "type-order": [
        ("Type 2 diabetes", ["diabetes Type 2", "diabetes, Type 2"]),
        ("Ovarian cancer stage IIIC", ["stage IIIC Ovarian cancer"]),
        ("Blood type", []),
    ],
    "short-word": [
        ("Magnetic resonance imaging of brain", ["MRI of brain"]),
        ("Rib fracture", ["Rib fx"]),
        ("Breast cancer", ["Breast ca"]),
        ("Fracture", []),
        ("Essential hypertension", []),
    ],
    "of-order": [
        ("Cancer of the breast", ["breast Cancer", "Cancer of breast"]),
        ("Squamous cell carcinoma of larynx", ["Squamous cell larynx carcinoma", "Squamous cell carcinoma of the larynx"]),
        ("Knee pain", ["pain of the Knee", "pain of Knee"]),
        ("Fear of pain", []),
        ("Injury of bone and skin", []),
    ],
    "malignant-neoplasm": [
        ("Malignant neoplasm of breast", ["breast cancer", "cancer of breast", "cancer of the breast"]),
        ("Malignant lung tumor", ["lung cancer", "cancer of lung", "cancer of the lung"]),
        ("Secondary malignant neoplasm of bone", []),
        ("Malignant neoplasm of bone and skin", []),
    ],
    "organ-adjective": [
        ("Acute renal failure", ["Acute kidney failure"]),
        ("Lung cancer", ["pulmonary cancer"]),
        ("Cardiac arrest", []),
        ("Heart", []),
    ],
    "neoplasm": [("Lung neoplasms", ["Lung tumors"]), ("Brain tumour", []), ("Neoplasm", [])],
    "numeral": [
        ("Type II error", ["Type 2 error"]),
        ("Angina class 3", ["Angina class III"]),
        ("Cancer, stage IIIB", ["Cancer, stage 3B"]),
        ("Second degree burn", ["2nd degree burn"]),
        ("Mucopolysaccharidosis IV", ["Mucopolysaccharidosis 4"]),
        ("Blood group A", []),
        ("Type 14 strain", []),
    ],
    "greek": [("Alpha wave", ["α wave"]), ("TNF-α", ["TNF-alpha"]), ("Alphabet", [])],
    "connective": [
        ("Nausea and vomiting", ["Nausea & vomiting"]),
        ("Asthma w/o fever", ["Asthma without fever"]),
        ("Status post appendectomy", ["s/p appendectomy"]),
        ("Anemia due to bleeding", ["Anemia secondary to bleeding"]),
        ("Hand", []),
    ],
    "spelling": [
        ("Oesophageal tumour", ["esophageal tumor"]),
        ("Anemia", ["anaemia"]),
        ("Haemorrhagic diarrhoea", ["hemorrhagic diarrhea"]),
        ("Sleep apnea", ["sleep apnoea"]),
        ("Ischemic colitis", ["ischaemic colitis"]),
        ("Hemianopia", []),
        ("Systemic disease", []),
        ("Exercised", []),
        ("Tumoricidal", []),
        ("Angioedema", []),
    ],
    "compound": [
        ("Post-operative fever", ["Postoperative fever"]),
        ("Gall bladder polyp", ["gallbladder polyp"]),
        ("Gallbladder polyp", ["gall bladder polyp"]),
        ("Nonspecific colitis", ["Non specific colitis"]),
        ("Posture", []),
        ("X-ray", ["xray"]),
    ],
    "possessive": [
        ("Crohn's disease", ["Crohns disease"]),
        ("Parkinson disease", ["Parkinsons disease"]),
        ("Graves' disease", []),
    ],
    "plural": [
        ("Femur fracture", ["Femur fractures"]),
        ("Fractures of femur", ["fracture of femur"]),
        ("Metastasis", ["metastases"]),
        ("Lipoma", ["lipomas", "lipomata"]),
        ("Colonic diverticulum", ["Colonic diverticula"]),
        ("Biopsies", ["biopsy"]),
        ("Appendix", ["appendices"]),
        ("Intestinal diseases", ["Intestinal disease"]),
        ("Marfan syndrome", []),
        ("Diabetes", []),
        ("Sepsis", []),
        ("Pelvis", []),
    ],
    "acronym-plural": [],
}


@pytest.mark.parametrize(("rule", "term", "expected"), [(rule, *case) for rule, cases in CASES.items() for case in cases])
def test_cases(rule: str, term: str, expected: list[str]) -> None:
    assert made(row(term), only=rule) == expected


def test_acronyms_get_a_plural_that_keeps_its_case() -> None:
    found = list(variants([row("PVC", exact=True), row("MI", exact=True), row("AIDS", exact=True)]))
    assert [(one.term, one.exact, one.variant) for one in found[3:]] == [("PVCs", True, "acronym-plural")]


def test_every_rule_has_cases_and_a_line_in_the_page() -> None:
    names = [rule.name for rule in RULES]
    assert list(CASES) == names
    page = PAGE.read_text(encoding="utf-8")
    _, _, page = page.partition("## Variants")
    assert re.findall(r"^\| `([a-z-]+)` \|", page, re.MULTILINE) == [*names, *(skip.name for skip in SKIPPED)]


@pytest.mark.parametrize("rule", [rule.name for rule in RULES])
def test_a_rule_left_out_makes_nothing(rule: str) -> None:
    rows = [row(case[0]) for cases in CASES.values() for case in cases] + [row("PVC", exact=True)]
    assert {one.variant for one in variants(rows)} - {""} >= {rule}
    assert rule not in {one.variant for one in variants(rows, without=[rule])}


def test_unknown_rules_are_refused() -> None:
    with pytest.raises(UsageError, match="no rule 'plurals'"):
        list(variants([], only=["plurals"]))


def test_rules_work_on_what_others_made() -> None:
    found = list(variants([row("Tumours, Brain", rank=7)], without=["of-order"]))
    assert [(one.term, one.variant, one.rank) for one in found] == [
        ("Tumours, Brain", "", 7),
        ("Brain Tumours", "inversion", 8),
        ("tumors, brain", "spelling", 8),
        ("brain tumors", "spelling", 9),
        ("Brain tumour", "plural", 9),
        ("brain tumor", "plural", 10),
    ]


def test_what_takes_the_fewest_steps_is_kept() -> None:
    kept = made(row("Tumor of esophagus"))
    assert len(kept) == MAX_VARIANTS
    assert kept[:4] == ["esophagus Tumor", "Tumor of the esophagus", "tumour of oesophagus", "tumors of esophagus"]


def test_ranks_end_at_the_worst() -> None:
    assert [one.rank for one in variants([row("Anemia", rank=WORST_RANK)])] == [WORST_RANK, WORST_RANK]


def test_a_variant_is_its_original_otherwise() -> None:
    given = row("Anemia", preferred="anemia", source="S", term_type="PT", standard="S:1", standard_id=4, semantic_type="T")
    assert list(variants([given]))[1] == given._replace(term="anaemia", variant="spelling", rank=1)


def test_linking_only_and_long_surfaces_get_none() -> None:
    assert made(row("Anemia", use=LINK_ONLY), row("Anemia", exact=True), row("anemia of the old and very tired patient")) == []
    assert made(row("gall bladder", variant="short-word")) == []


def test_drugs_get_few() -> None:
    assert made(row("Acid, Boric", "medication")) == ["Boric Acid"]
    assert made(row("injection and tablet", "medication")) == []


def test_a_variant_never_shadows_a_name_of_a_source() -> None:
    report = new_report()
    rows = list(variants([row("Tumor"), row("tumour", label="finding", use=LINK_ONLY), row("TUMORS", exact=True)], report))
    assert [one.term for one in rows] == ["Tumor", "tumour", "TUMORS", "tumours"]
    assert report.tallies["in-source"].examples == [("Tumor", "tumour"), ("Tumor", "tumors")]


def test_two_surfaces_of_a_concept_make_a_variant_once_and_two_concepts_twice() -> None:
    report = new_report()
    rows = [row("Injuries, Knee", code="1"), row("Knees, Injuries", code="1"), row("Injuries, Knee", code="2")]
    found = list(variants(rows, report, only=["inversion"]))[3:]
    assert [(one.term, one.code) for one in found] == [("Knee Injuries", "1"), ("Injuries Knees", "1"), ("Knee Injuries", "2")]
    twice = list(variants([row("Injuries, Knee", code="1")] * 2, report, only=["inversion"]))
    assert [one.term for one in twice[2:]] == ["Knee Injuries"]
    assert report.counts["repeated"] == 1


def test_skipped_variants_are_counted() -> None:
    report = new_report()
    list(
        variants(
            [row("Blocks"), row("fractures of the left femur of the knee"), row("Type 1 tumour and oesophageal fracture")], report
        )
    )
    assert report.tallies["everyday-word"].examples == [("Blocks", "block")]
    assert report.counts["too-many"] > 0


_WORDS = """
    type II 2 stage IV tumour Tumor of the breast cancer fracture femur , , with without and & w/o s/p Crohn's disease anemia
    oedema alpha α gall bladder post-operative malignant neoplasm first 2nd metastases left ; ( ) acute Low PVC x-ray due to
    secondary
"""
WORDS = st.sampled_from(_WORDS.split())
TERMS = st.one_of(st.lists(WORDS, min_size=1, max_size=7).map(" ".join), st.text(min_size=1, max_size=10))
LABELS = st.sampled_from(["disorder", "medication", "anatomy", "own_label"])
ROWS = st.lists(st.builds(row, TERMS, LABELS, exact=st.booleans(), use=st.sampled_from(["", "", LINK_ONLY])), max_size=6)


@given(ROWS)
def test_what_holds_for_all(rows: list[Row]) -> None:
    report = new_report()
    found = list(variants(rows, report))
    assert found[: len(rows)] == rows
    new = found[len(rows) :]
    sources = {key(one.term) for one in rows}
    by_row: dict[tuple[str, str], int] = {}
    for one in new:
        assert one.variant in report.tallies
        assert key(one.term)
        assert key(one.term) not in sources
        assert one.exact or key(one.term) not in EVERYDAY | FUNCTION
        by_row[one.code, one.label] = by_row.get((one.code, one.label), 0) + 1
    assert len({(key(one.term), one.label, one.code) for one in new}) == len(new)
    assert len(new) <= MAX_VARIANTS * len(rows)
    assert (report.rows_in, report.rows_out) == (len(rows), len(found))
    assert sum(report.tallies[rule.name].count for rule in RULES) == len(new)


@given(ROWS)
def test_the_same_rows_give_the_same_rows_and_report(rows: list[Row]) -> None:
    reports = [new_report(), new_report()]
    assert list(variants(rows, reports[0])) == list(variants(rows, reports[1]))
    assert reports[0].to_dict() == reports[1].to_dict()


@given(ROWS)
def test_a_second_pass_makes_nothing_of_variants(rows: list[Row]) -> None:
    once = list(variants(rows))
    again = list(variants(once))
    assert again[: len(once)] == once
    assert all(one.variant for one in again[len(rows) :])


def test_more_than_one_block_is_spooled() -> None:
    rows = [row(f"Injuries, Knee {number}x", code=str(number)) for number in range(3000)]
    found = list(variants(rows, only=["inversion"]))
    assert [one.code for one in found[3000:]] == [str(number) for number in range(3000)]
