"""Offsets are indices into the note as it was given, whatever it holds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rulener import Engine
from tests.reference.strategies import dense_pack, notes

from .support import core_entities, engine_of, oracle_entities, oracle_of
from .test_against_oracle import MANY

AWKWARD = (
    "\u0130",
    "\u00df",
    "\ufb01",
    "e\u0301",
    "\u01c5",
    "\U0001f600",
    "\U0001d5d4",
    "\r\n",
    "\0",
    "\ufeff",
    "\ud800",
    "\u00ad",
    "\u2028",
)
KINDS = {"ASCII": "", "Latin-1": "\u00e9", "UCS2": "\u4e2d", "UCS4": "\U0001f600"}


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with engine_of([dense_pack()]) as made:
        yield made


def check_invariants(doc: Any, text: str) -> None:
    for entity in doc.entities:
        assert text[entity.start : entity.end] == entity.text
        assert 0 <= entity.start < entity.end <= len(text)
        for attribute in entity.attributes.values():
            assert text[attribute.start : attribute.end] == attribute.text
        sentence = doc.sentences[entity.sentence]
        assert sentence.start <= entity.start < sentence.end
        for cue in entity.cues:
            assert 0 <= cue.start < cue.end <= len(text)
            assert 0 <= cue.scope_start <= cue.scope_end <= len(text)
    bounds = [place for s in doc.sentences for place in (s.start, s.end)]
    assert bounds == sorted(bounds)
    for section in doc.sections:
        assert section.start == section.heading_start < section.heading_end <= section.body <= section.end <= len(text)


@MANY
@given(text=notes(max_parts=40))
def test_invariants(engine: Engine, text: str) -> None:
    check_invariants(engine.annotate(text), text)


@MANY
@given(parts=st.lists(st.sampled_from((*AWKWARD, "no fever", "rash ", "Crohn\u2019s", " ", ".", "5mg")), max_size=20))
def test_invariants_of_awkward_text(engine: Engine, parts: list[str]) -> None:
    text = "".join(parts)
    check_invariants(engine.annotate(text), text)


@pytest.mark.parametrize("before", list(AWKWARD))
def test_what_stands_before_shifts_offsets_by_its_length(engine: Engine, before: str) -> None:
    text = f"{before} no fever"
    (entity,) = engine.annotate(text).entities
    assert (entity.start, entity.end) == (len(text) - 5, len(text))
    assert entity.negated is True
    assert entity.cues[0].start == len(text) - 8


@pytest.mark.parametrize("kind", list(KINDS))
def test_every_width_of_str(engine: Engine, kind: str) -> None:
    text = f"no rash. {KINDS[kind]} Chest pain until fever {KINDS[kind]}"
    assert core_entities(engine.annotate(text).entities) == oracle_entities(oracle_of([dense_pack()]).annotate(text))
    assert [e.text for e in engine.annotate(text).entities] == ["rash", "Chest pain", "fever"]


@pytest.mark.parametrize(
    "character", ["a", "5", " ", "\n", ".", "-", "'", "\u00ad", "\u0301", "\u4e2d", "\U0001f600", "\ud800", "\0", "("]
)
def test_a_megabyte_of_one_character(engine: Engine, character: str) -> None:
    text = "fever " + character * 1_000_000 + " no rash"
    doc = engine.annotate(text)
    assert [e.text for e in doc.entities][-1] == "rash"
    check_invariants(doc, text)


@pytest.mark.parametrize("length", [254, 255, 256, 257, 300, 5000])
@pytest.mark.parametrize("letter", ["a", "\u00e9", "\u4e2d"])
def test_long_tokens_hide_nothing(engine: Engine, length: int, letter: str) -> None:
    text = f"no {letter * length} fever"
    (entity,) = engine.annotate(text).entities
    assert (entity.text, entity.negated) == ("fever", True)
    tokens = engine._scanner().tokenise(text)
    assert [(start, end) for start, end, *_ in tokens] == [(0, 2), (3, 3 + length), (4 + length, len(text))]


@pytest.mark.parametrize("text", ["", " ", "\n\n", "\0", "\u00ad", "\u0301", "'"])
def test_text_without_tokens(engine: Engine, text: str) -> None:
    doc = engine.annotate(text)
    assert (doc.entities, doc.sentences, doc.sections) == ((), (), ())
    (given_,) = engine.annotate(text, [(0, len(text), "problem")]).entities
    assert (given_.start, given_.end, given_.sentence, given_.section, given_.cues) == (0, len(text), 0, None, ())


def test_a_mention_outside_the_text_is_refused(engine: Engine) -> None:
    for mention in ((-1, 2, "x"), (2, 1, "x"), (0, 6, "x")):
        with pytest.raises(ValueError, match="does not lie within the text"):
            engine.annotate("fever", [mention])
