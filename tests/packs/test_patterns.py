"""The pattern language, cue expansion, and anchors read off regexes."""

from __future__ import annotations

import re

import pytest
import regex as regex_package
from hypothesis import given
from hypothesis import strategies as st

from rulener.packs.model import (
    Alternatives,
    Capture,
    Gap,
    LabelClass,
    MentionPart,
    Optional_,
    PatternNode,
    Place,
    Separator,
    Sequence_,
    Text,
    TokenClass,
    Word,
)
from rulener.packs.patterns import expand_literal, has_anchor, label_classes, parse_pattern, regex_anchors, token_classes


def text(value: str) -> Text:
    return Text(value, Place("a.yaml", 1, 1, len(value)))


def parsed(value: str) -> PatternNode:
    node, problems = parse_pattern(text(value))
    assert problems == []
    assert node is not None
    return node


def words(*values: str) -> Sequence_:
    return Sequence_(tuple(Word(value) for value in values))


def test_the_grammar_page_example() -> None:
    node = parsed("(LVEF | EF | ejection fraction) (of|:)? {value:number} ((-|to) {high:number})? %?")
    assert node == Sequence_(
        (
            Alternatives((words("LVEF"), words("EF"), words("ejection", "fraction"))),
            Optional_(Alternatives((words("of"), words(":")))),
            Capture("value", TokenClass("number")),
            Optional_(
                Sequence_((Alternatives((Sequence_((Separator("-"),)), words("to"))), Capture("high", TokenClass("number"))))
            ),
            Optional_(Word("%")),
        )
    )


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("<number> <word> <dose-unit>", Sequence_((TokenClass("number"), TokenClass("word"), TokenClass("dose-unit")))),
        ("a <0-3 words> b", Sequence_((Word("a"), Gap(0, 3), Word("b")))),
        ("a <1-1 word> b", Sequence_((Word("a"), Gap(1, 1), Word("b")))),
        ("{how:(low|high)}", Sequence_((Capture("how", Alternatives((words("low"), words("high")))),))),
        ("{unit:dose-unit}?", Sequence_((Optional_(Capture("unit", TokenClass("dose-unit"))),))),
        (r"\( \) \? \| \{ \} \< \> \\", words("(", ")", "?", "|", "{", "}", "<", ">", "\\")),
        ("{s:number}/<word>", Sequence_((Capture("s", TokenClass("number")), Separator("/"), TokenClass("word")))),
        ("follow-up mg/dL", words("follow-up", "mg/dL")),
        ("a - b", Sequence_((Word("a"), Separator("-"), Word("b")))),
        ("p.o. b.i.d.", words("p.o.", "b.i.d.")),
        ("Dr. Crohn's 98.6 1,000 .5 a,b", words("Dr", ".", "Crohn's", "98.6", "1,000", ".5", "a", ",", "b")),
        ("≥5%", words("≥", "5", "%")),
        ("((a))", Sequence_((Sequence_((words("a"),)),))),
        ("cafe\u0301 é", words("cafe\u0301", "é")),
    ],
)
def test_what_is_read(pattern: str, expected: PatternNode) -> None:
    assert parsed(pattern) == expected


@pytest.mark.parametrize(
    ("pattern", "column"),
    [
        ("a (b", 3),
        ("a b)", 4),
        ("a | b", 3),
        ("(a|)", 4),
        ("a ?", 3),
        ("a??", 3),
        ("a {x:}", 6),
        ("a {x:(b)", 3),
        ("a <b", 3),
        (r"a \d", 3),
        ("find(s)?", 5),
        ("(un)?likely", 4),
        ("", 1),
        ("  ", 1),
    ],
)
def test_errors_point_into_the_pattern(pattern: str, column: int) -> None:
    node, problems = parse_pattern(text(pattern))
    assert node is None
    assert [d.place.column for d in problems if d.place] == [column]


def test_a_name_may_return_in_another_alternative() -> None:
    assert has_anchor(parsed("EF ({value:number} | {value:word})"))


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("{value:number} <dose-unit>", True),
        ("{value:number}", False),
        ("<word> <word> <word> a", True),
        ("<word> <word> <word> <word> a", False),
        ("<0-3 words> a", True),
        ("<0-4 words> a", False),
        ("a?", False),
        ("(a | <number>)", False),
        ("(a | <number> b)", True),
        ("(a | <number>) b", True),
        ("{x:(a|b)}", True),
        ("- <number>", False),
    ],
)
def test_anchors_of_patterns(pattern: str, expected: bool) -> None:
    assert has_anchor(parsed(pattern)) is expected


