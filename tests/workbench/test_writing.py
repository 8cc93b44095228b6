"""Writing rules and cases into a file's text."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rulener.errors import UsageError
from rulener.packs.cases import parse_marked
from rulener.packs.model import Place, Text
from rulener.packs.source import Listing, Scalar, Table, parse_source
from rulener.workbench.writing import add_case, add_surface, add_term, marked_text, name_from, quoted

ONE = """\
# first
terms:
  - id: a  # why
    label: disorder
    any: [alpha, beta]  # two

  - id: b
    label: disorder
    any:
      - gamma
    exact: [D]
    # the last word of b
# about the cues
context:
  - {id: c, axis: negated, direction: forward, cues: [no]}
"""


def test_a_term_comes_behind_the_last_one() -> None:
    written = add_term(ONE, "c-new", "symptom", "knee pain")
    new = "\n  - id: c-new\n    label: symptom\n    any: [knee pain]\n"
    assert written.text == ONE.replace("# about the cues", f"{new}# about the cues")
    assert written.text.split("\n")[written.line - 1] == "  - id: c-new"


def test_a_term_that_keeps_its_capitals_and_needs_quotes() -> None:
    assert "exact: [\"K-P: x\"]" in add_term(ONE, "kp", "symptom", "K-P: x", exact=True).text


def test_a_file_without_terms_gets_the_list() -> None:
    text = "context:\n  - {id: c, axis: negated, direction: forward, cues: [no]}\n\n"
    assert add_term(text, "a", "symptom", "x").text == f"{text.rstrip()}\n\nterms:\n  - id: a\n    label: symptom\n    any: [x]\n"
    assert add_term("", "a", "symptom", "x").text == "terms:\n  - id: a\n    label: symptom\n    any: [x]\n"
    assert add_term("# mine\n", "a", "symptom", "x").text.startswith("# mine\n")


@pytest.mark.parametrize(
    "text",
    ["terms: [{id: a, label: b, any: [c]}]\n", "terms: []\n", "terms:\n  - [\n", "words\n", ONE.replace("id: b", "id: new")],
)
def test_what_has_another_layout_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="U353"):
        add_term(text, "new", "symptom", "x")


def test_one_more_text_of_a_term() -> None:
    assert "any: [alpha, beta, delta]  # two" in add_surface(ONE, "a", "delta").text
    assert "      - gamma\n      - delta\n" in add_surface(ONE, "b", "delta").text
    assert "exact: [D, E]" in add_surface(ONE, "b", "E", exact=True).text
    assert "# two\n    exact: [E]\n" in add_surface(ONE, "a", "E", exact=True).text
    with pytest.raises(UsageError, match="U353"):
        add_surface(ONE, "z", "delta")


def test_a_case_with_line_breaks() -> None:
    written = add_case("cases:\n  - id: a\n    text: \"b\"\n", "c", 'He said "no".\n[Cough]{symptom negated}')
    root = parse_source(written.text.encode(), "x")[0].root
    assert isinstance(root, Table)
    (cases,) = [node for _, node in root.entries]
    assert isinstance(cases, Listing)
    last = cases.items[-1]
    assert isinstance(last, Table)
    values = {key.value: node.text.value for key, node in last.entries if isinstance(node, Scalar)}
    assert values == {"id": "c", "text": 'He said "no".\n[Cough]{symptom negated}'}


def test_names() -> None:
    assert name_from("Restless legs!") == "restless-legs"
    assert name_from("Ménière", ["meniere"]) == "meniere-2"
    assert name_from("12 h") == "term-12-h"
    assert name_from("?") == "term"


@pytest.mark.parametrize("value", ["no", "Yes", "a: b", "a, b", "#x", "[x]", "a'b", "null", "~", "1.5", "-x"])
def test_what_yaml_would_misread_is_quoted(value: str) -> None:
    assert quoted(value) == f'"{value}"'


@given(st.text(max_size=40), st.data())
def test_a_marked_text_reads_back(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    words = text[start:end]
    if not words.strip() or words != words.strip():
        return
    value = marked_text(text, start, end, "disorder negated")
    marked, problems = parse_marked(Text(value, Place("x", 1, 1)))
    assert problems == []
    assert marked.text == text
    ((mention),) = marked.mentions
    assert (mention.start, mention.end, mention.label, mention.axes) == (start, end, "disorder", ("negated",))


@given(st.text(min_size=1, max_size=30).filter(lambda text: bool(text.strip())))
def test_any_words_can_become_a_term(words: str) -> None:
    """Whatever was selected comes out as it is, or is refused; the other terms stay."""
    with suppress(UsageError):
        written = add_term(ONE, "new", "symptom", words)
        assert written.text.startswith(ONE[: ONE.index("# about")])
        assert f"any: [{quoted(words)}]" in written.text
