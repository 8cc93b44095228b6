"""Bundles of FHIR R4: valid for fhir.resources, and what they say is what the documents say.

Validated with the sub-package R4B of fhir.resources: it has none for R4. R4B (4.3.0) changed no element of the resources that are
written here (Bundle, Condition, MedicationStatement, Procedure, Observation, FamilyMemberHistory, Device, Provenance).
"""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import rulener
from rulener.formats import fhir_bundles
from rulener.formats.fhir_bundles import KINDS, MENTION, NOTHING, SYSTEMS, kind_of
from rulener.formats.readers import Columns
from rulener.run.directory import run
from tests.formats.test_text_formats import NOTES, documents

EXAMPLES = sorted((Path(__file__).parents[2] / "examples" / "notes").glob("*.txt"))


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> rulener.Engine:
    return rulener.load(cache_dir=tmp_path_factory.mktemp("cache"))


def written(engine: rulener.Engine, folder: Path, notes: dict[str, str], **carried: Any) -> list[dict[str, Any]]:
    """The Bundles of some notes, of which all carry the same."""
    lines = [json.dumps({"id": note_id, "text": text, **carried}) + "\n" for note_id, text in notes.items()]
    (folder / "notes.jsonl").write_text("".join(lines))
    run(engine, [str(folder / "notes.jsonl")], str(folder / "out"), format=["fhir", "jsonl"], workers=1, overwrite=True,
        columns=Columns(carry=("*",)))  # fmt: skip
    return [json.loads(line) for line in (folder / "out/part-00000.fhir.ndjson").read_bytes().splitlines()]


def one(engine: rulener.Engine, folder: Path, text: str, **carried: Any) -> list[dict[str, Any]]:
    """The resources of one note, without Device and Provenance."""
    (bundle,) = written(engine, folder, {"a": text}, **carried)
    return [found for found in resources(bundle) if found["resourceType"] not in ("Device", "Provenance")]


def resources(bundle: dict[str, Any]) -> list[dict[str, Any]]:
    return [entry["resource"] for entry in bundle.get("entry", [])]


def mention(resource: dict[str, Any]) -> dict[str, Any]:
    (found,) = (extension for extension in resource["extension"] if extension["url"] == MENTION)
    return {part["url"]: next(value for name, value in part.items() if name != "url") for part in found["extension"]}


def status(resource: dict[str, Any], name: str) -> str | None:
    return resource[name]["coding"][0]["code"] if name in resource else None


def validated(bundle: dict[str, Any]) -> None:
    """As fhir.resources reads it, the Bundle and each resource for itself; nothing is lost on the way."""
    pytest.importorskip("fhir.resources", reason="the extra [fhir] has it")
    from fhir.resources.R4B import get_fhir_model_class

    model = get_fhir_model_class("Bundle").model_validate(bundle)
    again = json.loads(model.model_dump_json())
    assert again == json.loads(json.dumps(bundle))
    for resource in resources(bundle):
        get_fhir_model_class(resource["resourceType"]).model_validate(resource)


@pytest.mark.parametrize("carried", [{}, {"patient": "Patient/7", "encounter": "urn:enc|e 1", "date": "2024-02-03T10:00:00Z"}])
def test_the_example_notes_are_valid(engine: rulener.Engine, tmp_path: Path, carried: dict[str, str]) -> None:
    bundles = written(engine, tmp_path, {path.stem: path.read_text() for path in EXAMPLES} | NOTES, **carried)
    kinds = set()
    for bundle, document in zip(bundles, documents(tmp_path / "out"), strict=True):
        validated(bundle)
        found = resources(bundle)
        mentions = [one for one in found if one["resourceType"] not in ("Device", "Provenance")]
        left_out = sum(
            part["valueUnsignedInt"]
            for extension in bundle.get("meta", {}).get("extension", [])
            for part in extension["extension"]
            if part["url"] == "count"
        )
        assert len(mentions) + left_out == len(document["entities"])
        at = {(entity["start"], entity["end"], entity["label"]): entity for entity in document["entities"]}
        for resource in mentions:
            said = mention(resource)
            entity = at[said["start"], said["end"], said["label"]]
            for name in ("negated", "uncertain", "historical", "hypothetical", "family", "rule"):
                assert said[name] == entity[name]
        kinds |= {one["resourceType"] for one in found}
        ids = [one["id"] for one in found]
        assert len(set(ids)) == len(ids)
        assert all(str(uuid.UUID(entry["fullUrl"])) == entry["resource"]["id"] for entry in bundle.get("entry", []))
    assert kinds == {
        "Condition", "MedicationStatement", "Procedure", "Observation", "FamilyMemberHistory", "Device", "Provenance",
    }  # fmt: skip


