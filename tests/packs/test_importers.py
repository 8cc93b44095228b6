"""Readers of foreign rule files, and the packs made of them. Small files written for these tests, in the systems' shapes."""

from __future__ import annotations

from pathlib import Path

import pytest

from rulener.errors import UsageError
from rulener.packs.diagnostics import Diagnostic
from rulener.packs.importers import fastcontext, medspacy, negex
from rulener.packs.importers.pack import Draft, by_reason, draft, report, write
from rulener.packs.importers.reading import Reading
from rulener.packs.model import ContextCue, Direction, Pack
from rulener.packs.parse import check_packs, load_packs
from rulener.shipped import packs as shipped_packs

NEGEX = """\
# made for a test
never rises above\t\t[PSEU]
could find no\t\t[PREN]
"quoted, as spreadsheets do"\t[POST]
is hunted for as\t[PREP]
might yet turn into\tPOSP
in spite of all that,CONJ
a line of prose
\t[PREN]
seldom (rarely)?\t\t[PREN]
"""

FASTCONTEXT = """\
# made for a test
@CONCEPT_FEATURES|Concept|Negation|Temporality
@FEATURE_VALUES|Negation|affirm|negated
@FEATURE_VALUES|Temporality|present|historical|hypothetical
could find no|forward|trigger|negated|10
gone at last|forward|trigger|negated|10
gone at last|backward|trigger|negated|10
s / p|forward|trigger|historical|30
yet again|both|termination|negated|10
yet again|forward|termination|historical|10
could find no|backward|termination|negated|10
never rises above|both|pseudo|negated|10
\\w+ no|forward|trigger|negated|10
> 3 months of|forward|trigger|historical|30
now|both|trigger|present|30
uncle|forward|trigger|nonpatient|wide
odd|sideways|trigger|negated|10
two|columns
"""

MEDSPACY = """\
{"context_rules": [
  {"literal": "could find no", "category": "NEGATED_EXISTENCE", "pattern": null, "direction": "FORWARD"},
  {"literal": "fit to banish", "category": "NEGATED_EXISTENCE", "direction": "forward", "max_scope": 5,
   "allowed_types": ["PROBLEM", "Lump"],
   "pattern": [{"LOWER": {"IN": ["fit", "able"]}}, {"LOWER": "to"}, {"TEXT": "it", "OP": "?"}, {"LOWER": "banish"}]},
  {"literal": "great uncle", "category": "FAMILY", "direction": "BIDIRECTIONAL",
   "pattern": [{"LOWER": "great"}, {"LOWER": "uncle"}, {"LOWER": {"IN": ["'s", "'"]}, "OP": "?"}]},
  {"literal": "a", "category": "NEGATED_EXISTENCE", "direction": "FORWARD", "pattern": "no (hint|sign)s? of"},
  {"literal": "b", "category": "NEGATED_EXISTENCE", "direction": "FORWARD", "pattern": [{"LEMMA": "lack"}]},
  {"literal": "c", "category": "NEGATED_EXISTENCE", "direction": "FORWARD", "pattern": [{"LOWER": "no", "OP": "+"}]},
  {"literal": "in spite of it", "category": "CONJ", "direction": "TERMINATE", "on_match": "a.function"},
  {"literal": "perhaps later", "category": "AMBIVALENT", "direction": "FORWARD"},
  {"literal": "no such luck", "category": "NEGATED_EXISTENCE", "direction": "PSEUDO"},
  "not an object",
  {"literal": "d", "direction": "FORWARD"},
  {"literal": "e", "category": "FAMILY", "direction": "UPWARDS"}
 ],
 "section_rules": [
  {"literal": "Sleep Matters:", "category": "sleep_matters"},
  {"literal": "SLEEP MATTERS:", "category": "sleep_matters"},
  {"literal": "Kin:", "category": "family_history", "parents": ["history"], "parent_required": true},
  {"literal": "Odd:", "category": "odd", "pattern": "Odd( stuff)?:"},
  {"section_title": "old_shape", "pattern": "Old Shape:"}
 ]}
"""


def made(tmp_path: Path, format_: str, content: str, *maps: str, base: tuple[Pack, ...] = ()) -> Draft:
    path = tmp_path / f"rules.{format_}"
    path.write_text(content, encoding="utf-8")
    reading: Reading = {"negex": negex, "fastcontext": fastcontext, "medspacy": medspacy}[format_].read(path)
    return draft(reading, path.name, "Mine!", maps, base)


def written(tmp_path: Path, result: Draft, base: tuple[Pack, ...] = ()) -> tuple[Pack, list[Diagnostic]]:
    folder = tmp_path / "pack"
    folder.mkdir()
    write(result, folder)
    packs, findings = check_packs([*(pack.path for pack in base), folder])
    return packs[-1], [finding for finding in findings if finding.severity == "error" or finding.code in ("R301", "R302", "R303")]


