"""The shipped lexicons: their format, their content rules, and that every code is in a public table under that name."""

from __future__ import annotations

import csv
import gzip
import re
from collections import defaultdict
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml

from rulener.packs.model import Pattern, Term
from rulener.packs.parse import parse_pack

ROOT = Path(__file__).resolve().parents[2]
LEXICONS = ROOT / "lexicons"
REFERENCE = ROOT.parent / "shared" / "data" / "reference" / "clinical_terms_all.tsv.gz"

COLUMNS = ["term", "label", "system", "code", "preferred", "case"]
FILES = {
    "anatomy.tsv": "anatomy",
    "devices.tsv": "device",
    "diagnostic_procedures.tsv": "diagnostic_procedure",
    "disorders.tsv": "disorder",
    "findings.tsv": "finding",
    "imaging.tsv": "imaging",
    "lab_tests.tsv": "lab_test",
    "medications.tsv": "medication",
    "procedures.tsv": "procedure",
    "substances.tsv": "substance",
    "symptoms.tsv": "symptom",
    "vital_signs.tsv": "vital_sign",
}
CONDITIONS = ("disorders.tsv", "symptoms.tsv", "findings.tsv", "anatomy.tsv")
SYSTEMS = {
    "DOID": re.compile(r"\d+"),
    "ICD10CM": re.compile(r"[A-Z]\d[0-9A-Z](\.[0-9A-Z]{1,4})?"),
    "MESH": re.compile(r"[CD]\d+"),
    "NCIT": re.compile(r"C\d+"),
    "RXNORM": re.compile(r"\d+"),
}
MIN_CONCEPTS = 1_200
MIN_SURFACES = 3_000

# Short abbreviations that mean the same in lower case and are no word, name or unit there.
UNMISTAKABLE = {
    "ABG", "AFB", "BKA", "BMI", "BNP", "BP", "CPK", "CPR", "CXR", "DXA", "ECG", "EEG", "EGD", "EKG", "EMG", "FNA", "FSH", "GCS",
    "GFR", "GGT", "HDL", "IUD", "KOH", "LDH", "LDL", "LFT", "LSD", "MCV", "PFT", "PTH", "PTT", "RBC", "RDW", "TKA", "TKR", "VBG",
    "VEP", "WBC", "XRT",
}  # fmt: skip

# A term that starts with one of these would carry its context with it; context belongs to the context rules.
CONTEXT_STARTS = (
    "no ", "not ", "without ", "denies ", "denied ", "negative for ", "absence of ", "absent ", "lack of ",
    "history of ", "h/o ", "hx of ", "past ", "prior ", "previous ", "old ", "family history ", "status post ", "s/p ",
    "possible ", "probable ", "suspected ", "likely ", "rule out ", "r/o ", "questionable ", "risk of ", "risk for ",
)  # fmt: skip


class Row(NamedTuple):
    term: str
    label: str
    system: str
    code: str
    preferred: str
    case: str


@cache
def rows(name: str) -> tuple[Row, ...]:
    """The rows of one lexicon. Fields that are missing or too many are the format test's business."""
    lines = (LEXICONS / name).read_text(encoding="utf-8").split("\n")[1:-1]
    return tuple(Row(*(line.split("\t") + [""] * 6)[:6]) for line in lines)


def present() -> list[str]:
    return sorted(path.name for path in LEXICONS.glob("*.tsv"))


def all_rows() -> list[tuple[str, Row]]:
    return [(name, row) for name in present() for row in rows(name)]


def match_key(term: str) -> str:
    """The surface as the matcher sees it, nearly: case, hyphens, slashes, apostrophes and possessives folded."""
    folded = re.sub(r"['’]s\b", "", term.casefold())
    return " ".join(re.sub(r"[-/\s'’]+", " ", folded).split())


def table_key(term: str) -> str:
    """The name as it is looked up in the public tables: case folded, punctuation and spaces collapsed."""
    folded = re.sub(r"['’]s\b", "", term.casefold())
    return " ".join(re.sub(r"[\W_]+", " ", folded).split())


