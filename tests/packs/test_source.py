"""Located YAML: texts stay as written, places are right, nothing raises."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from rulener.packs import source
from rulener.packs.diagnostics import Findings, sort_diagnostics
from rulener.packs.model import Place, Text
from rulener.packs.parse import check_packs
from rulener.packs.source import Fields, Listing, Scalar, Table, parse_source, place_at

GOLDEN = Path(__file__).parent / "golden"


def fields_of(text: str) -> tuple[Fields, Findings]:
    """Fields over a YAML mapping, all keys allowed."""
    parsed, problems = parse_source(text.encode(), "a.yaml")
    assert problems == []
    assert isinstance(parsed.root, Table)
    findings = Findings()
    keys = [key.value for key, _ in parsed.root.entries]
    return Fields(parsed.root, "a thing", keys, findings), findings


@pytest.mark.parametrize(
    "written",
    ["no", "NO", "yes", "on", "off", "null", "1.0", "12", "0x1F", "1_000", "2001-01-01", "true", "1e3", "12:30:45", ".5"],
)
def test_plain_scalars_in_lists_stay_texts(written: str) -> None:
    fields, findings = fields_of(f"cues: [no, {written}]")
    assert [text.value for text in fields.texts("cues")] == ["no", written]
    assert findings.all == []


def test_keys_stay_texts() -> None:
    fields, _ = fields_of("no: a\n12: b\n")
    assert [key.value for key, _ in fields.table.entries] == ["no", "12"]


def test_places_of_keys_and_values() -> None:
    fields, _ = fields_of('any: [heart failure, "CHF"]\nname:   früh 心\n')
    first, second = fields.texts("any")
    name = fields.text("name")
    assert first.place == Place("a.yaml", 1, 7, 13)
    assert second.place == Place("a.yaml", 1, 22, 5)
    assert fields.key_place("name") == Place("a.yaml", 2, 1, 4)
    assert name == Text("früh 心", Place("a.yaml", 2, 9, 6))


@pytest.mark.parametrize(
    ("written", "at", "column", "width"),
    [
        ("abc", 1, 5, 1),
        ('"abc"', 1, 6, 1),
        ("'abc'", 2, 7, 1),
        (r'"a\\bc"', 1, 6, 2),
        (r'"\u00e9bc"', 1, 11, 1),
        ("'a''bc'", 2, 8, 1),
        (r'"\x41bc"', 0, 5, 4),
    ],
)
def test_place_inside_a_text(written: str, at: int, column: int, width: int) -> None:
    fields, _ = fields_of(f"k: {written}")
    text = fields.text("k")
    assert text is not None
    place = place_at(text, at)
    # The width of an escape is not needed to find it; what matters is where it begins.
    assert (place.line, place.column) == (1, column)
    assert 1 <= place.width <= width


def test_place_inside_a_literal_block() -> None:
    fields, _ = fields_of("k: |\n  first\n\n    second\n")
    text = fields.text("k")
    assert text is not None
    at = text.value.index("cond")
    assert place_at(text, at, at + 4) == Place("a.yaml", 4, 7, 4)


def test_place_inside_a_folded_block_is_the_place_of_the_block() -> None:
    fields, _ = fields_of("k: >\n  first\n  second\n")
    text = fields.text("k")
    assert text is not None
    assert place_at(text, 8) == text.place == Place("a.yaml", 1, 4, 1)


@pytest.mark.parametrize(("written", "value"), [("true", True), ("false", False)])
def test_flags(written: str, value: bool) -> None:
    fields, findings = fields_of(f"only: {written}")
    assert fields.flag("only") is value
    assert findings.all == []


@pytest.mark.parametrize("written", ["yes", "on", "True", "'true'", "1", "[true]", "", "~"])
def test_what_is_no_flag(written: str) -> None:
    fields, findings = fields_of(f"only: {written}")
    assert fields.flag("only") is None
    assert [d.severity for d in findings.all] == ["error"]


@pytest.mark.parametrize(("written", "value"), [("5", 5), ("-5", -5), ("+5", 5), ("0", 0), ("007", 7)])
def test_integers(written: str, value: int) -> None:
    fields, findings = fields_of(f"priority: {written}")
    assert fields.integer("priority", -10, 10) == value
    assert findings.all == []


@pytest.mark.parametrize("written", ["5.0", "five", "'5'", "11", "-11", "1e1", "99999999999999999999", "{}", ""])
def test_what_is_no_integer_in_range(written: str) -> None:
    fields, findings = fields_of(f"priority: {written}")
    assert fields.integer("priority", -10, 10) is None
    assert len(findings.all) == 1


def test_a_missing_key_is_no_finding() -> None:
    fields, findings = fields_of("a: b")
    assert fields.text("x") is fields.flag("x") is fields.integer("x", 0, 1) is fields.mapping("x") is None
    assert fields.texts("x") == fields.mappings("x") == fields.text_or_texts("x") == ()
    assert findings.all == []


def test_one_text_is_no_list_and_the_fix_is_yaml() -> None:
    fields, findings = fields_of("any: a, 'b'")
    assert fields.texts("any") == ()
    assert findings.all[0].code == "R117"
    fixed, _ = fields_of(findings.all[0].fix.partition("`")[2].rstrip("`"))
    assert [text.value for text in fixed.texts("any")] == ["a, 'b'"]


def test_aliases_do_not_multiply() -> None:
    lines = ["a: &a [x, x, x, x, x, x, x, x, x]"]
    pairs = zip("abcdefghij", "bcdefghijk", strict=True)
    lines += [f"{name}: &{name} [*{before}, *{before}, *{before}]" for before, name in pairs]
    parsed, problems = parse_source("\n".join(lines).encode(), "a.yaml")
    assert isinstance(parsed.root, Table)
    assert {d.code for d in problems} == {"R110"}
    assert len(problems) == 11 + 30


@pytest.mark.parametrize("depth", [30, 1_000, 20_000])
@pytest.mark.parametrize("opening", ["[", "{a: ", "- "])
def test_deep_nesting_is_a_finding(depth: int, opening: str) -> None:
    closing = {"[": "]", "{a: ": "}", "- ": ""}[opening]
    _, problems = parse_source((opening * depth + closing * depth).encode(), "a.yaml")
    assert problems
    assert {d.code for d in problems} <= {"R124", "R102"}


@given(st.binary(max_size=200))
def test_bytes_never_raise(data: bytes) -> None:
    parsed, problems = parse_source(data, "a.yaml")
    assert parsed.root is None or isinstance(parsed.root, Scalar | Listing | Table | source.Broken)
    assert all(d.place is not None for d in problems)


@given(st.text(alphabet="ab: -[]{}'\"\n\t#&*!|>%@`,?~<\\\u2028é", max_size=80))
def test_yaml_ish_texts_never_raise(text: str) -> None:
    _, problems = parse_source(text.encode(), "a.yaml")
    lines = len(source.split_lines(text))
    assert all(d.place and 1 <= d.place.line <= lines and d.place.column >= 1 for d in problems)


@pytest.mark.parametrize("name", sorted(path.name for path in GOLDEN.iterdir()))
def test_both_parsers_find_the_same(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = GOLDEN / name
    with_default = check_packs([folder])[1]
    monkeypatch.setattr(source, "_LOADER", yaml.SafeLoader)
    assert sort_diagnostics(check_packs([folder])[1]) == with_default
