"""`Engine.explain`: why each entity is there, what it beat, and why nothing stands at a place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import rulener
from rulener.errors import NoteError, UsageError

PACK = """\
name: tiny
version: 1.0.0
labels:
  - id: ailment
    schemes: {i2b2: problem}
  - id: place
axes: [negated, uncertain, historical]
"""

RULES = """\
terms:
  - id: ear-ache
    label: ailment
    concepts: [ICD10CM:H92.09]
    any: [ear ache, otalgia]
  - id: ear
    label: place
    any: [ear]
  - id: inner-ear
    label: place
    any: [inner ear]
    priority: 5
  - id: drum
    label: place
    any: [ear drum, otalgia]
  - id: aids
    label: ailment
    exact: [AIDS]
  - id: cold
    label: ailment
    any: [cold]
    unless: {before: [water], section: [past_history]}
  - id: virus
    label: ailment
    any: [x virus]
patterns:
  - id: grade
    label: ailment
    match: "grade {value:number} loss"
context:
  - id: denies
    axis: negated
    direction: forward
    cues: [denies, no]
  - id: no-change
    axis: negated
    direction: pseudo
    cues: [no change in]
  - id: "but"
    direction: stop
    cues: [but]
  - id: perhaps
    axis: uncertain
    direction: forward
    cues: [perhaps]
sections:
  - id: past-history
    headings: [past history]
    sets: {historical: true}