def test_word_lists_named() -> None:
    assert token_classes(parsed("<b> {x:a} (<number> | <word> <b>)")) == ["b", "a"]


# --- cues


@pytest.mark.parametrize(
    ("cue", "forms"),
    [
        ("denies", ["denies"]),
        ("(was|were|has been) ruled out", ["was ruled out", "were ruled out", "has been ruled out"]),
        ("no( evidence of)?", ["no evidence of", "no"]),
        ("(a|a b?) c", ["a c", "a b c"]),
        ("-ve", ["-ve"]),
        ("non-(smoker|drinker)", ["non smoker", "non drinker"]),
        ("a - b", ["a - b"]),
        ("w/o h/o", ["w/o h/o"]),
        (r"\? PE", ["? PE"]),
        ("  too   many  spaces ", ["too many spaces"]),
    ],
)
def test_expansion(cue: str, forms: list[str]) -> None:
    assert expand_literal(text(cue)) == (forms, [])


@pytest.mark.parametrize(("count", "allowed"), [(500, True), (501, False)])
def test_the_limit_of_forms(count: int, allowed: bool) -> None:
    cue = "(" + "|".join(f"w{n}" for n in range(count)) + ")"
    forms, problems = expand_literal(text(cue))
    assert len(forms) == (count if allowed else 0)
    assert [d.code for d in problems] == ([] if allowed else ["R204"])


def test_a_huge_cue_is_counted_not_expanded() -> None:
    forms, problems = expand_literal(text("(a|b|c)? " * 200))
    assert forms == []
    assert [d.code for d in problems] == ["R204"]


WORD = st.text(alphabet="abcdefgh", min_size=1, max_size=5)


@given(st.lists(WORD, min_size=1, max_size=6))
def test_plain_words_expand_to_themselves(plain: list[str]) -> None:
    assert expand_literal(text("  ".join(plain))) == ([" ".join(plain)], [])


@st.composite
def cues(draw: st.DrawFn, depth: int = 2) -> tuple[str, list[str]]:
    """A cue and, by a second reading of the grammar, its forms (repeats included)."""
    parts: list[tuple[str, list[str]]] = []
    for _ in range(draw(st.integers(1, 3))):
        if depth and draw(st.booleans()):
            options = draw(st.lists(cues(depth - 1), min_size=1, max_size=3))
            parts.append(("(" + " | ".join(o[0] for o in options) + ")", [f for o in options for f in o[1]]))
        else:
            word = draw(WORD)
            parts.append((word, [word]))
        if draw(st.integers(0, 3)) == 0:
            written, forms = parts[-1]
            parts[-1] = (written + "?", [*forms, ""])
    found = [""]
    for _, forms in parts:
        found = [f"{left} {right}".strip() for left in found for right in forms]
    return " ".join(part[0] for part in parts), found


@given(cues())
def test_expansion_agrees_with_the_grammar(cue: tuple[str, list[str]]) -> None:
    written, expected = cue
    forms, problems = expand_literal(text(written))
    if len(expected) > 500 or "" in expected:
        assert forms == []
        assert [d.code for d in problems] == ["R204" if len(expected) > 500 else "R212"]
    else:
        assert forms == list(dict.fromkeys(expected))
        assert problems == []


@given(st.text(alphabet="ab1 ()|?{}<>\\:-/.,'+%é", max_size=40))
def test_no_pattern_raises(pattern: str) -> None:
    node, problems = parse_pattern(text(pattern))
    assert (node is None) == bool(problems)
    forms, cue_problems = expand_literal(text(pattern))
    assert bool(forms) != bool(cue_problems)
    assert all(forms)


# --- anchors of regexes


