"""The core against the slow oracle (tests/reference), on drawn packs, lexicons and notes.

RULENER_TEST_EXAMPLES sets how many examples each property draws.
"""

from __future__ import annotations

import os
import unicodedata
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, note, settings
from hypothesis import strategies as st

from rulener import Engine
from tests.reference import text as reference_text
from tests.reference.matching import LexiconRow
from tests.reference.strategies import dense_pack, given_mentions, lexicon_rows, notes, notes_of_sections, packs_data

from .support import (
    PacksData,
    core_entities,
    core_sections,
    core_sentences,
    core_tokens,
    engine_of,
    oracle_entities,
    oracle_of,
    oracle_sections,
    oracle_tokens,
)

EXAMPLES = int(os.environ.get("RULENER_TEST_EXAMPLES", "100"))
NOTES_PER_PACK = 4
QUIET = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture, HealthCheck.filter_too_much]
POLICIES = ("longest", "longest_per_label", "all")

# The core has one Unicode version, the oracle that of this Python: characters that both know.
SETTLED = st.characters(exclude_categories=["Cn"]).filter(lambda char: unicodedata.ucd_3_2_0.category(char) != "Cn")
# Without the phase that explains: it traces every line of the oracle.
PHASES = [Phase.explicit, Phase.generate, Phase.shrink]
CI = settings(deadline=None, derandomize=True, database=None, suppress_health_check=QUIET, phases=PHASES, print_blob=False)
FEW = settings(CI, max_examples=EXAMPLES)
MANY = settings(CI, max_examples=EXAMPLES * 2)


@pytest.fixture(scope="module")
def dense() -> Any:
    with engine_of([dense_pack()]) as engine:
        yield engine


@pytest.fixture(scope="module")
def dense_oracle() -> Any:
    return oracle_of([dense_pack()])


# --- one pack, many notes ---------------------------------------------------------------------------------------------


@MANY
@given(text=notes())
def test_tokens(dense: Engine, dense_oracle: Any, text: str) -> None:
    assert core_tokens(dense, text) == oracle_tokens(dense_oracle.tokens(text))


@MANY
@given(text=st.text(SETTLED, max_size=60))
def test_tokens_of_any_text(dense: Engine, dense_oracle: Any, text: str) -> None:
    assert core_tokens(dense, text) == oracle_tokens(dense_oracle.tokens(text))


ODD_ALPHABET = (
    "aAsSxX1239 .,'-/\n\r()[]:;?!%"
    "\u2019\u00ad\u0301\u00e9\u00df\u0130\ufb01\u2014\u2022\u24b6\u00b2\uff15\uff0e\u200b\U0001f600\ud800\0"
)


@MANY
@given(text=st.text(alphabet=ODD_ALPHABET, max_size=30))
def test_tokens_sentences_and_sections_of_dense_text(dense: Engine, dense_oracle: Any, text: str) -> None:
    assert core_tokens(dense, text) == oracle_tokens(dense_oracle.tokens(text))
    assert core_sentences(dense, text) == dense_oracle.sentences(text)
    assert core_sections(dense, text) == oracle_sections(dense_oracle, text)


@MANY
@given(text=notes())
def test_sentences_and_sections(dense: Engine, dense_oracle: Any, text: str) -> None:
    assert core_sentences(dense, text) == dense_oracle.sentences(text)
    assert core_sections(dense, text) == oracle_sections(dense_oracle, text)


@MANY
@given(text=notes_of_sections())
def test_headings_in_every_dress(dense: Engine, dense_oracle: Any, text: str) -> None:
    assert core_sections(dense, text) == oracle_sections(dense_oracle, text)
    assert core_sentences(dense, text) == dense_oracle.sentences(text)
    assert core_entities(dense.annotate(text).entities) == oracle_entities(dense_oracle.annotate(text))


@MANY
@given(text=notes(odd=False, max_parts=40))
def test_entities_of_one_pack(dense: Engine, dense_oracle: Any, text: str) -> None:
    assert core_entities(dense.annotate(text).entities) == oracle_entities(dense_oracle.annotate(text))


# --- many packs -------------------------------------------------------------------------------------------------------