"""

LEXICON = "term\tlabel\tsystem\tcode\npain\tailment\tMESH\tD010146\near pain\tailment\t\t\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("explain")
    (folder / "tiny").mkdir()
    (folder / "tiny" / "pack.yaml").write_text(PACK)
    (folder / "tiny" / "rules.yaml").write_text(RULES)
    (folder / "words.tsv").write_text(LEXICON)
    return folder


@pytest.fixture(scope="module")
def engine(folder: Path) -> rulener.Engine:
    return rulener.load(folder / "tiny", lexicons=[folder / "words.tsv"], base=None, cache_dir=folder / "cache")


def entities_of(engine: rulener.Engine, text: str) -> list[dict[str, Any]]:
    return list(engine.explain(text).to_dict()["entities"])


def place_of(rule: str) -> str:
    """Where a rule's id stands in the pack's file."""
    for number, line in enumerate(RULES.splitlines(), 1):
        if line.strip() in (f"- id: {rule}", f'- id: "{rule}"'):
            return f"tiny/rules.yaml:{number}:9"
    raise AssertionError(rule)


# --- entities -----------------------------------------------------------------------------------------------------------


def test_an_entity_names_rule_concept_section_and_sentence(engine: rulener.Engine) -> None:
    text = "Seen today.\n\nPAST HISTORY: otalgia."
    (entity,) = entities_of(engine, text)
    assert (entity["rule"], entity["rule_place"]) == ("tiny:ear-ache", place_of("ear-ache"))
    assert entity["concepts"][0]["code"] == "H92.09"
    assert entity["section_span"]["name"] == "past_history"
    assert entity["section_span"]["heading"] == "PAST HISTORY"
    assert text[entity["sentence_span"]["start"] : entity["sentence_span"]["end"]] == "otalgia."
    assert (entity["line"], entity["column"]) == (3, 15)


def test_a_cue_is_named_with_its_words_place_and_scope(engine: rulener.Engine) -> None:
    text = "He denies otalgia."
    (entity,) = entities_of(engine, text)
    (cue,) = entity["cues"]
    assert (cue["axis"], cue["text"], cue["rule"], cue["place"], cue["via"]) == (
        "negated", "denies", "tiny:denies", place_of("denies"), "direct",
    )  # fmt: skip
    assert text[cue["scope_start"] : cue["scope_end"]] == "otalgia."
    assert (entity["negated"], entity["uncertain"], entity["family"]) == (True, False, None)


def test_the_stop_cue_that_ends_a_reach_is_named(engine: rulener.Engine) -> None:
    text = "No otalgia but no cold."
    first, second = entities_of(engine, text)
    assert [cue["ended_by"]["rule"] for cue in first["cues"]] == ["tiny:but"]
    assert [cue["ended_by"] for cue in second["cues"]] == [None]
    lines = [line.strip() for line in engine.explain(text).lines()]
    assert sum(line.startswith('up to "but" at 11-14, which ends it; tiny:but (tiny/') for line in lines) == 1


def test_a_section_that_asserts_is_a_reason(engine: rulener.Engine) -> None:
    (entity,) = entities_of(engine, "Past history: otalgia.")
    assert [(cue["axis"], cue["via"], cue["text"]) for cue in entity["cues"]] == [("historical", "section", "Past history")]
    assert any("by its section's heading" in line for line in engine.explain("Past history: otalgia.").lines())


@pytest.mark.parametrize(
    ("text", "found", "beaten", "reason"),
    [
        ("An ear pain.", "ear pain", "pain", "shorter"),
        ("The inner ear ache.", "inner ear", "ear ache", "priority"),
        ("An ear ear ache.", "ear ache", "ear", "shorter"),
        ("Otalgia.", "Otalgia", "Otalgia", "order"),
    ],
)
def test_what_was_beaten_is_named_with_the_reason(
    engine: rulener.Engine, text: str, found: str, beaten: str, reason: str
) -> None:
    entity = next(entity for entity in entities_of(engine, text) if entity["text"] == found)
    assert (beaten, reason) in [(passed["text"], passed["reason"]) for passed in entity["beat"]]
    assert any(line.strip().startswith("beat") for line in engine.explain(text).lines())


def test_of_two_equally_long_the_later_loses(engine: rulener.Engine, folder: Path) -> None:
    table = folder / "chain.tsv"
    table.write_text("term\tlabel\tsystem\tcode\nred ear\tailment\t\t\near canal\tailment\t\t\n")
    engine = rulener.load(folder / "tiny", lexicons=[table], base=None, cache_dir=folder / "cache")
    entity = entities_of(engine, "Red ear canal.")[0]
    assert entity["text"] == "Red ear"
    assert ("ear canal", "later") in [(passed["text"], passed["reason"]) for passed in entity["beat"]]


def test_attributes_are_shown_with_their_numbers(engine: rulener.Engine) -> None:
    lines = engine.explain("Grade 2 loss.").lines()
    assert any('value: "2" = 2' in line for line in lines)


# --- cues ---------------------------------------------------------------------------------------------------------------


def test_every_cue_is_listed_also_pseudo_and_stop(engine: rulener.Engine) -> None:
    text = "No change in otalgia but denies pain."
    cues = engine.explain(text).to_dict()["cues"]
    assert [(cue["text"], cue["direction"], cue["live"]) for cue in cues] == [
        ("No", "forward", []),
        ("No change in", "pseudo", ["negated"]),
        ("but", "stop", ["negated", "uncertain", "historical"]),
        ("denies", "forward", ["negated"]),
    ]
    assert all(set(cue) >= {"rule", "start", "end", "place", "direction", "axes", "live"} for cue in cues)
    assert all(text[cue["start"] : cue["end"]] == cue["text"] for cue in cues)


def test_a_cue_says_what_it_does_or_why_it_does_nothing(engine: rulener.Engine) -> None:
    cues = {cue["text"]: cue for cue in engine.explain("No change in otalgia. Denies pain. Perhaps later.").to_dict()["cues"]}
    assert 'lies in the pseudo cue "No change in"' in cues["No"]["why"]
    assert cues["No change in"]["why"] == 'silences "No"'
    assert cues["Denies"]["acts_on"] == ["T2"]
    assert cues["Perhaps"]["why"] == "reaches no mention"


def test_cues_are_listed_in_a_note_without_entities(engine: rulener.Engine) -> None:
    explanation = engine.explain("He denies everything.")
    assert [cue["rule"] for cue in explanation.to_dict()["cues"]] == ["tiny:denies"]
    assert explanation.lines()[0] == "No entity was found in this note."


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Otalgia he denies.", "the mention stands before the cue"),
        ("Denies pain but has otalgia.", '"but" stands between and stops it'),
        ("Denies pain; otalgia.", "its reach ends before"),
    ],
)
def test_why_a_cue_of_the_sentence_does_not_reach_the_entity(engine: rulener.Engine, text: str, reason: str) -> None:
    lines = engine.explain(text, text.lower().index("otalgia")).lines()
    assert [line for line in lines if "    not T" in line and reason in line]


def test_a_cue_inside_the_mention_is_said_to_be_part_of_it(engine: rulener.Engine, folder: Path) -> None:
    table = folder / "inside.tsv"
    table.write_text("term\tlabel\tsystem\tcode\nno light perception\tailment\t\t\n")
    engine = rulener.load(folder / "tiny", lexicons=[table], base=None, cache_dir=folder / "cache")
    assert any("the cue is part of the mention" in line for line in engine.explain("He has no light perception.", 12).lines())


# --- a place ------------------------------------------------------------------------------------------------------------


def at(engine: rulener.Engine, text: str, word: str) -> tuple[dict[str, Any], str]:
    explanation = engine.explain(text, text.index(word))
    return explanation.to_dict(), "\n".join(explanation.lines())


def test_at_an_entity_only_that_one_is_explained(engine: rulener.Engine) -> None:
    data, said = at(engine, "Denies otalgia. Has pain.", "pain")
    assert [entity["text"] for entity in data["entities"]] == ["pain"]
    assert data["cues"] == []
    assert "otalgia" not in said


def test_a_word_no_rule_has(engine: rulener.Engine) -> None:
    data, said = at(engine, "He has Mumps.", "Mumps")
    assert (data["position"]["kind"], data["position"]["key"], data["position"]["known"]) == ("word", "mumps", False)
    assert data["entities"] == []
    assert "No term, cue, heading or pattern of the loaded packs and lexicons has this word." in said


def test_a_word_that_only_longer_forms_have(engine: rulener.Engine) -> None:
    data, said = at(engine, "A virus was found.", "virus")
    assert data["position"]["known"] is True
    assert "only in longer forms" in said


@pytest.mark.parametrize(
    ("text", "word", "reason", "rule"),
    [
        ("Needs hearing aids.", "aids", "case", "aids"),
        ("Take 2otalgia daily.", "otalgia", "glued", "ear-ache"),
        ("Swam in cold water.", "cold", "unless", "cold"),
        ("Past history: cold.", "cold", "unless", "cold"),
        ("His past history is long.", "past", "no heading here", "past-history"),
    ],
)
def test_what_stood_there_and_did_not_count(engine: rulener.Engine, text: str, word: str, reason: str, rule: str) -> None:
    data, said = at(engine, text, word)
    assert data["entities"] == []
    assert (f"tiny:{rule}", place_of(rule), reason) in [(p["rule"], p["place"], p["reason"]) for p in data["passed_over"]]
    assert "What also matches here but does not count" in said


def test_a_loser_names_its_winner(engine: rulener.Engine) -> None:
    data, _ = at(engine, "The inner ear ache.", "ache")
    assert data["entities"] == []
    (passed,) = data["passed_over"]
    assert (passed["text"], passed["reason"], passed["winner"]["rule"]) == ("ear ache", "priority", "tiny:inner-ear")


def test_a_cue_at_the_place(engine: rulener.Engine) -> None:
    data, said = at(engine, "He denies otalgia.", "denies")
    assert [cue["acts_on"] for cue in data["cues"]] == [["T1"]]
    assert "The word is (part of) a cue" in said
    assert "makes T1 negated" in said


def test_a_heading_at_the_place(engine: rulener.Engine) -> None:
    data, said = at(engine, "Past history: otalgia.", "history")
    assert data["position"]["in_heading"] is True
    assert "headings hold no mentions" in said


@pytest.mark.parametrize(
    ("text", "position", "said"),
    [
        ("ear\nache", 3, 'a line break between "ear" and "ache"'),
        ("  pain", 0, "a space before the first word of the note"),
        ("pain  ", 5, "a space after the last word of the note"),
        ("red-hot", 3, 'the separator "-" between "red" and "hot"'),
        (" \n ", 1, "a line break in a note without words"),
    ],
)
def test_a_place_between_words(engine: rulener.Engine, text: str, position: int, said: str) -> None:
    explanation = engine.explain(text, position)
    assert explanation.to_dict()["position"]["kind"] == "gap"
    assert said in explanation.lines()[0]


@pytest.mark.parametrize(("text", "position"), [("pain", 4), ("pain", -1), ("", 0)])
def test_a_place_outside_the_text_is_refused(engine: rulener.Engine, text: str, position: int) -> None:
    with pytest.raises(UsageError) as caught:
        engine.explain(text, position)
    assert caught.value.code == "U220"
    assert "pain" not in str(caught.value)


def test_a_label_the_scheme_leaves_out_is_said(folder: Path) -> None:
    engine = rulener.load(folder / "tiny", lexicons=[folder / "words.tsv"], base=None, scheme="i2b2", cache_dir=folder / "cache")
    data, said = at(engine, "The inner ear.", "ear")
    assert data["entities"] == []
    assert data["position"]["left_out"] == ["place"]
    assert "the scheme in use has no name for that label" in said


# --- in general -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["", "\n", "İß ﬁ 😀 otalgia\x00 é\r\nno pain\ud800", "PAST HISTORY:\n- otalgia\n2) denies cold"])
def test_any_text_and_place_can_be_explained(engine: rulener.Engine, text: str) -> None:
    document = engine.annotate(text)
    explanation = engine.explain(text)
    assert [(e["start"], e["end"], e["label"]) for e in explanation.to_dict()["entities"]] == [
        (e.start, e.end, e.label) for e in document.entities
    ]
    for position in range(len(text)):
        engine.explain(text, position).lines()
    assert json.loads(json.dumps(explanation.to_dict())) == explanation.to_dict()


def test_a_note_cannot_steer_the_terminal(engine: rulener.Engine) -> None:
    text = "Denies\x1b[31m otalgia\x07 pain."
    for explanation in (engine.explain(text), *(engine.explain(text, position) for position in range(len(text)))):
        assert all(line.isprintable() for line in explanation.lines())


def test_the_same_note_gives_the_same_words(engine: rulener.Engine) -> None:
    text = "No change in otalgia but denies inner ear ache."
    assert engine.explain(text).lines() == engine.explain(text).lines()
    assert engine.explain(text).to_dict() == engine.explain(text).to_dict()


def test_a_note_that_cannot_be_annotated_cannot_be_explained(folder: Path, tmp_path: Path) -> None:
    slow = tmp_path / "slow"
    slow.mkdir()
    (slow / "pack.yaml").write_text("name: slow\nversion: 1.0.0\nlabels: [{id: ailment}]\n")
    (slow / "rules.yaml").write_text(
        "patterns:\n  - id: slow\n    label: ailment\n    regex: 'ache (a|aa)+b'\n    anchors: [ache]\n"
    )
    engine = rulener.load(slow, lexicons=[folder / "words.tsv"], base=None, cache_dir=folder / "cache")
    with pytest.raises(NoteError):
        engine.explain(f"ache {'a' * 200}c")