every_lexicon = pytest.mark.parametrize("name", present())


def test_only_known_files_are_here() -> None:
    assert set(present()) <= set(FILES)
    assert set(CONDITIONS) <= set(present())


@every_lexicon
def test_bytes_and_header(name: str) -> None:
    data = (LEXICONS / name).read_bytes()
    assert b"\r" not in data
    assert not data.startswith(b"\xef\xbb\xbf")
    assert data.endswith(b"\n")
    assert not data.endswith(b"\n\n")
    assert data.decode("utf-8").split("\n")[0].split("\t") == COLUMNS


@every_lexicon
def test_every_line_has_six_clean_fields(name: str) -> None:
    bad = []
    for number, line in enumerate((LEXICONS / name).read_text(encoding="utf-8").split("\n")[1:-1], start=2):
        fields = line.split("\t")
        if len(fields) != len(COLUMNS) or any(" ".join(field.split()) != field for field in fields) or '"' in line:
            bad.append(f"{name}:{number}")
    assert bad == []


@every_lexicon
def test_rows_are_sorted_and_unique(name: str) -> None:
    keys = [(row.label, row.preferred, row.term, row.system, row.code) for row in rows(name)]
    misplaced = [f"{name}:{i + 3}" for i in range(len(keys) - 1) if keys[i] >= keys[i + 1]]
    assert misplaced == []


@every_lexicon
def test_values_are_of_the_declared_kinds(name: str) -> None:
    bad = [
        row
        for row in rows(name)
        if not (row.term and row.preferred and row.label == FILES[name] and row.case in ("", "exact") and code_is_shaped(row))
    ]
    assert bad == []


def code_is_shaped(row: Row) -> bool:
    if not row.system and not row.code:
        return True
    return row.system in SYSTEMS and SYSTEMS[row.system].fullmatch(row.code) is not None


def test_labels_are_those_of_the_english_pack() -> None:
    pack = yaml.safe_load((ROOT / "rules" / "english" / "pack.yaml").read_text(encoding="utf-8"))
    assert {FILES[name] for name in present()} <= {label["id"] for label in pack["labels"]}


@every_lexicon
def test_short_capital_terms_keep_their_case(name: str) -> None:
    short = {row for row in rows(name) if len(row.term) <= 3 and row.term.isalpha() and row.term.isupper()}
    loose = {row.term for row in short if row.case != "exact"}
    assert loose - UNMISTAKABLE == set()


@every_lexicon
def test_a_term_has_one_case_rule_per_concept(name: str) -> None:
    cases = defaultdict(set)
    for row in rows(name):
        cases[row.preferred, row.term].add(row.case)
    assert [key for key, values in cases.items() if len(values) > 1] == []


@every_lexicon
def test_no_term_is_one_character(name: str) -> None:
    assert {row.term for row in rows(name) if len(row.term) < 2} == set()


@every_lexicon
def test_no_term_starts_with_context_words(name: str) -> None:
    starts = tuple(start.replace("/", " ") for start in CONTEXT_STARTS)
    assert {row.term for row in rows(name) if (row.term.casefold().replace("/", " ") + " ").startswith(starts)} == set()


@every_lexicon
def test_a_concept_has_at_most_one_code_per_system(name: str) -> None:
    codes = defaultdict(set)
    for row in rows(name):
        if row.system:
            codes[row.preferred, row.system].add(row.code)
    assert {key: values for key, values in codes.items() if len(values) > 1} == {}


@every_lexicon
def test_a_coded_term_has_no_uncoded_row(name: str) -> None:
    coded = {(row.preferred, row.term) for row in rows(name) if row.system}
    uncoded = {(row.preferred, row.term) for row in rows(name) if not row.system}
    assert coded & uncoded == set()