CONDITIONS = {
    "Has pneumonia.": ("confirmed", "active"),
    "No pneumonia.": ("refuted", None),
    "Possible pneumonia.": ("unconfirmed", "active"),
    "History of pneumonia.": ("confirmed", "inactive"),
    "Past medical history:\nPneumonia.": ("confirmed", None),
    "No history of pneumonia.": ("refuted", None),
}


@pytest.mark.parametrize("text", CONDITIONS)
def test_statuses_of_conditions(engine: rulener.Engine, tmp_path: Path, text: str) -> None:
    (condition,) = one(engine, tmp_path, text)
    assert condition["resourceType"] == "Condition"
    assert (status(condition, "verificationStatus"), status(condition, "clinicalStatus")) == CONDITIONS[text]


OTHERS = {
    "Takes aspirin.": ("MedicationStatement", "active"),
    "Not on aspirin.": ("MedicationStatement", "not-taken"),
    "Previously on aspirin.": ("MedicationStatement", "completed"),
    "Appendectomy.": ("Procedure", "unknown"),
    "History of appendectomy.": ("Procedure", "completed"),
    "No appendectomy.": ("Procedure", "not-done"),
    "WBC 11.8.": ("Observation", "final"),
    "Sodium was drawn.": ("Observation", "unknown"),
}


@pytest.mark.parametrize("text", OTHERS)
def test_statuses_of_the_others(engine: rulener.Engine, tmp_path: Path, text: str) -> None:
    found = one(engine, tmp_path, text)
    assert [(resource["resourceType"], resource["status"]) for resource in found] == [OTHERS[text]]


@pytest.mark.parametrize(
    ("axes", "expected"),
    [
        ({}, "active"), ({"uncertain": True, "negated": True}, "unknown"), ({"hypothetical": True}, "intended"),
        ({"hypothetical": True, "negated": True}, "not-taken"), ({"negated": None}, "unknown"), ({"historical": None}, "unknown"),
    ],
)  # fmt: skip
def test_statuses_of_medications(axes: dict[str, bool | None], expected: str) -> None:
    entity = SimpleNamespace(**{"negated": False, "uncertain": False, "historical": False, "hypothetical": False} | axes)
    assert fhir_bundles._medication_status(entity) == expected  # type: ignore[arg-type]


def left_out(bundle: dict[str, Any]) -> dict[str, int]:
    found = [[part for part in one["extension"]] for one in bundle.get("meta", {}).get("extension", [])]
    return {reason["valueString"]: count["valueUnsignedInt"] for reason, count in found}


def test_what_becomes_nothing_is_counted_and_named(engine: rulener.Engine, tmp_path: Path) -> None:
    text = "Return if fever. No family history of asthma. MRN 1234567. Left knee on 03/04/2019.\nFamily history:\nAspirin."
    (bundle,) = written(engine, tmp_path, {"a": text})
    entities = documents(tmp_path / "out")[0]["entities"]
    assert left_out(bundle) == {
        "Condition that is hypothetical": 1,
        "FamilyMemberHistory that is negated, uncertain or hypothetical": 1,
        "MedicationStatement of a relative": 1,
        "label anatomy": sum(entity["label"] == "anatomy" for entity in entities),
        "label date": 1,
        "label identifier": 1,
    }
    assert "entry" not in bundle
    validated(bundle)


def test_family_history(engine: rulener.Engine, tmp_path: Path) -> None:
    (found,) = one(engine, tmp_path, "Mother had asthma.", patient="Patient/7")
    assert (found["resourceType"], found["status"], found["patient"]) == (
        "FamilyMemberHistory", "partial", {"reference": "Patient/7"},
    )  # fmt: skip
    assert (found["relationship"]["text"], found["relationship"]["coding"][0]["code"]) == ("Mother", "FAMMEMB")
    assert found["condition"][0]["code"]["text"] == "asthma"


