"""The builder's automaton against a dictionary of all forms, looked up at every token."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rulener
from rulener.compiler import unicode
from rulener.core.automaton import MAX_FORM_TOKENS, Builder

WORDS = ["a", "b", "c", "aa", "\u00e9", "12", ".", "longer-than-eight", "\U0001d400b"]
forms = st.lists(st.sampled_from(WORDS), min_size=1, max_size=5).map(tuple)
notes = st.lists(st.sampled_from([*WORDS, "unknown"]), max_size=40)
HEADER = "name: brute\nversion: 1.0.0\nlabels:\n  - id: thing\nresolution: all\n"


def builder() -> Builder:
    return Builder(*unicode.tables())


@settings(max_examples=60, deadline=None)
@given(st.lists(forms, min_size=1, max_size=25, unique=True), st.lists(notes, min_size=1, max_size=4))
def test_every_occurrence_is_found(surfaces: list[tuple[str, ...]], texts: list[list[str]]) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "brute").mkdir()
        (folder / "brute" / "pack.yaml").write_text(HEADER)
        rows = "".join(f"{' '.join(surface)}\tthing\tX\t{k}\n" for k, surface in enumerate(surfaces))
        (folder / "l.tsv").write_text("term\tlabel\tsystem\tcode\n" + rows, encoding="utf-8")
        engine = rulener.load(folder / "brute", base=None, lexicons=[folder / "l.tsv"], cache_dir=folder / "cache")
        keys: dict[tuple[str, ...], set[str]] = {}
        for k, surface in enumerate(surfaces):
            keys.setdefault(key(" ".join(surface)), set()).add(str(k))
        for text in texts:
            note = " ".join(text)
            found = {(e.start, e.end): {c.code for c in e.concepts} for e in engine.annotate(note).entities}
            assert found == brute(note, keys)


def key(surface: str) -> tuple[str, ...]:
    return tuple(builder().spell(surface))


def brute(note: str, keys: dict[tuple[str, ...], set[str]]) -> dict[tuple[int, int], set[str]]:
    """Every run of tokens whose keys are a form. All words of these notes stand apart, so tokens are found by cutting."""
    tokens = []
    at = 0
    for word in note.split():
        start = note.index(word, at)
        at = start + len(word)
        parts = builder().spell(word)
        cuts = [word] if len(parts) == 1 else word.split("-")
        for part, folded in zip(cuts, parts, strict=True):
            begin = note.index(part, start)
            tokens.append((begin, begin + len(part), folded))
            start = begin + len(part)
    found = {}
    for i in range(len(tokens)):
        for j in range(i + 1, min(i + MAX_FORM_TOKENS, len(tokens)) + 1):
            codes = keys.get(tuple(folded for _, _, folded in tokens[i:j]))
            if codes:
                found[tokens[i][0], tokens[j - 1][1]] = codes
    return found


@settings(max_examples=60, deadline=None)
@given(st.lists(forms, min_size=1, max_size=30))
def test_states_edges_and_forms_are_counted_as_in_a_trie(surfaces: list[tuple[str, ...]]) -> None:
    b = builder()
    for surface in surfaces:
        b.add_row(" ".join(surface), 0, 0, "", "", "", False)
    tables, counts = b.finish()
    keys = {key(" ".join(surface)) for surface in surfaces}
    prefixes = {one[:n] for one in keys for n in range(1, len(one) + 1)}
    assert counts["forms"] == len(keys)
    assert counts["states"] == len(prefixes)
    assert counts["edges"] == sum(len(prefix) > 1 for prefix in prefixes)
    assert counts["first_tokens"] == len({one[0] for one in keys})
    assert counts["tokens"] == len({token for one in keys for token in one})
    used = sum(1 for edge in struct.iter_unpack("<4I", bytes(memoryview(tables["edges"]).cast("B"))) if edge[0])
    assert used == counts["edges"]


def test_the_same_calls_make_the_same_bytes() -> None:
    made = []
    for _ in range(2):
        b = builder()
        for k in range(3000):
            b.add_row(f"word{k % 700} word{k % 13} x{k}", 0, k % 3, "S", str(k), f"name {k}", k % 2 == 0, f"T{k % 5}")
        tables, _ = b.finish()
        made.append({name: bytes(memoryview(table).cast("B")) for name, table in tables.items() if len(table)})
    assert made[0] == made[1]


def test_what_a_surface_may_not_be() -> None:
    b = builder()
    b.add_row(" ".join(["w"] * MAX_FORM_TOKENS), 0, 0, "", "", "", False)
    with pytest.raises(ValueError, match="it has 65 tokens; at most 64 are allowed"):
        b.add_row(" ".join(["w"] * (MAX_FORM_TOKENS + 1)), 0, 0, "", "", "", False)
    with pytest.raises(ValueError, match="no letter, digit or punctuation mark"):
        b.add_row(" \u00ad ' ", 0, 0, "", "", "", False)
    b.add_row("x" * 255, 0, 0, "", "", "", False)
    with pytest.raises(ValueError, match="longer than 255 bytes"):
        b.add_row("x" * 256, 0, 0, "", "", "", False)
    with pytest.raises(ValueError, match="it is 2 tokens, not one word"):
        b.token("two words")


def test_the_concepts_of_a_term_stand_best_first() -> None:
    b = builder()
    rows = [  # code, rank, variant, link only
        ("A", 5, "", False),
        ("B", 0, "plural", False),
        ("C", 2, "", True),
        ("A", 2, "", True),
        ("D", 5, "", False),
        ("B", 9, "", False),
        ("C", 9, "order", False),
    ]
    for code, rank, variant, link_only in rows:
        b.add_row("a term", 0, 0, "S", code, "n", False, "", rank, variant, link_only)
    b.add_row("other", 0, 0, "S", "A", "n", False, "", 0, "", True)
    tables, _ = b.finish()
    codes = [struct.unpack_from("<6I", tables["concepts"], 24 * k)[1] for k in range(len(tables["concepts"]))]
    names = {codes[number]: code for number, code in enumerate("ABCD")}
    links = list(struct.iter_unpack("<IHBB", bytes(memoryview(tables["concept_links"]).cast("B"))))
    found = [(names[codes[number]], rank, b.variants[variant], only) for number, rank, variant, only in links[:-1]]
    assert found == [("C", 2, "", 0), ("A", 2, "", 0), ("D", 5, "", 0), ("B", 9, "", 0)]
    terms = list(struct.iter_unpack("<IIHHIHhII", bytes(memoryview(tables["terms"]).cast("B"))))
    assert [(term[2], term[7]) for term in terms] == [(4, 1 | 2), (1, 1)]  # C and A are equals: ambiguous
    entries = list(struct.iter_unpack("<IIhBBBBH", bytes(memoryview(tables["entries"]).cast("B"))))
    assert [entry[6] for entry in entries] == [0, 1]


def test_concepts_are_told_apart_by_all_their_parts() -> None:
    b = builder()
    given_ = [
        ("S", "1", "n"),
        ("S", "1", "m"),
        ("S", "2", "n"),
        ("", "", "n"),
        ("", "", ""),
        ("S", "1", "n", "T1"),
        ("S", "1", "n", "T2"),
    ]
    numbers = [b.concept(*one) for one in given_]
    assert len(set(numbers)) == len(given_)
    assert [b.concept(*one) for one in given_] == numbers
