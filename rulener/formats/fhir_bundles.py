"""FHIR R4: of each note a Bundle (type collection), one a line. A mention is a Condition, MedicationStatement, Procedure,
Observation or FamilyMemberHistory; docs/guide/formats.md says which, and what its statuses mean.

Ids are name-based UUIDs (RFC 4122, version 5) of note and mention, so the same notes give the same Bundles; no field tells a time
that the note does not.
"""

from __future__ import annotations

import datetime
import json
import re
import uuid
from collections import Counter
from typing import TYPE_CHECKING, Any

from rulener import __version__
from rulener.core.columns import AXES
from rulener.formats.texts import good_documents, utf8

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rulener.core.columns import Batch, Document, Entity
    from rulener.core.views import Attribute, Concept
    from rulener.formats.sink import Sink

    Resource = dict[str, Any]

BASE = "urn:rulener:fhir"
MENTION, CANDIDATE, LEFT_OUT = f"{BASE}:mention", f"{BASE}:candidate", f"{BASE}:left-out"
"""The urls of the extensions."""

CONDITION, MEDICATION, PROCEDURE, OBSERVATION = "Condition", "MedicationStatement", "Procedure", "Observation"
_TREATMENT = "treatment"  # of the i2b2 scheme: a drug or a procedure, as its concept says

KINDS = {
    "disorder": CONDITION, "symptom": CONDITION, "finding": CONDITION, "problem": CONDITION, "diagnosis": CONDITION,
    "medication": MEDICATION,
    "procedure": PROCEDURE, "diagnostic_procedure": PROCEDURE, "imaging": PROCEDURE,
    "lab_test": OBSERVATION, "vital_sign": OBSERVATION, "measurement": OBSERVATION, "test": OBSERVATION,
    "treatment": _TREATMENT,
}  # fmt: skip
"""Which label becomes which resource; other labels are what their scheme i2b2 makes of them, or nothing."""

NOTHING = frozenset({"device", "substance", "anatomy", "quantity", "identifier", "date", "age"})
"""Labels that become nothing, whatever a scheme makes of them."""

SYSTEMS = {
    "SNOMEDCT": "http://snomed.info/sct",
    "SNOMEDCT_US": "http://snomed.info/sct",
    "RXNORM": "http://www.nlm.nih.gov/research/umls/rxnorm",
    "LOINC": "http://loinc.org",
    "ICD10": "http://hl7.org/fhir/sid/icd-10",
    "ICD10CM": "http://hl7.org/fhir/sid/icd-10-cm",
    "ICD10PCS": "http://www.cms.gov/Medicare/Coding/ICD10",
    "ICD9CM": "http://hl7.org/fhir/sid/icd-9-cm",
    "UMLS": "http://terminology.hl7.org/CodeSystem/umls",
    "MESH": "https://www.nlm.nih.gov/mesh",
    "NCIT": "http://ncicb.nci.nih.gov/xml/owl/EVS/Thesaurus.owl",
    "ATC": "http://www.whocc.no/atc",
    "CPT4": "http://www.ama-assn.org/go/cpt",
    "CVX": "http://hl7.org/fhir/sid/cvx",
    "NDC": "http://hl7.org/fhir/sid/ndc",
    "UNII": "http://fdasis.nlm.nih.gov",
    "HP": "http://human-phenotype-ontology.org",
    "HPO": "http://human-phenotype-ontology.org",
    "MONDO": "http://purl.obolibrary.org/obo/mondo.owl",
    "DOID": "http://purl.obolibrary.org/obo/doid.owl",
    "OMIM": "http://www.omim.org",
    "ORPHANET": "http://www.orpha.net",
}
"""Code systems and their URIs; another has `urn:rulener:fhir:system:NAME`."""

