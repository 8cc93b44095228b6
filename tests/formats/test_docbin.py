"""DocBin, read back with spaCy."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

spacy = pytest.importorskip("spacy", reason="spaCy is not installed (extra [spacy])")

from spacy.tokens import DocBin, Span  # noqa: E402

import rulener  # noqa: E402
from rulener.core.columns import AXES  # noqa: E402
from rulener.formats.docbin import EXTENSIONS, GROUP  # noqa: E402
from rulener.run.convert import convert  # noqa: E402
from rulener.run.directory import run  # noqa: E402
from tests.formats.test_text_formats import documents, listed, notes_file, written_text  # noqa: E402,F401


@pytest.fixture
def extensions() -> Iterator[None]:
    for name in EXTENSIONS:
        Span.set_extension(name, default=None)
    yield
    for name in EXTENSIONS:
        Span.remove_extension(name)


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("docbin")
    engine = rulener.load(cache_dir=folder / "cache", resolution="all")
    run(engine, [notes_file(folder)], str(folder / "out"), format=["docbin", "jsonl", "doccano"], workers=1)
    return folder / "out"


def docs(path: Path) -> list[Any]:
    return list(DocBin().from_disk(path).get_docs(spacy.blank("en").vocab))


@pytest.mark.usefixtures("extensions")
def test_spacy_reads_what_the_documents_say(out: Path) -> None:
    overlapping = linked = 0
    for doc, document in zip(docs(out / "part-00000.spacy"), documents(out), strict=True):
        assert doc.text == written_text(document["note_id"])
        assert doc.user_data[GROUP]["note_id"] == document["note_id"]
        spans = list(doc.spans[GROUP])
        assert [(s.start_char, s.end_char, s.label_, s.id_) for s in spans] == [
            (e["start"], e["end"], e["label"], e["id"]) for e in document["entities"]
        ]
        first: dict[tuple[int, int], dict[str, Any]] = {}
        for span, entity in zip(spans, document["entities"], strict=True):
            at = first.setdefault((entity["start"], entity["end"]), entity)
            assert [getattr(span._, axis) for axis in AXES] == [at[axis] for axis in AXES]
            assert json.loads(json.dumps([span._.cues, span._.section, span._.rule])) == [at["cues"], at["section"], at["rule"]]
            if entity["linking"] == "resolved":
                assert span.kb_id_ == "{system}:{code}".format(**entity["concepts"][0])
                linked += 1
            else:
                assert span.kb_id_ == ""
        places = {(span.start_char, span.end_char, span.label_) for span in spans}
        assert {(ent.start_char, ent.end_char, ent.label_) for ent in doc.ents} <= places
        overlapping += len(spans) - len(doc.ents)
        assert json.loads(json.dumps(doc.user_data[GROUP]["entities"])) == document["entities"]
    assert overlapping > 0
    assert linked > 5


def test_sentences_are_those_of_the_document(tmp_path: Path) -> None:
    engine = rulener.load(cache_dir=tmp_path / "cache")
    text = "No fever. \U0001f642 Chest\npain today.\n\nPlan: aspirin."
    (tmp_path / "a.txt").write_text(text)
    run(engine, [str(tmp_path / "a.txt")], str(tmp_path / "out"), format="docbin", workers=1)
    (doc,) = docs(tmp_path / "out" / "part-00000.spacy")
    assert [sentence.start_char for sentence in doc.sents] == [one.start for one in engine.annotate(text).sentences]


def test_converted_from_annotations(out: Path, tmp_path: Path) -> None:
    convert(str(out), str(tmp_path / "x.spacy"), "doccano", "docbin")
    for doc, document in zip(docs(tmp_path / "x.spacy"), documents(out), strict=True):
        found = sorted((s.start_char, s.end_char, s.label_) for s in doc.spans[GROUP])
        assert found == sorted((e["start"], e["end"], e["label"]) for e in document["entities"])