def roles(pack: Pack) -> set[tuple[str, tuple[str, ...], str, int | None]]:
    """(direction, axes, cue, tokens) of every cue."""

    def of(rule: ContextCue) -> set[tuple[str, tuple[str, ...], str, int | None]]:
        return {(rule.direction.value, rule.axes, text.value, rule.scope.tokens) for text in rule.cues}

    return set().union(*map(of, pack.context)) if pack.context else set()


def left(result: Draft) -> dict[str, list[int]]:
    return {reason: [remark.place.line for remark in group] for reason, group in by_reason(result.reading.left_out)}


def test_negex(tmp_path: Path) -> None:
    result = made(tmp_path, "negex", NEGEX)
    pack, findings = written(tmp_path, result)
    assert findings == []
    assert roles(pack) == {
        ("pseudo", ("negated", "uncertain"), "never rises above", None),
        ("forward", ("negated",), "could find no", None),
        ("forward", ("negated",), r"seldom \(rarely\)\?", None),
        ("backward", ("negated",), "quoted, as spreadsheets do", None),
        ("forward", ("uncertain",), "is hunted for as", None),
        ("backward", ("uncertain",), "might yet turn into", None),
        ("stop", ("negated", "uncertain"), "in spite of all that", None),
    }
    assert left(result) == {"line without a tag such as [PREN]": [8], "tag without a phrase": [9]}
    assert (pack.name, pack.axes) == ("mine", ("negated", "uncertain"))


def test_fastcontext(tmp_path: Path) -> None:
    result = made(tmp_path, "fastcontext", FASTCONTEXT)
    pack, findings = written(tmp_path, result)
    assert findings == []
    assert roles(pack) == {
        ("forward", ("negated",), "could find no", 10),
        ("both", ("negated",), "gone at last", 10),
        ("forward", ("historical",), "s / p", 30),
        ("forward", ("family",), "uncle", None),
        ("stop", ("negated",), "yet again", None),
        ("stop", ("historical",), "yet again", None),
        ("pseudo", ("negated",), "never rises above", None),
    }
    assert left(result) == {
        "an earlier rule of the file has it in another role on the same axis": [11],
        "wildcard (a cue is words here)": [13],
        "comparison with a number": [14],
        "sets the value that holds without a cue": [15],
        "direction or type of another kind": [17],
        "row with 2 columns in place of 5": [18],
    }
    assert {remark.place.line for remark in result.reading.changed} == {10, 11, 16}


@pytest.mark.parametrize(("splitter", "named"), [("\t", ""), (",", ""), (";", "@splitter:;\n")])
def test_fastcontext_with_other_splitters(tmp_path: Path, splitter: str, named: str) -> None:
    row = splitter.join(["could find no", "forward", "trigger", "negated", "10"])
    pack, _ = written(tmp_path, made(tmp_path, "fastcontext", f"{named}{row}\n"))
    assert roles(pack) == {("forward", ("negated",), "could find no", 10)}


def test_medspacy(tmp_path: Path) -> None:
    result = made(tmp_path, "medspacy", MEDSPACY, "AMBIVALENT=uncertain")
    pack, findings = written(tmp_path, result)
    assert findings == []
    assert roles(pack) == {
        ("forward", ("negated",), "could find no", None),
        ("forward", ("negated",), "(fit | able) to it? banish", 5),
        ("both", ("family",), "great uncle", None),
        ("stop", (), "in spite of it", None),
        ("forward", ("uncertain",), "perhaps later", None),
        ("pseudo", (), "no such luck", None),
    }
    assert [[label.value for label in rule.on] for rule in pack.context if rule.on] == [["problem", "lump"]]
    assert {label.id for label in pack.labels} == {"problem", "lump"}
    assert {(section.name, section.sets) for section in pack.sections} == {
        ("sleep_matters", ()),
        ("family_history", ("family",)),
        ("old_shape", ()),
    }
    assert left(result) == {
        "regular expression (a cue is words here)": [8],
        "token pattern with `LEMMA`": [9],
        'token pattern with `OP: "+"`': [10],
        "item that is no object": [14],
        "rule without literal or category": [15],
        "direction of another kind": [16],
        "it stands there twice": [20],
        "regular expression for a heading (a heading is words here)": [22],
    }
    assert {(remark.place.line, remark.reason.split("`")[1]) for remark in result.reading.changed} == {
        (11, "on_match"),
        (21, "parents"),
        (21, "parent_required"),
    }


def test_a_category_without_an_axis_is_left_out_and_named(tmp_path: Path) -> None:
    result = made(tmp_path, "medspacy", MEDSPACY)
    assert left(result)["category AMBIVALENT has no axis here (give it one with --map AMBIVALENT=AXIS)"] == [12]