_DRUG_SYSTEMS = frozenset({"RXNORM", "RXNORM_EXT", "NDC", "ATC", "CVX", "UNII"})
_PROCEDURE_SYSTEMS = frozenset({"CPT4", "HCPCS", "ICD10PCS", "ICD9PROC", "OPCS4"})
_COMPARATORS = {"<": "<", ">": ">", "≤": "<=", "≥": ">=", "less than": "<", "greater than": ">"}
_OF_VALUE = frozenset({"value", "high", "unit", "comparator"})
_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, BASE)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
_SPACE = re.compile(r"\s+")
_LITERAL = re.compile(r"(?:https?://\S+/)?[A-Z][A-Za-z]+/[A-Za-z0-9.-]{1,64}(?:/_history/[A-Za-z0-9.-]{1,64})?|urn:(?:uuid|oid):\S+")
_DATE = re.compile(r"(\d{4}(?:-(?:0[1-9]|1[0-2])(?:-(?:0[1-9]|[12]\d|3[01]))?)?)(T\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d))?")
_ABSENT = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
_CODE_SYSTEM = "http://terminology.hl7.org/CodeSystem"


class FhirWriter:
    """`left_out` counts by reason the mentions that became nothing."""

    def __init__(self, sink: Sink, engine: Any) -> None:
        self.left_out: Counter[str] = Counter()
        self._sink = sink
        self._engine = engine.fingerprint
        schemes: dict[str, dict[str, str]] = engine.info()["schemes"]
        self._kinds = {label: kind for label in engine.labels if (kind := kind_of(label, schemes.get("i2b2", {}))) is not None}

    def write(self, batch: Batch) -> None:
        for document in good_documents(batch):
            note = _Note(document, self._kinds, self._engine)
            bundle = note.bundle()
            self.left_out.update(note.left_out)
            self._sink.write(utf8(json.dumps(bundle, ensure_ascii=False, separators=(",", ":")) + "\n"))

    def close(self) -> None:
        """Every line is written already."""


def kind_of(label: str, i2b2: dict[str, str]) -> str | None:
    """The resource for a label, or None. `i2b2` is what that scheme makes of the packs' labels."""
    return None if label in NOTHING else KINDS.get(label) or KINDS.get(i2b2.get(label, ""))


