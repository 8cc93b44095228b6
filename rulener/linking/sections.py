"""What a section says of a concept that could be one of several: under "Medications" a drug is meant, under "Labs" a test.

By semantic type, as UMLS numbers or names it, so only lexicons that have semantic types profit. The lists are short on purpose: a
section is evidence between equals, nothing more.
"""

from __future__ import annotations

_DRUGS = frozenset(
    ("T109", "T114", "T116", "T121", "T123", "T125", "T127", "T129", "T195", "T197", "T200", "pharmacologic substance",
     "clinical drug", "antibiotic", "organic chemical", "vitamin", "hormone", "immunologic factor", "drug")
)  # fmt: skip
_ALLERGENS = _DRUGS | {"T168", "food", "T131", "hazardous or poisonous substance", "T002", "plant"}
_DISORDERS = frozenset(
    ("T019", "T020", "T037", "T046", "T047", "T048", "T190", "T191", "disease or syndrome", "neoplastic process",
     "pathologic function", "mental or behavioral dysfunction", "congenital abnormality", "injury or poisoning", "disease")
)  # fmt: skip
_COMPLAINTS = _DISORDERS | {"T184", "sign or symptom", "T033", "finding"}
_TESTS = frozenset(
    ("T034", "T059", "T060", "T201", "laboratory procedure", "laboratory or test result", "diagnostic procedure")
)  # fmt: skip
_OPERATIONS = frozenset(("T061", "T058", "therapeutic or preventive procedure"))
_TYPES = {
    "medications": _DRUGS, "medications_on_admission": _DRUGS, "medications_in_hospital": _DRUGS,
    "discharge_medications": _DRUGS, "immunizations": _DRUGS, "allergies": _ALLERGENS, "family_history": _DISORDERS,
    "past_medical_history": _DISORDERS, "assessment": _DISORDERS, "chief_complaint": _COMPLAINTS,
    "history_of_present_illness": _COMPLAINTS,
    "review_of_systems": _COMPLAINTS, "laboratory_data": _TESTS, "diagnostic_studies": _TESTS,
    "past_surgical_history": _OPERATIONS,
}  # fmt: skip


def expects(section: str | None, semantic_type: str | None) -> bool:
    """Whether this is a kind of thing that the section is about."""
    if section is None or semantic_type is None:
        return False
    types = _TYPES.get(section.replace("-", "_").lower())
    return types is not None and (semantic_type in types or semantic_type.lower() in types)