def test_codes(tmp_path: Path) -> None:
    rows = [
        "term\tlabel\tsystem\tcode\tpreferred\tstandard\tstandard_id\tstandard_name",
        "glorpitis\tdisorder\tICD10CM\tX1\tglorpitis, acute\tSNOMEDCT:77\t4\tGlorpitis (disorder)",
        "glorpitis\tdisorder\tSNOMEDCT\t78\t\t\t\t",
        "zorbosis\tdisorder\tMESH\tD1\tzorbosis one\t\t\t",
        "zorbosis\tdisorder\tMESH\tD2\tzorbosis two\t\t\t",
        "plinkoma\tdisorder\tOUR LAB\tp 1\t\t\t\t",
        "snarfoma\tdisorder\t\t\t\t\t\t",
    ]
    (tmp_path / "t.tsv").write_text("".join(f"{row}\n" for row in rows))
    engine = rulener.load(lexicons=[tmp_path / "t.tsv"], cache_dir=tmp_path / "cache")
    found = one(engine, tmp_path, "Glorpitis, zorbosis,\nplinkoma and snarfoma.")
    codes = [resource["code"] for resource in found]
    assert codes[0] == {
        "coding": [
            {"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "X1", "display": "glorpitis, acute"},
            {"system": "http://snomed.info/sct", "code": "77", "display": "Glorpitis (disorder)"},
        ],
        "text": "Glorpitis",
    }
    assert "coding" not in codes[1]
    assert [one["valueCoding"]["code"] for one in codes[1]["extension"]] == ["D1", "D2"]
    assert codes[2]["coding"] == [{"system": "urn:rulener:fhir:system:OUR_LAB", "code": "p 1", "display": "plinkoma"}]
    assert codes[3] == {"text": "snarfoma"}


def test_values(engine: rulener.Engine, tmp_path: Path) -> None:
    text = "A1c 8.1 %. BP 120/80. Troponin < 0.01. LVEF 30-35 %. ASA class II."
    found = {resource["code"]["text"]: resource for resource in one(engine, tmp_path, text)}
    assert found["A1c"]["valueQuantity"] == {"value": 8.1, "unit": "%"}
    assert found["Troponin"]["valueQuantity"] == {"value": 0.01, "comparator": "<"}
    assert [(part["code"]["text"], part["valueQuantity"]["value"]) for part in found["BP"]["component"]] == [
        ("systolic", 120), ("diastolic", 80),
    ]  # fmt: skip
    assert found["LVEF"]["valueRange"]["low"]["value"] == 30
    assert found["ASA class"]["valueString"] == "II"
    validated(written(engine, tmp_path, {"a": text})[0])


def test_references(engine: rulener.Engine, tmp_path: Path) -> None:
    carried = {"patient": "urn:mrn|42", "encounter": "Encounter/9", "date": "2024-05-06T07:08:09"}
    carried["resource"] = "DiagnosticReport/3"
    condition, drug, lab = one(engine, tmp_path, "Asthma. Aspirin. WBC 11.", **carried)
    assert condition["subject"] == {"type": "Patient", "identifier": {"system": "urn:mrn", "value": "42"}}
    assert condition["encounter"] == drug["context"] == lab["encounter"] == {"reference": "Encounter/9"}
    assert (condition["recordedDate"], drug["dateAsserted"]) == ("2024-05-06", "2024-05-06")
    assert condition["evidence"][0]["detail"] == drug["derivedFrom"] == [{"reference": "DiagnosticReport/3"}]
    assert "derivedFrom" not in lab
    (without,) = one(engine, tmp_path, "Asthma.")
    assert without["subject"]["extension"][0]["valueCode"] == "unknown"
    assert without["evidence"][0]["detail"] == [{"type": "DocumentReference", "identifier": {"value": "a"}}]
    bundle = written(engine, tmp_path, {"a": "Asthma."}, patient=17)[0]
    assert resources(bundle)[0]["subject"]["identifier"] == {"value": "17"}
    device, provenance = resources(bundle)[-2:]
    assert device["version"][1]["value"] == engine.fingerprint
    assert provenance["target"] == [{"reference": bundle["entry"][0]["fullUrl"]}]
    assert provenance["agent"][0]["who"]["reference"] == bundle["entry"][1]["fullUrl"]


def test_ids_are_those_of_note_and_mention(engine: rulener.Engine, tmp_path: Path) -> None:
    first = one(engine, tmp_path, "Asthma. Fever.")
    again = one(engine, tmp_path, "Asthma. Cough.", patient="Patient/1")
    assert first[0]["id"] == again[0]["id"]
    assert first[1]["id"] != again[1]["id"]
    bundles = written(engine, tmp_path, {"a": "Asthma.", "b": "Asthma."})
    assert resources(bundles[0])[0]["id"] == first[0]["id"] != resources(bundles[1])[0]["id"]


def test_every_shipped_label_is_in_the_table(engine: rulener.Engine) -> None:
    assert set(engine.labels) <= KINDS.keys() | NOTHING
    assert kind_of("our_label", {"our_label": "problem"}) == "Condition"
    assert kind_of("device", {"device": "treatment"}) is None
    assert kind_of("our_label", {}) is None
    assert all(uri.startswith("http") for uri in SYSTEMS.values())


def test_the_page_has_the_tables_of_the_code() -> None:
    text = (Path(__file__).parents[2] / "docs/guide/formats.md").read_text(encoding="utf-8")
    for name in (*KINDS, *NOTHING, *SYSTEMS):
        assert f"`{name}`" in text, name
    for uri in SYSTEMS.values():
        assert uri in text, uri


def test_the_i2b2_scheme(engine: rulener.Engine, tmp_path: Path) -> None:
    scheme = rulener.Engine(engine.path, scheme="i2b2")
    (bundle,) = written(scheme, tmp_path, {"a": "Diabetes after appendectomy. Chest X-ray."})
    assert [resource["resourceType"] for resource in resources(bundle)[:-2]] == ["Condition", "Observation"]
    assert left_out(bundle) == {"label treatment": 1}  # no code says whether it is a drug
    (tmp_path / "t.tsv").write_text("term\tlabel\tsystem\tcode\nglorpin\tmedication\tRXNORM\t1\nglorping\tprocedure\tCPT4\t2\n")
    other = rulener.load(lexicons=[tmp_path / "t.tsv"], scheme="i2b2", cache_dir=tmp_path / "cache")
    assert [one["resourceType"] for one in one(other, tmp_path, "Glorpin. Glorping.")] == ["MedicationStatement", "Procedure"]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.text(max_size=25), st.none() | st.text(max_size=12) | st.integers())