class _Note:
    """The resources of one note."""

    def __init__(self, document: Document, kinds: dict[str, str], engine: str) -> None:
        self._document = document
        self._kinds = kinds
        self._engine = engine
        self._id = str(document.note_id)
        carried = document.metadata
        self._note = _reference(carried.get("resource"), "DocumentReference") or _logical("DocumentReference", self._id)
        self._patient = _reference(carried.get("patient"), "Patient")
        self._encounter = _reference(carried.get("encounter"), "Encounter")
        self._date = _date(carried.get("date"))
        self._seen: Counter[tuple[Any, ...]] = Counter()
        self.left_out: Counter[str] = Counter()

    def bundle(self) -> Resource:
        resources = [made for entity in self._document.entities if (made := self._resource(entity)) is not None]
        if resources:
            resources += self._made_by(resources)
        bundle: Resource = {"resourceType": "Bundle", "id": _uuid("Bundle", self._id)}
        if self.left_out:
            bundle["meta"] = {"extension": [_left_out(reason, count) for reason, count in sorted(self.left_out.items())]}
        bundle["identifier"] = {"system": f"{BASE}:note", "value": _words(self._id) or "_"}
        bundle["type"] = "collection"
        if resources:
            bundle["entry"] = [{"fullUrl": f"urn:uuid:{one['id']}", "resource": one} for one in resources]
        return bundle

    def _resource(self, entity: Entity) -> Resource | None:
        """What a mention becomes; None when nothing, and why is counted."""
        kind = self._kinds.get(entity.label)
        if kind == _TREATMENT:
            systems = {concept.system for concept in entity.concepts}
            kind = MEDICATION if systems & _DRUG_SYSTEMS else PROCEDURE if systems & _PROCEDURE_SYSTEMS else None
        if kind is None:
            return self._nothing(f"label {entity.label}")
        if entity.family:
            if kind != CONDITION:
                return self._nothing(f"{kind} of a relative")
            if entity.negated or entity.uncertain or entity.hypothetical:
                return self._nothing("FamilyMemberHistory that is negated, uncertain or hypothetical")
            return self._family_history(entity)
        if entity.hypothetical and kind != MEDICATION:
            return self._nothing(f"{kind} that is hypothetical")
        makers = {CONDITION: self._condition, MEDICATION: self._medication, PROCEDURE: self._procedure}
        return makers.get(kind, self._observation)(entity)

    def _nothing(self, reason: str) -> Resource | None:
        self.left_out[reason] += 1
        return None

    # --- the resources

    def _condition(self, entity: Entity) -> Resource:
        made = self._begun(CONDITION, entity)
        verification = _verification(entity)
        clinical = None if verification == "refuted" else _clinical(entity)
        if clinical is not None:
            made["clinicalStatus"] = _status("condition-clinical", clinical)
        if verification is not None:
            made["verificationStatus"] = _status("condition-ver-status", verification)
        made |= {"code": _code(entity), "subject": self._subject(), **self._in_encounter("encounter")}
        if self._date is not None:
            made["recordedDate"] = self._date
        return made | {"evidence": [{"detail": [self._note]}]}

    def _medication(self, entity: Entity) -> Resource:
        made = self._begun(MEDICATION, entity) | {"status": _medication_status(entity)}
        made |= {"medicationCodeableConcept": _code(entity), "subject": self._subject(), **self._in_encounter("context")}
        if self._date is not None:
            made["dateAsserted"] = self._date
        made["derivedFrom"] = [self._note]
        dosage = _words(" ".join(one.text for one in sorted(entity.attributes.values(), key=lambda one: one.start)))
        return made | ({"dosage": [{"text": dosage}]} if dosage else {})

    def _procedure(self, entity: Entity) -> Resource:
        status = "not-done" if entity.negated and not entity.uncertain else "unknown"
        if status == "unknown" and entity.historical and not entity.uncertain:
            status = "completed"
        made = self._begun(PROCEDURE, entity) | {"status": status, "code": _code(entity), "subject": self._subject()}
        return made | self._in_encounter("encounter")

    def _observation(self, entity: Entity) -> Resource:
        made = self._begun(OBSERVATION, entity)
        values = {} if entity.negated else _values(entity.attributes)
        certain = not entity.uncertain and not entity.negated
        status = "cancelled" if entity.negated and not entity.uncertain else "final" if values and certain else "unknown"
        made |= {"status": status, "code": _code(entity), "subject": self._subject(), **self._in_encounter("encounter")}
        value = {name: found for name, found in values.items() if name != "component"}
        if not self._note.get("reference", "").startswith("DiagnosticReport/"):  # which R4 does not allow there
            made["derivedFrom"] = [self._note]
        return {**made, **value, **({"component": values["component"]} if "component" in values else {})}

    def _family_history(self, entity: Entity) -> Resource:
        made = self._begun("FamilyMemberHistory", entity) | {"status": "partial", "patient": self._subject()}
        if self._date is not None:
            made["date"] = self._date
        cues = [cue for cue in entity.cues if cue.axis == "family" and cue.via != "section"]
        words = _words(" ".join(self._document.text[cue.start : cue.end] for cue in cues[:1]))
        member = {"system": f"{_CODE_SYSTEM}/v3-RoleCode", "code": "FAMMEMB", "display": "family member"}
        made["relationship"] = {"coding": [member], **({"text": words} if words else {})}
        return made | {"condition": [{"code": _code(entity)}]}

    def _made_by(self, resources: list[Resource]) -> list[Resource]:
        """The program, and what it made of which note. A Provenance must say when: it says that this is not known."""
        device = {
            "resourceType": "Device", "id": _uuid("Device", self._engine), "status": "active",
            "deviceName": [{"name": "rulener", "type": "model-name"}], "type": {"text": "clinical information extraction"},
            "version": [{"value": __version__}, {"type": {"text": "engine"}, "value": self._engine}],
        }  # fmt: skip
        assembler = {"system": f"{_CODE_SYSTEM}/provenance-participant-type", "code": "assembler", "display": "Assembler"}
        provenance = {
            "resourceType": "Provenance", "id": _uuid("Provenance", self._id, self._engine),
            "target": [{"reference": f"urn:uuid:{one['id']}"} for one in resources],
            "_recorded": {"extension": [{"url": _ABSENT, "valueCode": "unknown"}]},
            "agent": [{"type": {"coding": [assembler]}, "who": {"reference": f"urn:uuid:{device['id']}"}}],
            "entity": [{"role": "source", "what": self._note}],
        }  # fmt: skip
        return [device, provenance]

    # --- what they share

    def _begun(self, kind: str, entity: Entity) -> Resource:
        key = (kind, entity.start, entity.end, entity.label, entity.text)
        self._seen[key] += 1
        return {
            "resourceType": kind,
            "id": _uuid(self._id, *map(str, key), str(self._seen[key])),
            "extension": [_mention(entity, self._id)],
        }

    def _subject(self) -> Resource:
        return self._patient or {"extension": [{"url": _ABSENT, "valueCode": "unknown"}]}

    def _in_encounter(self, name: str) -> Resource:
        return {name: self._encounter} if self._encounter is not None else {}


