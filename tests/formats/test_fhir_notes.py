"""Notes in FHIR resources: which attachments are notes, what they carry, and that nothing bad ends the run or is quoted."""

from __future__ import annotations

import base64
import gzip
import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rulener.errors import UsageError
from rulener.formats import fhir_notes
from rulener.formats.fhir_notes import CARRIED, holds_resources, read_fhir
from rulener.formats.readers import Columns, Note, PassedOver, Unreadable
from rulener.run.directory import Totals, run
from tests.formats.test_readers import CarryingEngine

SECRET = "Zebra unmentionable"  # must never be in a message


def b64(text: str | bytes, encoding: str = "utf-8") -> str:
    return base64.b64encode(text.encode(encoding) if isinstance(text, str) else text).decode()


def attachment(text: str | bytes, content_type: str | None = "text/plain", encoding: str = "utf-8") -> dict[str, Any]:
    return {"contentType": content_type, "data": b64(text, encoding)}


def document(number: object, *attachments: dict[str, Any], **more: Any) -> dict[str, Any]:
    content = [{"attachment": one} for one in attachments]
    return {"resourceType": "DocumentReference", "id": str(number), "status": "current", "content": content, **more}


def report(number: object, *attachments: dict[str, Any], **more: Any) -> dict[str, Any]:
    forms = {"presentedForm": list(attachments)} if attachments else {}
    return {"resourceType": "DiagnosticReport", "id": str(number), "status": "final", "code": {}, **forms, **more}


def write(path: Path, *resources: Any) -> Path:
    lines = [one if isinstance(one, str) else json.dumps(one) for one in resources]
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def rows(path: Path, *carry: str, encoding: str | None = None) -> tuple[list[Note], list[Unreadable], Counter[str]]:
    found = list(read_fhir(str(path), Columns(carry=carry), encoding))
    bad = [row for row in found if isinstance(row, Unreadable)]
    assert not any(word in row.reason for row in bad for word in SECRET.split())
    passed = Counter(row.reason for row in found if isinstance(row, PassedOver))
    return [row for row in found if isinstance(row, Note)], bad, passed


def test_texts_and_ids(tmp_path: Path) -> None:
    path = write(
        tmp_path / "n.ndjson",
        document(1, attachment("Caf\u00e9 \U0001f642\r\nno pain")),
        document(2, attachment("first"), attachment("<p>x</p>", "text/html"), attachment("second", "TEXT/PLAIN; charset=UTF-8")),
        report("r.1", attachment("Lungs clear."), conclusion="No pneumonia."),
        report(2, conclusion="Normal."),
        report(3),
        document(4, attachment("")),
    )
    notes, bad, passed = rows(path)
    assert [note[:2] for note in notes] == [
        ("DocumentReference/1", "Caf\u00e9 \U0001f642\r\nno pain"),
        ("DocumentReference/2/0", "first"),
        ("DocumentReference/2/2", "second"),
        ("DiagnosticReport/r.1", "Lungs clear."),
        ("DiagnosticReport/r.1/conclusion", "No pneumonia."),
        ("DiagnosticReport/2/conclusion", "Normal."),
        ("DocumentReference/4", ""),
    ]
    assert bad == []
    assert passed == {"attachments beside a text: text/html": 1, "DiagnosticReport resources without text": 1}