def test_a_problem_or_anatomy_surface_names_one_concept() -> None:
    owners = defaultdict(set)
    for name in CONDITIONS:
        for row in rows(name):
            owners[match_key(row.term), row.term if row.case else ""].add((row.label, row.preferred))
    assert {key: values for key, values in owners.items() if len(values) > 1} == {}


def test_no_surface_is_listed_twice_under_one_key() -> None:
    """Spellings that the matcher folds together are one surface and need one row."""
    spellings = defaultdict(set)
    for name in CONDITIONS:
        for row in rows(name):
            if not row.case:
                spellings[row.label, row.preferred, match_key(row.term)].add(row.term)
    assert {key: values for key, values in spellings.items() if len(values) > 1} == {}


def test_there_is_enough_content() -> None:
    concepts = {(row.label, row.preferred) for _, row in all_rows()}
    surfaces = {match_key(row.term) for _, row in all_rows()}
    assert len(concepts) >= MIN_CONCEPTS
    assert len(surfaces) >= MIN_SURFACES


@pytest.mark.parametrize(
    ("name", "term", "case", "preferred"),
    [
        ("disorders.tsv", "heart attack", "", "myocardial infarction"),
        ("disorders.tsv", "type II diabetes", "", "type 2 diabetes mellitus"),
        ("disorders.tsv", "CHF", "exact", "congestive heart failure"),
        ("disorders.tsv", "anaemia", "", "anemia"),
        ("symptoms.tsv", "headaches", "", "headache"),
        ("symptoms.tsv", "SOB", "exact", "shortness of breath"),
        ("findings.tsv", "JVD", "exact", "jugular venous distension"),
        ("findings.tsv", "oedema", "", "edema"),
        ("anatomy.tsv", "LLL", "exact", "left lower lobe"),
        ("anatomy.tsv", "lower extremities", "", "lower extremity"),
    ],
)
def test_everyday_surfaces_are_covered(name: str, term: str, case: str, preferred: str) -> None:
    assert (term, case, preferred) in {(row.term, row.case, row.preferred) for row in rows(name)}


@cache
def english_rules() -> tuple[Term | Pattern, ...]:
    pack, findings = parse_pack(ROOT / "rules" / "english")
    assert pack is not None, findings
    return (*pack.terms, *pack.patterns)


@pytest.fixture(scope="module")
def public_names() -> dict[tuple[str, str], set[str]]:
    """(system, code) -> its names in the public tables, folded."""
    if not REFERENCE.is_file():
        pytest.skip(f"the public code tables are not here ({REFERENCE.name})")
    wanted = {(row.system, row.code) for _, row in all_rows() if row.system}
    wanted |= {(concept.system, concept.code) for rule in english_rules() for concept in rule.concepts}
    names: dict[tuple[str, str], set[str]] = defaultdict(set)
    with gzip.open(REFERENCE, "rt", encoding="utf-8", newline="") as stream:
        for system, code, _, term, *_ in csv.reader(stream, delimiter="\t", quoting=csv.QUOTE_NONE):
            key = (system.upper(), code.removeprefix(f"{system}:"))  # the OMOP sample writes "RxNorm"
            if key in wanted:
                names[key].add(table_key(term))
    return names


@every_lexicon
def test_every_code_is_in_the_public_tables_under_this_name(name: str, public_names: dict[tuple[str, str], set[str]]) -> None:
    unverified = [
        row
        for row in rows(name)
        if row.system and not {table_key(row.term), table_key(row.preferred)} & public_names.get((row.system, row.code), set())
    ]
    assert unverified == []


def test_every_code_of_the_english_pack_is_in_the_public_tables(public_names: dict[tuple[str, str], set[str]]) -> None:
    wrong = []
    for rule in english_rules():
        names = {table_key(name) for name in (rule.name, *(text.value for text in getattr(rule, "any", ())))}
        for concept in rule.concepts:
            if not names & public_names[concept.system, concept.code]:
                wrong.append(f"{rule.id}: {concept.system}:{concept.code}")
    assert wrong == []
