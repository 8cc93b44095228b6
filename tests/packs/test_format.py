"""The canonical form: its look, and that nothing is lost."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from rulener.errors import PackError
from rulener.packs.format import WIDTH, formatted

ROOT = Path(__file__).parents[2]


def fmt(text: str) -> str:
    written = formatted(text.encode("utf-8"), "a.yaml")
    assert formatted(written.encode("utf-8"), "a.yaml") == written
    return written


@pytest.mark.parametrize(
    ("written", "wanted"),
    [
        ("terms:\n- id: a\n  any: [x,y]\n", "terms:\n  - id: a\n    any: [x, y]\n"),
        ("a:   1   \n\n\n\nb:  2", "a: 1\n\nb: 2\n"),
        ("a: 'x'\nb: \"y \\\\( z\"\nc: \"it's\"\n", "a: \"x\"\nb: 'y \\( z'\nc: \"it's\"\n"),
        ("# top\n\n# two\na: b # why\n#end", "# top\n\n# two\na: b  # why\n# end\n".replace("# end", "#end")),
        ("a: # why\n  - b   #  c\n  # d\n  - e\n", "a:  # why\n  - b  #  c\n  # d\n  - e\n"),
        ("a: [b, # one\n    c] # two\n", "a:\n  - b  # one\n  - c  # two\n"),
        ("r:\n - examples: {match: [x]}\n   any: [y]\n   id: z\n", "r:\n  - id: z\n    any: [y]\n    examples: {match: [x]}\n"),
        ("r:\n - any: [y] # why\n   id: z\n", "r:\n  - any: [y]  # why\n    id: z\n"),
        ("a: |\n      one\n\n        two\nb: c\n", "a: |\n  one\n\n    two\nb: c\n"),
        ("a:\n  - text: |\n          one\n    x: y\n", "a:\n  - text: |\n      one\n    x: y\n"),
        ("---\na: b\n", "a: b\n"),
        ("a: b\r\nc: d\r\n", "a: b\nc: d\n"),
        ("\ufeffa: b\n", "a: b\n"),
        ("# only a comment  \n", "# only a comment\n"),
        ("", ""),
        ("a: {b: c,\n  d: e}\n", "a: {b: c, d: e}\n"),
        ("a:\nb: []\nc: {}\n", "a:\nb: []\nc: {}\n"),
        ('a: "one\n   two"\n', 'a: "one two"\n'),
        ("a:\n  - [x, y]\n  - - z\n", "a:\n  - [x, y]\n  -\n    - z\n"),
        ("a: b#c\n", "a: b#c\n"),
    ],
)
def test_the_look(written: str, wanted: str) -> None:
    assert fmt(written) == wanted


def test_a_long_list_is_wrapped_under_its_first_entry() -> None:
    words = [f"word number {k}" for k in range(30)]
    lines = fmt(f"terms:\n  - id: a\n    any: [{', '.join(words)}]\n").split("\n")
    assert all(len(line) <= WIDTH for line in lines)
    assert lines[2].startswith("    any: [word number 0, ")
    assert lines[3].startswith("          word number ")


def test_a_long_mapping_gets_lines_of_its_own() -> None:
    text = f"unless: {{before: [{', '.join(['word'] * 30)}], after: [y]}}\n"
    assert fmt(text).split("\n")[0] == "unless:"
    assert fmt(text).endswith("\n  after: [y]\n")


def test_a_cue_over_several_lines_is_wrapped_between_its_words_and_alternatives() -> None:
    options = "|".join(f"option{k}" for k in range(40))
    half = len(options) // 2
    lines = fmt(f'cues:\n  - "({options[:half]}\\\n     {options[half:]}) of\n     the"\n').rstrip("\n").split("\n")
    assert all(len(line) <= WIDTH for line in lines)
    assert lines[1].endswith("|\\")
    assert yaml.safe_load("\n".join(lines)) == {"cues": [f"({options}) of the"]}


def test_a_line_is_never_broken_inside_a_mark() -> None:
    text = f'text: "{"word " * 21} [chest pain]{{problem\n  negated}}."\n'
    assert "{problem negated}" in fmt(text)


def test_what_is_no_yaml_is_refused_with_its_findings() -> None:
    with pytest.raises(PackError) as raised:
        formatted(b"a: [b\nc: d\n", "a.yaml")
    assert raised.value.code == "R102"


@pytest.mark.parametrize("path", sorted((ROOT / "rules").rglob("*.yaml")), ids=lambda path: path.name)
def test_the_shipped_packs_keep_their_meaning(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert yaml.load(fmt(text), Loader=yaml.BaseLoader) == yaml.load(text, Loader=yaml.BaseLoader)


WORDS = st.text(alphabet="ab c'\"\\#:-é,[]{}|?&*!%@0", min_size=1, max_size=12)
COMMENTS = st.text(alphabet="ab #'\"[]{},:-", max_size=8).map(lambda text: ("# " + text).rstrip())


def quoted(draw: st.DrawFn, value: str) -> str:
    style = draw(st.sampled_from("'\"p"))
    if style == "p" and value.replace(" ", "").isalpha() and value == value.strip():
        return value
    return "'" + value.replace("'", "''") + "'" if style == "'" else yaml.dump(value, default_style='"', width=9**9).rstrip("\n")


@st.composite
def documents(draw: st.DrawFn) -> str:
    """YAML as somebody careless writes it: odd indents, comments and empty lines everywhere."""
    lines: list[str] = []

    def noise(indent: int) -> None:
        for _ in range(draw(st.integers(0, 2))):
            lines.append(draw(st.sampled_from(["", " " * indent + draw(COMMENTS), draw(COMMENTS)])))

    def end() -> str:
        return " " * draw(st.integers(1, 3)) + draw(COMMENTS) if draw(st.integers(0, 3)) == 0 else " " * draw(st.integers(0, 2))

    def bracketed(depth: int) -> str:
        if depth > 1 or draw(st.booleans()):
            return quoted(draw, draw(WORDS))
        parts = [bracketed(depth + 1) for _ in range(draw(st.integers(0, 4)))]
        joint = draw(st.sampled_from([", ", ",", ",\n" + " " * 8, ",  # c\n" + " " * 9]))
        if draw(st.booleans()):
            return "[" + joint.join(parts) + "]"
        return "{" + joint.join(f"k{n}: {part}" for n, part in enumerate(parts)) + "}"

    def mapping(indent: int, depth: int, lead: str) -> None:
        for number in range(draw(st.integers(1, 3))):
            if number or not lead:
                noise(indent)
            start = lead if lead and number == 0 else " " * indent
            key = draw(st.sampled_from([["id", "z"], ["any", "y"], ["examples", "x"]][number]))
            if depth < 3 and draw(st.booleans()):
                lines.append(f"{start}{key}:{end()}")
                inner = indent + draw(st.integers(1, 4))
                if draw(st.booleans()):
                    sequence(inner, depth + 1)
                else:
                    mapping(inner, depth + 1, "")
            else:
                lines.append(f"{start}{key}: {bracketed(0)}{end()}")

    def sequence(indent: int, depth: int) -> None:
        for _ in range(draw(st.integers(1, 3))):
            noise(indent)
            gap = " " * draw(st.integers(1, 3))
            if depth < 3 and draw(st.booleans()):
                mapping(indent + 1 + len(gap), depth + 1, " " * indent + "-" + gap)
            else:
                lines.append(" " * indent + "-" + gap + bracketed(0) + end())

    mapping(0, 0, "")
    noise(0)
    return "\n".join(lines) + "\n"


@settings(deadline=None, max_examples=60)
@given(documents())
def test_the_meaning_and_the_comments_stay_and_once_is_enough(text: str) -> None:
    try:
        before = yaml.load(text, Loader=yaml.BaseLoader)
    except yaml.YAMLError:
        return
    written = fmt(text)  # raises when its own comparison fails
    assert yaml.load(written, Loader=yaml.BaseLoader) == before
    assert not any(line != line.rstrip() for line in written.split("\n"))