@FEW
@given(packs=packs_data(), lexicon=lexicon_rows(), texts=st.lists(notes(), min_size=1, max_size=NOTES_PER_PACK), policy=st.data())
def test_everything(packs: PacksData, lexicon: list[LexiconRow], texts: list[str], policy: st.DataObject) -> None:
    asked = policy.draw(st.sampled_from((None, *POLICIES)))
    oracle = oracle_of(packs, lexicon, asked)
    with engine_of(packs, lexicon, asked) as engine:
        for text in texts:
            note(repr(text))
            assert core_sentences(engine, text) == oracle.sentences(text)
            assert core_sections(engine, text) == oracle_sections(oracle, text)
            assert core_entities(engine.annotate(text).entities) == oracle_entities(oracle.annotate(text))


@FEW
@given(packs=packs_data(), lexicon=lexicon_rows(), text=notes(), data=st.data())
def test_given_mentions(packs: PacksData, lexicon: list[LexiconRow], text: str, data: st.DataObject) -> None:
    oracle = oracle_of(packs, lexicon)
    found = [(e.start, e.end, e.label) for e in oracle.annotate(text)]
    anywhere = data.draw(given_mentions(text))
    mentions = data.draw(st.permutations([*anywhere, *found[:4]]))
    with engine_of(packs, lexicon) as engine:
        assert core_entities(engine.annotate(text, mentions).entities) == oracle_entities(oracle.annotate(text, mentions))


@FEW
@given(text=notes(max_parts=40), data=st.data())
def test_given_mentions_of_one_pack(dense: Engine, dense_oracle: Any, text: str, data: st.DataObject) -> None:
    mentions = data.draw(given_mentions(text))
    assert core_entities(dense.annotate(text, mentions).entities) == oracle_entities(dense_oracle.annotate(text, mentions))


@FEW
@given(packs=packs_data(), lexicon=lexicon_rows(), text=notes(), policy=st.sampled_from(POLICIES))
def test_the_losers_and_what_they_lost_to(packs: PacksData, lexicon: list[LexiconRow], text: str, policy: str) -> None:
    oracle = oracle_of(packs, lexicon, policy)
    expected = {
        (
            lost.candidate.start,
            lost.candidate.end,
            lost.candidate.rule,
            lost.winner.start,
            lost.winner.end,
            lost.winner.rule,
            lost.reason,
        )
        for lost in oracle.losers(text)
    }
    with engine_of(packs, lexicon, policy) as engine:
        assert losers_of(engine, text) == expected


def losers_of(engine: Engine, text: str) -> set[tuple[Any, ...]]:
    """What resolution left out, with the winner; candidates that `unless` or a heading removed are no losers."""
    from rulener.core.columns import Batch

    batch = Batch(engine._tables, [None], engine._labels)
    engine._scanner(trace=True).annotate(batch, text)
    rule = engine._tables.term_view
    return {
        (start, end, rule(term)[0], winner[0], winner[1], rule(winner[2])[0], reason)
        for start, end, term, winner, reason in batch.document(0).losers()
        if winner is not None
    }


# --- limits -----------------------------------------------------------------------------------------------------------


def test_a_sentence_has_at_most_1024_tokens(dense: Engine, dense_oracle: Any) -> None:
    text = "no " + "filler " * 2999 + "fever"
    sentences = core_sentences(dense, text)
    assert [len(text[a:b].split()) for a, b in sentences] == [1024, 1024, 953]
    assert sentences == dense_oracle.sentences(text)


def test_a_section_scope_reaches_at_most_1024_tokens(dense: Engine, dense_oracle: Any) -> None:
    for gap in (1022, 1023, 1024, 1025):
        text = "until " + "filler. " * (gap // 2) + "filler " * (gap % 2) + "fever"
        entities = core_entities(dense.annotate(text).entities)
        assert entities == oracle_entities(dense_oracle.annotate(text))
        assert entities[-1]["axes"]["uncertain"] is (gap < 1024)


def test_the_limit_of_the_oracle_is_the_one_it_names(dense_oracle: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reference_text, "MAX_SENTENCE_TOKENS", 3)
    assert dense_oracle.sentences("a b c d. e f g") == [(0, 5), (6, 8), (9, 14)]