@pytest.mark.parametrize(
    ("regex", "anchors"),
    [
        (r"\bMRN\b[:# ]*(?<value>\d{6,10})\b", ["MRN"]),
        (r"\bMRN[:# ]+(?<value>\d{6,10})\b", ["MRN"]),
        (r"\bMRN\s*[:#]\s*\d+", ["MRN"]),
        (r"\bEF of\b", ["EF"]),
        (r"\b(?:MRN|record) no\b", ["MRN", "record"]),
        (r"\bfoo\b|\bbarbaz:", ["foo", "barbaz"]),
        (r"(?i)\bmrn\b", ["mrn"]),
        (r"(?<!\w)foo(?!\w)", ["foo"]),
        (r"^foo$", ["foo"]),
        (r"\bT2DM\b", ["T2DM"]),
        (r"\bfoo\b(?= bar)", ["foo"]),
        (r"(?:(?P<a>\bfoo\b))", ["foo"]),
        # unsure
        (r"\bMRN[:# ]*(?<value>\d{6,10})\b", []),
        (r"MRN: \d+", []),
        (r"\bfoos?\b", []),
        (r"\bfoo(?:bar)?\b", []),
        (r"(?:\bfoo\b)?x", []),
        (r"\bfoo\b|bar", []),
        (r"\b12\b", []),
        (r"\bx\b", []),
        (r"[abc]", []),
        (r"(?x) \b foo \b", []),
        (r"(?:\bfoo\b){e<=1}", []),
        (r"'foo'", []),
        (r"\bfoo\b(", []),
        (r"", []),
    ],
)
def test_anchors_of_regexes(regex: str, anchors: list[str]) -> None:
    assert regex_anchors(regex) == anchors


@given(st.text(alphabet="abF0 ()|?{},<>\\:-.[]^$*+bsdwWxPiK!=#'", max_size=30))
def test_no_regex_raises(regex: str) -> None:
    assert all(len(anchor) >= 2 and anchor[0].isalpha() for anchor in regex_anchors(regex))


PLAIN = ["ab", "cd", "a", "1", ":", r"\s", r"\b", r"\b", r"\W", r"\d", ".", "^", "$", "|", "[a-c]", "[!-~]", "[^a]"]
REPEATED = [r"\s*", "[:.]+", "[:.]*", r"\w+", "b?", "a+", "{2}", r"(ab\s)?", "(?:ab|cd:){1,2}"]
GROUPED = ["(?:ab|cd)", "(cd:)", r"(?:cd|\s)", r"(?!\w)", r"(?<!\w)", r"(?:ab\b)", "(?=ab)", r"\x41", r"\p{L}"]
PIECES = st.sampled_from([*PLAIN, *REPEATED, *GROUPED])


@given(st.lists(PIECES, min_size=1, max_size=7).map("".join), st.data())
def test_every_match_holds_an_anchor_as_a_whole_word(pattern: str, data: st.DataObject) -> None:
    anchors = regex_anchors(pattern)
    note = data.draw(st.lists(st.sampled_from(["ab", "cd", "a", "b", " ", ":", "1", "x", ".", "_"]), max_size=14).map("".join))
    whole = [m.span() for m in re.finditer(r"[^\W_]+", note) if m[0] in anchors]
    try:
        compiled = regex_package.compile(pattern)
    except regex_package.error:
        return
    for match in compiled.finditer(note, overlapped=True):
        assert not anchors or any(match.start() <= start and end <= match.end() for start, end in whole)


# --- labels and mentions ----------------------------------------------------------------------------------------------


def test_a_label_element_names_labels() -> None:
    assert parsed("<label anatomy> pain") == Sequence_((LabelClass(("anatomy",)), Word("pain")))
    assert parsed("pain {site:label lab_test|i2b2-x}") == Sequence_(
        (Word("pain"), Capture("site", LabelClass(("lab_test", "i2b2-x"))))
    )
    assert label_classes(parsed("<label b|a> pain (<label c>|{x:label a})")) == ["b", "a", "c"]


def test_brackets_mark_the_mention() -> None:
    assert parsed("given [iron <word>?] \\[x\\]") == Sequence_(
        (Word("given"), MentionPart(Sequence_((Word("iron"), Optional_(TokenClass("word"))))), Word("["), Word("x"), Word("]"))
    )


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("<label a> pain", True),
        ("<label a>? pain", True),
        ("[<label a> <0-2 words> pain]", True),
        ("(<label a>|foo) pain", True),
        ("{x:label a} pain", True),
        ("pain <label a>", True),
        ("<label a>", False),
        ("<label a> <label b> pain", False),
        ("<word> <label a> pain", False),
        ("<label a> <word> <word> <word> <word> pain", False),
    ],
)
def test_a_label_needs_a_word_behind_it(pattern: str, expected: bool) -> None:
    assert has_anchor(parsed(pattern)) is expected
