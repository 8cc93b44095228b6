"""Marked texts and case files."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rulener.packs.cases import load_cases, parse_marked
from rulener.packs.model import MarkedMention, MarkedText, Place, Text


def text(value: str) -> Text:
    return Text(value, Place("a.cases.yaml", 1, 1, len(value)))


def test_marks_are_taken_off() -> None:
    marked, problems = parse_marked(text("Denies [chest pain]{problem negated}, [fever] and [x]{mention family negated}."))
    assert problems == []
    assert marked == MarkedText(
        "Denies chest pain, fever and x.",
        (
            MarkedMention(7, 17, "problem", ("negated",)),
            MarkedMention(19, 24),
            MarkedMention(29, 30, "mention", ("negated", "family"), given=True),
        ),
    )


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        (r"\[x\] a", "[x] a"),
        (r"{a} ] \] }", "{a} ] ] }"),
        (r"a\b \\", "a\\b \\"),
        ("", ""),
    ],
)
def test_brackets_of_the_note(written: str, plain: str) -> None:
    assert parse_marked(text(written)) == (MarkedText(plain), [])


def test_a_brace_after_a_mark_can_belong_to_the_note() -> None:
    marked, problems = parse_marked(text(r"[a]\{b}"))
    assert problems == []
    assert marked == MarkedText("a{b}", (MarkedMention(0, 1),))


@pytest.mark.parametrize(
    ("written", "column"),
    [("a [b", 3), ("[a [b]]", 4), ("[]", 1), ("[a]{", 4), ("[a]{}", 4), ("[ a]", 1), ("[a]{negated}", 5), ("[a]{x negatd}", 7)],
)
def test_errors_point_into_the_text(written: str, column: int) -> None:
    _, problems = parse_marked(text(written))
    assert [(d.code, d.place.column) for d in problems if d.place] == [("R140", column)]


def test_labels_are_checked_when_given() -> None:
    assert parse_marked(text("[a]{problm}"))[1] == []
    problems = parse_marked(text("[a]{problm} [b]{mention}"), ["problem"])[1]
    assert [(d.code, d.fix) for d in problems] == [("R130", "did you mean `problem`?")]


def test_case_files(tmp_path: Path) -> None:
    (tmp_path / "b.cases.yaml").write_text(
        "cases:\n  - id: two\n    text: |\n      No [fever]{problem negated}.\n\n      [Cough]{problem}.\n", encoding="utf-8"
    )
    (tmp_path / "a.cases.yaml").write_text(
        "cases:\n  - id: one\n    text: no [x]\n    xfail: not yet\n    only: true\n", encoding="utf-8"
    )
    cases, problems = load_cases(tmp_path, display="p")
    assert problems == []
    assert [(case.id, case.xfail, case.only) for case in cases] == [("one", "not yet", True), ("two", "", False)]
    assert cases[1].marked.text == "No fever.\n\nCough.\n"
    assert [(m.start, m.end) for m in cases[1].marked.mentions] == [(3, 8), (11, 16)]
    assert str(cases[1].place) == "p/b.cases.yaml:2:9"
    assert str(cases[1].text_place) == "p/b.cases.yaml:3:11"


@given(st.text(alphabet="ab []{}\\", max_size=30))
def test_no_text_raises_and_spans_are_sound(written: str) -> None:
    marked, _ = parse_marked(text(written))
    for mention in marked.mentions:
        inside = marked.text[mention.start : mention.end]
        assert inside == inside.strip() != ""


@given(st.lists(st.tuples(st.text(alphabet="ab[]{}\\ ", max_size=5), st.text(alphabet="abc", min_size=1, max_size=4))))
def test_a_text_that_is_marked_reads_back(parts: list[tuple[str, str]]) -> None:
    escape = str.maketrans({char: "\\" + char for char in "[]{}\\"})
    written = "".join(f"{before.translate(escape)}[{mention}]" for before, mention in parts)
    marked, problems = parse_marked(text(written))
    assert problems == []
    assert marked.text == "".join(before + mention for before, mention in parts)
    assert [marked.text[m.start : m.end] for m in marked.mentions] == [mention for _, mention in parts]