# --- statuses: docs/guide/formats.md has the tables and the reasons


def _verification(entity: Entity) -> str | None:
    """None when an axis that decides is not assessed."""
    if entity.uncertain:
        return "unconfirmed"
    if entity.negated:
        return "refuted"
    return None if entity.negated is None or entity.uncertain is None else "confirmed"


def _clinical(entity: Entity) -> str | None:
    """A heading alone ("Past medical history") says nothing: chronic disorders stand under it too."""
    if entity.historical:
        said = any(cue.axis == "historical" and cue.via != "section" for cue in entity.cues)
        return "inactive" if said else None
    return "active" if entity.historical is False and entity.negated is False else None


def _medication_status(entity: Entity) -> str:
    if entity.uncertain or entity.negated is None:
        return "unknown"
    if entity.negated:
        return "not-taken"
    if entity.hypothetical:
        return "intended"
    return "unknown" if entity.historical is None else "completed" if entity.historical else "active"


# --- data types


def _mention(entity: Entity, note_id: str) -> Resource:
    """Where a mention stands and what is asserted of it."""
    found: list[Resource] = [
        {"url": "note", "valueString": _words(note_id) or "_"},
        {"url": "start", "valueUnsignedInt": entity.start},
        {"url": "end", "valueUnsignedInt": entity.end},
        {"url": "label", "valueString": _words(entity.label) or "_"},
    ]
    if entity.text.strip():
        found.append({"url": "text", "valueString": _CONTROL.sub("\ufffd", entity.text)})
    for name, value in (("section", entity.section), ("rule", entity.rule), ("linking", entity.linking)):
        if value is not None and _words(value):
            found.append({"url": name, "valueString": _words(value)})
    assessed = ((axis, getattr(entity, axis)) for axis in AXES)
    found += [{"url": axis, "valueBoolean": value} for axis, value in assessed if value is not None]
    return {"url": MENTION, "extension": found}


def _left_out(reason: str, count: int) -> Resource:
    inside = [{"url": "reason", "valueString": _words(reason)}, {"url": "count", "valueUnsignedInt": count}]
    return {"url": LEFT_OUT, "extension": inside}


def _code(entity: Entity) -> Resource:
    """The words, and of a mention that is not ambiguous the first concept of each system; of others candidates."""
    text = {"text": _words(entity.text) or _words(entity.label) or "_"}
    codings = _codings(entity.concepts)
    if not codings:
        return text
    if entity.linking == "ambiguous":
        return {"extension": [{"url": CANDIDATE, "valueCoding": coding} for coding in codings], **text}
    first = {coding["system"]: coding for coding in reversed(codings)}
    return {"coding": [coding for coding in codings if first[coding["system"]] is coding], **text}