def test_map_may_turn_leave_out_and_rename(tmp_path: Path) -> None:
    maps = ("FAMILY=historical/backward", "NEGATED_EXISTENCE=none", "Lump=finding", "sleep_matters=historical")
    result = made(tmp_path, "medspacy", MEDSPACY, *maps)
    pack, findings = written(tmp_path, result)
    assert findings == []
    assert ("backward", ("historical",), "great uncle", None) in roles(pack)
    assert {rule.direction for rule in pack.context} == {Direction.BACKWARD, Direction.STOP, Direction.PSEUDO}
    assert [section.sets for section in pack.sections if section.name == "sleep_matters"] == [("historical",)]
    assert left(result)["category NEGATED_EXISTENCE has no axis here (left out by --map)"] == [2, 3]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("PREN", "is not CATEGORY=AXIS"),
        ("PREM=negated", "no category or type PREM"),
        ("PREN=negate", "no axis negate"),
        ("PREN=negated/up", "there is no direction up"),
    ],
)
def test_a_map_that_does_not_fit(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        made(tmp_path, "negex", NEGEX, text)
    assert caught.value.code == "U232"


@pytest.mark.parametrize(
    ("format_", "content", "place"),
    [
        ("negex", "only prose\n", "rules.negex"),
        ("fastcontext", "only prose\n", "rules.fastcontext"),
        ("medspacy", "", "rules.medspacy:1:1"),
        ("medspacy", '{"context_rules": [\n {"literal": no}]}', "rules.medspacy:2:14"),
        ("medspacy", '{"context_rules": [{}] "x": 1}', "rules.medspacy:1:24"),
        ("medspacy", '{"context_rules": []} more', "rules.medspacy:1:23"),
        ("medspacy", '{"rules": []}', "rules.medspacy"),
        ("medspacy", "[" * 100_000, "rules.medspacy"),
        ("medspacy", "{1: 2}", "rules.medspacy:1:3"),
    ],
)
def test_a_file_of_another_kind(tmp_path: Path, format_: str, content: str, place: str) -> None:
    with pytest.raises(UsageError) as caught:
        made(tmp_path, format_, content)
    assert (caught.value.code, caught.value.place) == ("U231", place)


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / "rules.json"
    with pytest.raises(UsageError, match="U230"):
        medspacy.read(path)
    path.write_bytes(b"\xff\xfe[")
    with pytest.raises(UsageError, match="not UTF-8"):
        medspacy.read(path)


def test_beside_the_english_pack_nothing_stands_twice_or_in_two_roles(tmp_path: Path) -> None:
    base = tuple(load_packs([shipped_packs()["english"]]))
    content = "none seen\t[POST]\nbut\t[PREN]\ncould find no\t[PREN]\n"
    result = made(tmp_path, "negex", content, base=base)
    pack, findings = written(tmp_path, result, base)
    assert findings == []
    assert roles(pack) == {("forward", ("negated",), "could find no", None)}
    assert left(result) == {
        "the pack english has it already": [1],
        "the pack english has it in another role on the same axis": [2],
    }


def test_a_window_that_is_too_wide_is_left_out_and_named(tmp_path: Path) -> None:
    result = made(tmp_path, "fastcontext", "could find no|forward|trigger|negated|1001\n")
    pack, findings = written(tmp_path, result)
    assert (findings, roles(pack)) == ([], {("forward", ("negated",), "could find no", None)})
    assert [remark.place.line for remark in result.reading.changed] == [1]


def test_odd_characters_stay_or_are_named(tmp_path: Path) -> None:
    rules = ", ".join(
        f'{{"literal": "{literal}", "category": "FAMILY", "direction": "FORWARD"}}'
        for literal in ("Großtante \\u2028 väterlicherseits", "a \\\\ b {c} <d> [e] \\\"f\\\"", "\\u0000 nul", "!!", "\\ud800")
    )
    result = made(tmp_path, "medspacy", f'{{"context_rules": [{rules}]}}')
    pack, findings = written(tmp_path, result)
    assert findings == []
    assert len(roles(pack)) + len(result.reading.left_out) == 5
    assert ("forward", ("family",), "Großtante väterlicherseits", None) in roles(pack)


def test_the_report_names_every_place(tmp_path: Path) -> None:
    result = made(tmp_path, "fastcontext", FASTCONTEXT)
    text = report(result)
    for remark in (*result.reading.left_out, *result.reading.changed):
        assert f"* rules.fastcontext:{remark.place.line} `{remark.shown}`" in text
    assert "| negated | " in text


def test_the_same_file_makes_the_same_bytes(tmp_path: Path) -> None:
    texts = []
    for name in ("one", "two"):
        folder = tmp_path / name
        folder.mkdir()
        write(made(tmp_path, "fastcontext", FASTCONTEXT), folder)
        texts.append([path.read_bytes() for path in sorted(folder.iterdir())])
    assert texts[0] == texts[1]