def test_what_is_carried(tmp_path: Path) -> None:
    loinc = {"system": "http://loinc.org", "code": "11506-3", "display": "Progress note"}
    subject = {"reference": "Patient/7", "display": SECRET}
    context = {"encounter": [{"display": "x"}, {"reference": "Encounter/e"}]}
    category = [{"coding": [{"code": "clinical-note"}]}]
    one = document(
        1, attachment("a"), subject=subject, date="2024-01-02", type={"coding": [loinc]}, context=context, category=category
    )
    logical = {"identifier": {"system": "urn:mrn", "value": "42"}, "display": SECRET}
    other = report(
        2, attachment("b"), subject=logical, code={"text": "Chest X-ray"}, effectivePeriod={"start": "2024-02"}, issued="2025"
    )
    notes, _, _ = rows(write(tmp_path / "n.ndjson", one, other))
    assert notes[0].metadata == {
        "resource": "DocumentReference/1", "patient": "Patient/7", "encounter": "Encounter/e", "date": "2024-01-02",
        "type": "Progress note", "type_code": "http://loinc.org|11506-3", "category": "|clinical-note", "status": "current",
    }  # fmt: skip
    assert notes[1].metadata["patient"] == "urn:mrn|42"
    assert (notes[1].metadata["type"], notes[1].metadata["type_code"]) == ("Chest X-ray", None)
    assert notes[1].metadata["date"] == "2024-02"
    notes, _, _ = rows(tmp_path / "n.ndjson", "patient", "date")
    assert notes[0].metadata == {"patient": "Patient/7", "date": "2024-01-02"}
    with pytest.raises(UsageError, match=r"^\[U213\] n.ndjson: no column 'ward'; a resource carries resource, patient, "):
        rows(tmp_path / "n.ndjson", "ward")
    with pytest.raises(UsageError, match=r"^\[U213\] n.ndjson: a file of FHIR resources has no columns \(leave out --id-column"):
        list(read_fhir(str(tmp_path / "n.ndjson"), Columns(id="x"), None))


def test_charsets(tmp_path: Path) -> None:
    path = write(
        tmp_path / "n.ndjson",
        document(1, attachment("caf\u00e9", "text/plain;charset=ISO-8859-1", "latin-1")),
        document(2, attachment("caf\u00e9", 'text/plain; format=flowed; charset="windows-1252"', "cp1252")),
        document(3, attachment("\ufeffcaf\u00e9")),
        document(4, attachment("caf\u00e9", encoding="utf-16")),
        document(5, attachment("caf\u00e9", encoding="cp1252")),
        document(6, attachment("caf\u00e9", "text/plain; charset=klingon")),
        document(7, attachment("caf\u00e9", "text/plain; charset=rot13")),
        document(8, attachment(b"\0" * 20)),
        document(9, {"contentType": "text/plain", "data": b64("wrapped lines")[:8] + "\n " + b64("wrapped lines")[8:]}),
    )
    notes, bad, _ = rows(path)
    assert [note.text for note in notes] == ["caf\u00e9"] * 4 + ["wrapped lines"]
    assert [(row.id, row.code, row.reason) for row in bad] == [
        ("DocumentReference/5", "N102", "not utf-8: byte 3 of 4 cannot be decoded"),
        ("DocumentReference/6", "N102", "its charset klingon is not known"),
        ("DocumentReference/7", "N102", "its charset rot13 is not known"),
        ("DocumentReference/8", "N103", "binary data: 20 of 20 characters are NUL"),
    ]
    assert rows(path, encoding="cp1252")[0][4].text == "caf\u00e9"