def _codings(concepts: Iterable[Concept]) -> list[Resource]:
    """One for each concept with a code, followed by that of its standard concept; none twice."""
    found: dict[tuple[str, str], Resource] = {}
    for concept in concepts:
        for one in (concept, concept.standard):
            if one is not None and one.system is not None and one.code is not None and one.code.strip():
                system = SYSTEMS.get(one.system) or f"{BASE}:system:{_SPACE.sub('_', one.system)}"
                name = _words(one.name or "")
                coding = {"system": system, "code": _words(one.code), **({"display": name} if name else {})}
                found.setdefault((system, coding["code"]), coding)
    return list(found.values())


def _values(attributes: dict[str, Attribute]) -> Resource:
    """`value[x]` of the attribute `value` with its unit, and components of the others."""
    made: Resource = {}
    value, high, unit = (attributes.get(name) for name in ("value", "high", "unit"))
    if value is not None:
        comparator = attributes.get("comparator")
        if high is not None and value.number is not None and high.number is not None and comparator is None:
            made["valueRange"] = {"low": _quantity(value, unit), "high": _quantity(high, unit)}
        else:
            made |= _value(value, unit, None if comparator is None else comparator.text)
    units = {f"{name}_unit" for name in attributes}
    others = [name for name in attributes if name not in units and (name not in _OF_VALUE or value is None)]
    components = [
        {"code": {"text": _words(name.replace("_", " "))}, **_value(attributes[name], attributes.get(f"{name}_unit"), None)}
        for name in others
        if attributes[name].text.strip()
    ]
    return made | ({"component": components} if components else {})


def _value(attribute: Attribute, unit: Attribute | None, comparator: str | None) -> Resource:
    known = None if comparator is None else _COMPARATORS.get(_words(comparator).lower())
    if attribute.number is not None and (comparator is None or known is not None):
        return {"valueQuantity": _quantity(attribute, unit, known)}
    words = _words(" ".join(part for part in (comparator, attribute.text, unit.text if unit is not None else None) if part))
    return {"valueString": words} if words else {}


def _quantity(attribute: Attribute, unit: Attribute | None, comparator: str | None = None) -> Resource:
    """The unit is as written: it is no UCUM code."""
    named = _words(unit.text) if unit is not None else ""
    with_comparator = {"comparator": comparator} if comparator is not None else {}
    return {"value": attribute.number, **with_comparator, **({"unit": named} if named else {})}


def _status(system: str, code: str) -> Resource:
    return {"coding": [{"system": f"{_CODE_SYSTEM}/{system}", "code": code}]}


def _reference(value: Any, kind: str) -> Resource | None:
    """`Patient/7` or a url is a literal reference, `system|value` and any other text an identifier."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or not value.strip():
        return None
    if _LITERAL.fullmatch(value):
        return {"reference": value}
    system, bar, identifier = value.rpartition("|")
    return _logical(kind, identifier if bar else value, system)


def _logical(kind: str, value: str, system: str = "") -> Resource:
    named = {"system": _SPACE.sub("_", system)} if system.strip() else {}
    return {"type": kind, "identifier": {**named, "value": _words(value) or "_"}}


def _date(value: Any) -> str | None:
    """A dateTime of FHIR, or None. A time without zone, which FHIR does not have, is left away."""
    found = _DATE.match(value) if isinstance(value, str) else None
    if found is None:
        return None
    rest = found.string[found.end() :]
    try:
        if rest or found[2] is None:
            datetime.date.fromisoformat(f"{found[1]}-01-01"[:10])
        else:
            datetime.datetime.fromisoformat(found[1] + found[2][:9])
    except ValueError:  # no such day or time
        return None
    return found[1] if rest[:1] in ("T", " ") else None if rest else found[0]


def _words(text: str) -> str:
    """A string of FHIR: one line, no control characters."""
    if text.isprintable() and "  " not in text:  # nearly always
        return text.strip(" ")
    return _CONTROL.sub("\ufffd", _SPACE.sub(" ", text)).strip()


def _uuid(*parts: str) -> str:
    name = "\0".join(parts).encode("utf-8", "surrogatepass").decode("utf-8", "replace")
    return str(uuid.uuid5(_NAMESPACE, name))
