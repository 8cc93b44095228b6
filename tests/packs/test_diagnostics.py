"""Printing findings."""

from __future__ import annotations

import json
import re

import pytest

from rulener.packs.diagnostics import Diagnostic, Edit, Located, render, sort_diagnostics, split_lines, summary, to_json
from rulener.packs.model import Place


def finding(line: int = 1, column: int = 1, width: int = 1, *, path: str = "a.yaml", code: str = "R114") -> Diagnostic:
    return Diagnostic(code, "error", "wrong", (Located(Place(path, line, column, width)),))


def carets(source: str, column: int, width: int) -> tuple[str, str]:
    """The printed source line and the line of carets, without the gutter."""
    lines = render([finding(1, column, width)], {"a.yaml": source}).split("\n")
    return lines[3].removeprefix("1 | "), lines[4].removeprefix("  | ")


@pytest.mark.parametrize(
    ("source", "column", "width", "shown", "marks"),
    [
        ("a: bc", 4, 2, "a: bc", "   ^^"),
        ("\ta: b", 2, 1, "    a: b", "    ^"),
        ("a\tb", 3, 1, "a   b", "    ^"),
        ("心: 脏", 4, 1, "心: 脏", "    ^^"),
        ("e\u0301: x", 5, 1, "e\u0301: x", "   ^"),
        ("ab", 3, 1, "ab", "  ^"),
        ("ab", 9, 4, "ab", "  ^"),
        ("a\x07b", 3, 1, "a\ufffdb", "  ^"),
    ],
)
def test_carets_stand_under_the_text(source: str, column: int, width: int, shown: str, marks: str) -> None:
    assert carets(source, column, width) == (shown, marks)


def test_a_long_line_is_cut_around_the_carets() -> None:
    source = "x" * 500 + "HERE" + "y" * 500
    shown, marks = carets(source, 501, 4)
    assert len(shown) < 130
    assert shown.startswith("…x")
    assert shown.endswith("y…")
    assert shown[marks.index("^") : marks.rindex("^") + 1] == "HERE"


def test_carets_end_where_a_long_line_is_cut() -> None:
    shown, marks = carets("x" * 500, 401, 100)
    assert len(marks) <= len(shown)


def test_a_file_that_is_not_given_is_named_only() -> None:
    assert render([finding(3, 2)], {}) == "error[R114]: wrong\n --> a.yaml:3:2\n"


def test_a_label_is_shown_even_without_the_source() -> None:
    diagnostic = Diagnostic("R104", "error", "wrong", (Located(Place("a.yaml", 1, 1), "here"),))
    assert "here" in render([diagnostic], {})


def test_colour_adds_nothing_but_colour() -> None:
    plain = render([finding()], {"a.yaml": "a: b"})
    coloured = render([finding()], {"a.yaml": "a: b"}, colour=True)
    assert "\x1b[" in coloured
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == plain


def test_no_escape_sequence_comes_through_from_the_file() -> None:
    diagnostic = Diagnostic("R114", "error", "unknown key `\x1b[31m`", (Located(Place("a.yaml", 1, 1)),))
    assert "\x1b" not in render([diagnostic], {"a.yaml": "\x1b[31m: x"})


def test_findings_are_sorted_and_given_once() -> None:
    place_less = Diagnostic("R134", "error", "wrong")
    wanted = [place_less, finding(1, 2), finding(1, 10), finding(2, code="R101"), finding(2), finding(10)]
    wanted.append(finding(path="b.yaml"))
    assert sort_diagnostics([*reversed(wanted), finding(1, 2)]) == wanted


def test_json() -> None:
    place = Place("a.yaml", 1, 2, 3)
    diagnostic = Diagnostic("R104", "warning", "é", (Located(place, "x"),), ("n",), "f", (Edit(place, "b"),))
    assert json.loads(to_json([diagnostic])) == [
        {
            "code": "R104",
            "severity": "warning",
            "message": "é",
            "places": [{"path": "a.yaml", "line": 1, "column": 2, "width": 3, "label": "x"}],
            "notes": ["n"],
            "fix": "f",
            "name": "cue-is-in-two-roles",
            "edits": [{"path": "a.yaml", "line": 1, "column": 2, "width": 3, "text": "b"}],
        }
    ]


def test_summary() -> None:
    warning = Diagnostic("R301", "warning", "w")
    assert summary([]) == "no findings"
    assert summary([finding(), finding(2), warning]) == "2 errors, 1 warning"


def test_lines_are_those_of_yaml() -> None:
    assert split_lines("a\r\nb\rc\nd\x0be\u2028f\n") == ["a", "b", "c", "d\x0be", "f", ""]
