"""The index of names: all forms are read back out of the automaton, and found again."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from rulener.linking import words
from rulener.linking.index import NameIndex

from .support import engine_of, row

WORDS = ("a", "of", "cancer", "breast", "tumours", "renal", "kidney", "type", "2", "b12", "disease", "(", ",", "x", "familial")
names = st.lists(st.sampled_from(WORDS), min_size=1, max_size=6).map(" ".join).filter(lambda n: any(map(str.isalnum, n)))


@settings(max_examples=40, deadline=None)
@given(st.lists(names, min_size=1, max_size=25, unique=True), names)
def test_every_form_of_the_automaton_is_read_back(surfaces: list[str], asked: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        engine = engine_of(Path(folder), [row(surface, str(k)) for k, surface in enumerate(surfaces)])
        index = NameIndex(engine._artifact.sections)
        found = sorted(index.text(name) for name in range(len(index.forms.offsets) - 1))
        read = {surface: keys(engine, surface) for surface in [*surfaces, asked]}
        assert set(found) == {" ".join(key for key, _ in read[surface]) for surface in surfaces} | {"today", "feeling cold"}
        plain = {surface: [key for key, kind in read[surface] if kind != "punct"] for surface in read}
        for level, reading in (
            ("words", lambda keys: keys),
            ("word_order", lambda keys: sorted(words.content_words(keys))),
            ("word_form", lambda keys: sorted(map(words.stem, words.content_words(keys)))),
            ("synonym", lambda keys: sorted(map(words.unit, words.content_words(keys)))),
        ):
            expected = {tuple(read[s]) for s in surfaces if reading(plain[s]) == reading(plain[asked])}
            assert {index.text(n) for n in index.find(level, plain[asked])} == {" ".join(k for k, _ in e) for e in expected}
        index.overlapping([words.unit(key) for key in plain[asked]], 0.1)


def keys(engine: object, surface: str) -> list[tuple[str, str]]:
    return [(key, kind) for _, _, key, kind, _, _ in engine._scanner().tokenise(surface)]  # type: ignore[attr-defined]


def test_words_of_one_meaning() -> None:
    assert words.stem("epileptic") == words.stem("epilepsy") == words.stem("epilepsies")
    assert words.stem("tumours") == words.stem("tumor") != words.unit("tumor") == words.unit("cancers")
    assert words.stem("thrombotic") == words.stem("thrombosis")
    assert words.stem("hepatitis") != words.stem("hepatic")
    assert words.inflected("diseases") == "disease"
    assert words.inflected("ii") == "2"
    assert words.units("nephropathy") == (words.unit("kidney"), words.GENERIC)
    assert words.units("nephrotoxicity") == (words.unit("renal"), words.unit("toxicity"))
    assert words.content_words(["of", "the"]) == ["of", "the"]
