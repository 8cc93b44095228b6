"""The index of names: all forms are read back out of the automaton, and found again."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rulener.linking import store, words
from rulener.linking.index import LEVELS, NameIndex, build

from .support import engine_of, row

WORDS = ("a", "of", "cancer", "breast", "tumours", "renal", "kidney", "type", "2", "b12", "disease", "(", ",", "x", "familial")
names = st.lists(st.sampled_from(WORDS), min_size=1, max_size=6).map(" ".join).filter(lambda n: any(map(str.isalnum, n)))


@settings(max_examples=40, deadline=None)
@given(st.lists(names, min_size=1, max_size=25, unique=True), names)
def test_every_form_of_the_automaton_is_read_back(surfaces: list[str], asked: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        engine = engine_of(Path(folder), [row(surface, str(k)) for k, surface in enumerate(surfaces)])
        index = NameIndex.of(engine._artifact.sections)
        found = sorted(index.text(name) for name in range(len(index.forms.offsets) - 1))
        read = {surface: keys(engine, surface) for surface in [*surfaces, asked]}
        assert set(found) == {" ".join(key for key, _ in read[surface]) for surface in surfaces} | {"today", "feeling cold"}
        plain = {surface: [key for key, kind in read[surface] if kind != "punct"] for surface in read}
        for level, reading in (
            ("words", lambda keys: keys),
            ("joined", "".join),
            ("word_order", lambda keys: sorted(words.content_words(keys))),
            ("word_form", lambda keys: sorted(map(words.stem, words.content_words(keys)))),
            ("synonym", lambda keys: sorted(map(words.unit, words.content_words(keys)))),
        ):
            expected = {tuple(read[s]) for s in surfaces if reading(plain[s]) == reading(plain[asked])}
            assert {index.text(n) for n in index.find(level, plain[asked])} == {" ".join(k for k, _ in e) for e in expected}
        index.overlapping([words.unit(key) for key in plain[asked]], 0.1)


@settings(max_examples=15, deadline=None)
@given(st.lists(names, min_size=1, max_size=25, unique=True), names)
def test_a_kept_index_answers_as_one_just_built(surfaces: list[str], asked: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        engine = engine_of(Path(folder), [row(surface, str(k)) for k, surface in enumerate(surfaces)])
        sections, path = engine._artifact.sections, Path(folder) / "kept.names"
        made = build(sections)
        assert store.save(path, "key", *made)
        first = path.read_bytes()
        assert store.save(path, "key", *build(sections))
        assert path.read_bytes() == first
        kept = store.load(path, "key")
        assert kept is not None
        mapped, fresh = NameIndex(sections, kept), NameIndex.of(sections)
        assert mapped.spellings == fresh.spellings
        words_asked = [key for key, kind in keys(engine, asked) if kind != "punct"]
        for level in LEVELS:
            assert mapped.find(level, words_asked) == fresh.find(level, words_asked)
        units = [words.unit(key) for key in words_asked]
        assert mapped.overlapping(units, 0.1) == fresh.overlapping(units, 0.1)


@pytest.mark.parametrize(
    "harm", [lambda b: b[:-1], lambda b: b[:20], lambda b: b"", lambda b: b"x" + b[1:], lambda b: b[:8] + b"\xff" * 8]
)
def test_a_harmed_index_is_as_good_as_none(tmp_path: Path, harm: Callable[[bytes], bytes]) -> None:
    engine = engine_of(tmp_path, [row("breast cancer", "1")])
    path = tmp_path / "kept.names"
    assert store.save(path, "key", *build(engine._artifact.sections))
    assert store.load(path, "other key") is None
    path.write_bytes(harm(path.read_bytes()))
    assert store.load(path, "key") is None
    index = NameIndex.of(engine._artifact.sections, path, "key")
    assert index.find("words", ["breast", "cancer"])
    assert not store.save(path / "no" / "folder", "key", *build(engine._artifact.sections))


def test_a_large_index_is_kept_in_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rulener.linking.index.KEPT_FROM", 0)
    engine = engine_of(tmp_path, [row("breast cancer", "1")])
    link = {"mentions": [(0, 16, "disorder")]}
    first = engine.annotate("Cancer of breast", **link).to_json()
    (kept,) = (tmp_path / "cache").glob("*.names")
    monkeypatch.setattr("rulener.linking.index.build", None)  # not built again
    again = engine_of(tmp_path, [row("breast cancer", "1")])
    assert again.annotate("Cancer of breast", **link).to_json() == first
    monkeypatch.undo()
    kept.write_bytes(b"")
    assert engine_of(tmp_path, [row("breast cancer", "1")]).annotate("Cancer of breast", **link).to_json() == first


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