def test_what_cannot_be_read_is_named_by_place_and_kind(tmp_path: Path) -> None:
    nameless = document(1, attachment(SECRET))
    del nameless["id"]
    path = write(
        tmp_path / "n.ndjson",
        document(1, {"contentType": "text/plain", "data": SECRET}),
        document(2, {"contentType": "text/plain", "url": f"https://example.org/{SECRET}"}, attachment("%PDF", "application/pdf")),
        document(3, attachment(SECRET, None)),
        document(4, attachment(SECRET, SECRET)),
        document(5),
        f'{{"{SECRET}',
        json.dumps(SECRET),
        {"resourceType": SECRET, "id": "1"},
        nameless,
        document(SECRET, attachment(SECRET)),
        report(6, attachment("x", "text/html")),
        document(7, {"contentType": "text/plain"}),
        "[" * 100_000,
        document(8, attachment("good")),
    )
    with path.open("ab") as file:
        file.write(b'{"resourceType": "\xff"}\n')
    notes, bad, passed = rows(path)
    assert [note.id for note in notes] == ["DocumentReference/8"]
    assert [tuple(row) for row in bad] == [
        ("DocumentReference/1", "N108", "its data is not base64 (19 characters)"),
        ("DocumentReference/2", "N107", "line 2: no attachment that is read: text/plain by url, application/pdf"),
        ("DocumentReference/3", "N107", "line 3: no attachment that is read: no contentType"),
        ("DocumentReference/4", "N107", "line 4: no attachment that is read: unknown contentType"),
        ("DocumentReference/5", "N107", "line 5: no attachment that is read: no attachment"),
        (None, "N106", "line 6: not JSON: column 22"),
        (None, "N106", "line 7: no FHIR resource: an object with a resourceType"),
        (None, "N106", "line 8: no FHIR resource: an object with a resourceType"),
        (None, "N106", "line 9: a DocumentReference without an id"),
        (None, "N106", "line 10: a DocumentReference without an id"),
        ("DiagnosticReport/6", "N107", "line 11: no attachment that is read: text/html"),
        ("DocumentReference/7", "N107", "line 12: no attachment that is read: text/plain without data"),
        (None, "N106", "line 13: nested too deeply"),
        (None, "N102", "line 15: not UTF-8: byte 18 cannot be decoded"),
    ]
    assert passed == {}


@pytest.mark.parametrize("indent", [None, 2])
def test_bundles(tmp_path: Path, indent: int | None) -> None:
    inner = document(1, attachment("in a searchset"))
    nameless = document(2, attachment("told by its fullUrl"))
    del nameless["id"]
    entries = [
        {"fullUrl": "https://example.org/fhir/DocumentReference/1", "resource": inner},
        {"fullUrl": "urn:uuid:6f1c0d3e-0b5e-4d5c-8a57-2f2a6a6f0001", "resource": nameless},
        {"resource": {"resourceType": "Patient", "id": "p", "name": [{"text": SECRET}]}},
        {"resource": document(3, attachment("wrong"), status="entered-in-error")},
        {"response": {"status": "200"}},
        {"resource": {"resourceType": "Bundle", "entry": [{"resource": report(9, conclusion="nested")}]}},
        {"resource": 17},
    ]
    bundle = {"resourceType": "Bundle", "type": "searchset", "entry": entries}
    (tmp_path / "b.json").write_text(json.dumps(bundle, indent=indent))
    notes, bad, passed = rows(tmp_path / "b.json")
    assert [note[:2] for note in notes] == [
        ("DocumentReference/1", "in a searchset"),
        ("DocumentReference/6f1c0d3e-0b5e-4d5c-8a57-2f2a6a6f0001", "told by its fullUrl"),
        ("DiagnosticReport/9/conclusion", "nested"),
    ]
    prefix = "" if indent else "line 1, "
    assert bad == [Unreadable(None, "N106", f"{prefix}entry 6: no FHIR resource: an object with a resourceType")]
    assert passed == {
        "Patient resources": 1,
        "DocumentReference resources entered in error": 1,
        "entries of a Bundle without a resource": 1,
    }
    write(tmp_path / "b.ndjson", bundle, inner)
    assert len(rows(tmp_path / "b.ndjson")[0]) == 4
    write(tmp_path / "lines.json", inner, inner)  # NDJSON by another name
    assert len(rows(tmp_path / "lines.json")[0]) == 2


