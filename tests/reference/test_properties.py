"""What must hold of any oracle, on drawn notes and packs; and that the drawn packs are packs."""

from __future__ import annotations

import dataclasses
import tempfile
import unicodedata
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rulener.packs.model import AXES, Pack, Place
from rulener.packs.parse import parse_pack

from .matching import LexiconRow, resolve
from .minipack import NOWHERE, pack_from_data, pack_from_folder
from .oracle import Oracle
from .strategies import given_mentions, lexicon_rows, notes, packs_data, write_pack
from .text import Class, class_of

CASES = Path(__file__).parents[1] / "cases"
SLOW = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])

PacksData = list[dict[str, Any]]


def oracle_of(packs: PacksData, lexicon: list[LexiconRow]) -> Oracle:
    return Oracle([pack_from_data(data) for data in packs], lexicon)


@SLOW
@given(notes())
def test_tokens_are_in_order_and_lose_no_word_and_no_mark(text: str) -> None:
    tokens = Oracle([]).tokens(text)
    bounds = [place for t in tokens for place in (t.start, t.end)]
    assert bounds == sorted(bounds)
    assert all(t.start < t.end for t in tokens)
    covered = {place for t in tokens for place in range(t.start, t.end)}
    for place, c in enumerate(text):
        lone_mark = unicodedata.category(c) == "Mn"
        if class_of(c) in (Class.WORD, Class.PUNCT) and not lone_mark:
            assert place in covered


@SLOW
@given(notes(odd=False))
def test_decomposed_text_has_the_same_keys(text: str) -> None:
    def keys(form: Literal["NFC", "NFD"]) -> list[str]:
        return [t.key for t in Oracle([]).tokens(unicodedata.normalize(form, text))]

    assert keys("NFC") == keys("NFD")


@SLOW
@given(packs_data(), notes())
def test_sentences_part_the_tokens(packs: PacksData, text: str) -> None:
    oracle = oracle_of(packs, [])
    sentences = oracle.sentences(text)
    tokens = oracle.tokens(text)
    holders = [[n for n, (a, b) in enumerate(sentences) if a <= t.start and t.end <= b] for t in tokens]
    assert all(len(h) == 1 for h in holders)
    assert [h[0] for h in holders] == sorted(h[0] for h in holders)
    assert {h[0] for h in holders} == set(range(len(sentences)))


@SLOW
@given(packs_data(), lexicon_rows(), notes())
def test_every_candidate_wins_or_loses_for_a_reason(packs: PacksData, lexicon: list[LexiconRow], text: str) -> None:
    oracle = oracle_of(packs, lexicon)
    candidates = oracle.finder.candidates(oracle.read(text))
    taken, losers = resolve(candidates, "longest")
    assert len(taken) + len(losers) == len(candidates)
    assert all(a.last <= b.first for a, b in pairwise(taken))
    for loser in losers:
        assert loser.winner in taken
        assert loser.winner.rank < loser.candidate.rank
        assert loser.winner.overlaps(loser.candidate)


@SLOW
@given(packs_data(), lexicon_rows(), notes(), st.data())
def test_given_mentions_come_back(packs: PacksData, lexicon: list[LexiconRow], text: str, data: st.DataObject) -> None:
    mentions = data.draw(given_mentions(text))
    found = oracle_of(packs, lexicon).annotate(text, mentions)
    assert [(e.start, e.end, e.label) for e in found] == mentions


@SLOW
@given(packs_data(), lexicon_rows(), notes())
def test_found_mentions_given_again_have_the_same_cues(packs: PacksData, lexicon: list[LexiconRow], text: str) -> None:
    oracle = oracle_of(packs, lexicon)
    found = oracle.annotate(text)
    again = oracle.annotate(text, [(e.start, e.end, e.label) for e in found])
    assert [(e.cues, e.section, e.sentence) for e in again] == [(e.cues, e.section, e.sentence) for e in found]


@SLOW
@given(packs_data(), lexicon_rows(), notes())
def test_every_true_axis_has_a_cue_and_no_other(packs: PacksData, lexicon: list[LexiconRow], text: str) -> None:
    declared = {axis for data in packs for axis in data["axes"]}
    for entity in oracle_of(packs, lexicon).annotate(text):
        assert [axis for axis in AXES if getattr(entity, axis) is None] == [axis for axis in AXES if axis not in declared]
        assert {axis for axis in AXES if getattr(entity, axis)} == {cue[0] for cue in entity.cues}
        for _, _, start, end, scope_start, scope_end, via in entity.cues:
            assert 0 <= start < end <= len(text)
            assert scope_start < scope_end
            outside = scope_end <= start or end <= scope_start
            within = start < scope_start <= entity.start and entity.end <= scope_end == end  # among the cue's own words
            assert outside or within
            assert via in ("direct", "list", "field", "section")


@SLOW
@given(packs_data())
def test_drawn_packs_are_read_by_the_real_reader(packs: PacksData) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for data in packs:
            assert read(write_pack(Path(folder) / data["name"], data)) == bare(pack_from_data(data))


def test_the_pack_of_the_cases_is_read_by_the_real_reader() -> None:
    assert read(CASES / "pack") == bare(pack_from_folder(CASES / "pack"))


def read(folder: Path) -> Any:
    """A pack as the real reader reads it. Lints are not asked: drawn rules may well contradict each other."""
    pack, diagnostics = parse_pack(folder)
    assert [d for d in diagnostics if d.severity == "error"] == []
    assert pack is not None
    return bare(pack)


def bare(pack: Pack) -> Any:
    """A pack without what only a file has: places, path, hash, descriptions."""
    return _without_places(dataclasses.replace(pack, path=Path(), content_hash="", description=""))


def _without_places(value: Any) -> Any:
    if isinstance(value, Place):
        return NOWHERE
    if isinstance(value, tuple):
        return tuple(_without_places(v) for v in value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {f.name: _without_places(getattr(value, f.name)) for f in dataclasses.fields(value)}
        return dataclasses.replace(value, **fields)
    return value


@pytest.mark.parametrize("policy", ["longest", "longest_per_label", "all"])
def test_the_asked_policy_beats_that_of_the_packs(policy: str) -> None:
    data = {
        "name": "p",
        "resolution": "all" if policy != "all" else "longest",
        "terms": [
            {"id": "a", "label": "x", "any": ["chest pain"]},
            {"id": "b", "label": "x", "any": ["pain"]},
            {"id": "c", "label": "y", "any": ["pain"]},
        ],
    }
    expected = {"longest": ["p:a"], "longest_per_label": ["p:a", "p:c"], "all": ["p:a", "p:b", "p:c"]}
    found = Oracle([pack_from_data(data)], resolution=policy).annotate("chest pain")
    assert [e.rule for e in found] == expected[policy]