def test_any_text_and_metadata_is_valid(value: str, other: Any) -> None:
    """Notes and metadata of any characters, through the parts that turn them into FHIR."""
    pytest.importorskip("fhir.resources", reason="the extra [fhir] has it")
    entity = SimpleNamespace(
        start=0, end=len(value), text=value, label="disorder", concepts=(), linking=None, section=value or None, rule=None,
        attributes={}, cues=(), negated=False, uncertain=None, historical=None, hypothetical=False, family=False,
    )  # fmt: skip
    metadata = {"patient": other, "encounter": value, "date": other, "resource": value}
    document = SimpleNamespace(note_id=value, text=value, entities=[entity, entity], metadata=metadata)
    note = fhir_bundles._Note(document, {"disorder": "Condition"}, "f" * 64)  # type: ignore[arg-type]
    validated(json.loads(json.dumps(note.bundle())))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2024", "2024"), ("2024-02", "2024-02"), ("2024-02-03", "2024-02-03"), ("2024-02-30", None), ("2024-13", None),
        ("2024-02-03T10:11:12Z", "2024-02-03T10:11:12Z"), ("2024-02-03T10:11:12.5+02:00", "2024-02-03T10:11:12.5+02:00"),
        ("2024-02-03T10:11:12", "2024-02-03"), ("2024-02-03 10:11", "2024-02-03"), ("20240203", None), ("3/4/2024", None),
        ("2024-02-03T29:11:12Z", None), ("", None), (None, None), (2024, None),
    ],
)  # fmt: skip
def test_dates(value: Any, expected: str | None) -> None:
    assert fhir_bundles._date(value) == expected