def test_a_line_that_is_too_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fhir_notes, "LINE_BYTES", 300)
    small = document(1, attachment("good"))
    path = write(tmp_path / "n.ndjson", small, document(2, attachment(SECRET * 300)), small)
    notes, bad, _ = rows(path)
    assert len(notes) == 2
    size = len(path.read_bytes().split(b"\n")[1]) + 1
    assert bad == [Unreadable(None, "N105", f"line 2: {size} bytes; a line may have 300")]
    (tmp_path / "b.json").write_text(json.dumps(document(2, attachment(SECRET * 300)), indent=1))
    size = (tmp_path / "b.json").stat().st_size
    assert [row.reason for row in rows(tmp_path / "b.json")[1]] == [
        f"{size} bytes; a Bundle in a file of its own (write it as NDJSON, a resource a line) may have 300"
    ]


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("a.ndjson", '\ufeff\n{"id": "1", "resourceType": "Patient"}\n', True),
        ("a.jsonl", '{"resourceType": "DocumentReference", "text": {"status": "generated"}}', True),
        ("a.jsonl", '{"id": 1, "text": "x", "resourceType": "Patient"}', False),
        ("a.jsonl", '{"id": 1, "text": "\\"resourceType\\": \\"Patient\\""}', False),
        ("a.json", '{\n  "id": "x",\n  "resourceType" : "Bundle",\n', True),
        ("a.json", '{\n "text": "resourceType"}', False),
        ("a.json", "Chest pain.", False),
        ("a.json", "", False),
        ("a.json", "[" * 100_000, False),
    ],
)
def test_what_is_taken_for_fhir(tmp_path: Path, name: str, content: str, expected: bool) -> None:
    (tmp_path / name).write_text(content, encoding="utf-8")
    assert holds_resources(str(tmp_path / name)) is expected
    (tmp_path / f"{name}.gz").write_bytes(gzip.compress(content.encode()))
    assert holds_resources(str(tmp_path / f"{name}.gz")) is expected
    assert not holds_resources(str(tmp_path / "nothing.json"))


def test_a_run_over_an_export(tmp_path: Path) -> None:
    write(
        tmp_path / "DocumentReference.ndjson",
        document(1, attachment("chest pain"), subject={"reference": "Patient/7"}),
        document(1, attachment("the same id")),
        document(2, {"contentType": "text/plain", "data": "?"}),
        {"resourceType": "Patient", "id": "7"},
    )
    (tmp_path / "other.jsonl").write_text('{"id": "a", "text": "fever", "ward": "B"}\n')
    out = tmp_path / "out"
    inputs = [str(tmp_path / "DocumentReference.ndjson"), str(tmp_path / "other.jsonl")]
    totals = run(CarryingEngine(), inputs, str(out), workers=1)
    found = [json.loads(line) for line in (out / "part-00000.jsonl").read_text().splitlines()]
    assert [(one["id"], one["text"], one["m"].get("patient"), one["m"].get("ward")) for one in found] == [
        ("DocumentReference/1", "chest pain", "Patient/7", None),
        ("a", "fever", None, "B"),
    ]
    errors = [json.loads(line) for line in (out / "errors.jsonl").read_text().splitlines()]
    assert [(error["note_id"], error["code"]) for error in errors] == [
        ("DocumentReference/1", "N104"),
        ("DocumentReference/2", "N108"),
    ]
    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest["rows_passed_over"] == totals.rows_passed_over == {"Patient resources": 1}
    assert manifest["inputs"][0] == {"kind": "fhir", "name": "DocumentReference.ndjson"}
    assert manifest["options"]["carry"] == ["*"]
    again = run(CarryingEngine(), inputs, str(out), workers=1)
    assert (again.resumed, again.rows_passed_over) == (1, {"Patient resources": 1})


def test_a_file_with_nothing_to_read(tmp_path: Path) -> None:
    path = write(tmp_path / "n.ndjson", {"resourceType": "Patient", "id": "1"}, {"resourceType": "Observation", "id": "1"})
    with pytest.raises(UsageError, match=r"no notes found \(1 Observation resources, 1 Patient resources\)"):
        run(CarryingEngine(), [str(path)], str(tmp_path / "out"))
    assert Totals().rows_passed_over == {}


