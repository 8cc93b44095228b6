"""`key` says of two surfaces what the matcher says of them."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rulener.lexicon.surface import key
from tests.reference.text import tokenize

_WORDS = """
    fever Crohn's Crohn crohns p.o. po U.S type 2 1,000 1000 1.5 .5 500mg mg 3x4 3x4.5x5cm I-131 w/o - -- e.g i.v.fluids naïve
    naive ﬁbrosis Δ α β-blocker (disorder) [D] 25% Na+ O'Brien ’s 's — – x-ray X-Ray ß café's don't q.8h. 2nd 3D2 _ a_b a. b,
    & + < > ~ = CO₂ µg 1/2 and/or
"""
WORDS = st.sampled_from(_WORDS.split())
SURFACES = st.lists(WORDS, max_size=5).flatmap(
    lambda words: st.sampled_from([" ", "-", "/", "", ", "]).map(lambda s: s.join(words))
)
TEXTS = st.text(alphabet="aAsS'’-/.,:()1 2x3_%éßﬁα\u00a0\n", max_size=14)


def tokens(surface: str) -> str:
    return " ".join(token.key for token in tokenize(surface))


@given(SURFACES)
@example("Crohn's disease")
@example("1,000.5 mg/dL")
def test_key_is_the_tokens_of_a_surface(surface: str) -> None:
    assert key(surface) == tokens(surface)


@given(TEXTS)
@example("p.o.ß")
@example("A.é")
@example("—-—")
@example("cafe\u0301")
def test_key_is_the_tokens_of_any_text(surface: str) -> None:
    assert key(surface) == tokens(surface)


@pytest.mark.parametrize(
    ("one", "other"),
    [("X-ray", "x ray"), ("Crohn's disease", "crohn disease"), ("p.o.", "PO"), ("Sjögren", "sjogren"), ("and/or", "and or")],
)
def test_what_the_matcher_folds_has_one_key(one: str, other: str) -> None:
    assert key(one) == key(other)


@pytest.mark.parametrize(("one", "other"), [("Crohns", "Crohn's"), ("fever, chills", "fever chills"), ("type II", "type 2")])
def test_what_it_does_not_fold_has_two(one: str, other: str) -> None:
    assert key(one) != key(other)