def test_a_damaged_gzip(tmp_path: Path) -> None:
    packed = gzip.compress((json.dumps(document(1, attachment("a"))) + "\n").encode() * 1000)
    (tmp_path / "n.ndjson.gz").write_bytes(packed)
    assert len(rows(tmp_path / "n.ndjson.gz")[0]) == 1000
    (tmp_path / "n.ndjson.gz").write_bytes(packed[:-30])
    with pytest.raises(UsageError, match=r"^\[U201\] n.ndjson.gz: cannot read the input: "):
        rows(tmp_path / "n.ndjson.gz")


BRIEFLY = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from([
            "resourceType", "id", "content", "attachment", "data", "contentType", "presentedForm", "conclusion", "entry",
            "resource", "subject", "reference", "identifier", "value", "type", "coding", "code", "context", "encounter", "date",
        ]),
        inner | st.sampled_from(["DocumentReference", "DiagnosticReport", "Bundle", "text/plain", "YWJj"]),
        max_size=6,
    ),
    max_leaves=12,
)  # fmt: skip


@BRIEFLY
@given(_JSON, st.sampled_from(["DocumentReference", "DiagnosticReport", "Bundle"]))
def test_no_shape_of_a_resource_stops_the_reader(tmp_path_factory: pytest.TempPathFactory, value: Any, kind: str) -> None:
    resource = {"resourceType": kind, "id": "1", **value} if isinstance(value, dict) else value
    path = write(tmp_path_factory.mktemp("fuzz") / "n.ndjson", resource, document("good", attachment("good")))
    found = list(read_fhir(str(path), Columns(), None))
    assert found[-1] == Note("DocumentReference/good", "good", found[-1].metadata)  # type: ignore[union-attr]
    assert all(set(row.metadata) == set(CARRIED) for row in found if isinstance(row, Note))


@BRIEFLY
@given(st.text(max_size=40), st.sampled_from(["utf-8", "utf-16-le", "utf-32-be"]))
def test_any_text_comes_back_as_it_was(tmp_path_factory: pytest.TempPathFactory, text: str, encoding: str) -> None:
    path = tmp_path_factory.mktemp("texts") / "n.ndjson"
    write(path, document(1, attachment(text.encode(encoding), f"text/plain; charset={encoding}")), report(1, conclusion=text))
    notes, bad, _ = rows(path)
    if not bad:  # too many NUL
        assert notes[0].text == text.removeprefix("\ufeff")
    assert [note.text for note in notes if note.id.endswith("/conclusion")] == ([text] if text.strip() else [])


@pytest.mark.skipif(os.name != "posix", reason="limits of open files are those of POSIX")
def test_more_bundles_than_files_may_be_open(tmp_path: Path) -> None:
    import resource

    for number in range(80):
        bundle = {"resourceType": "Bundle", "entry": [{"resource": document(number, attachment(f"pain {number}"))}]}
        (tmp_path / f"b{number:02}.json").write_text(json.dumps(bundle))
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (len(os.listdir("/dev/fd")) + 40, before[1]))
    try:
        totals = run(CarryingEngine(), [str(tmp_path / "*.json")], str(tmp_path / "out"), workers=1)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    found = [json.loads(line) for line in (tmp_path / "out" / "part-00000.jsonl").read_text().splitlines()]
    assert [one["text"] for one in found] == [f"pain {number}" for number in range(80)]
    assert (totals.notes, totals.failed) == (80, 0)


def test_the_last_line_of_a_run_names_what_was_passed_over(capsys: pytest.CaptureFixture[str]) -> None:
    from rulener.cli.run import _summarise

    rows = {f"{kind} resources": number for number, kind in enumerate(("Claim", "Encounter", "Observation", "Patient"), 1)}
    _summarise(Totals(notes=2, passed_over=1, rows_passed_over=rows), "out", 1.0, 1, False)
    expected = "1 Claim resources, 2 Encounter resources, 3 Observation resources, 1 more kinds (see manifest.json)"
    assert f", 1 other files, {expected} passed over; " in capsys.readouterr().err
