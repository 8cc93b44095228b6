"""The spaCy component: whatever found the entities, it judges them."""

from __future__ import annotations

import pickle
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

spacy = pytest.importorskip("spacy", reason="spaCy is not installed (extra [spacy])")

from spacy.tokens import DocBin, Span  # noqa: E402

import rulener  # noqa: E402
from rulener.integrations.spacy import AXES, RulenerContext  # noqa: E402

REPOSITORY = Path(__file__).parents[2]
PACK = """\
name: tiny
version: 1.0.0
labels:
  - {id: ailment, schemes: {plain: problem}}
  - {id: remedy}
axes: [negated, family]
"""
CONTEXT = """\
context:
  - {id: denies, axis: negated, direction: forward, cues: [denies], status: experimental}
  - {id: cured, axis: negated, direction: backward, cues: [is cured], on: [ailment], status: experimental}
sections:
  - {id: kin, headings: [kin], sets: {family: true}, status: experimental}
"""
TEXT = "Denies Fieberkopf 🙂 or zahnweh. Nasentropf is cured. \n\nKin: fieberkopf"


@pytest.fixture(autouse=True)
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("RULENER_CACHE_DIR", str(tmp_path / "cache"))


@pytest.fixture(autouse=True)
def extensions() -> Iterator[None]:
    yield
    for attribute in (*AXES, "cues", "section", *(f"r_{axis}" for axis in (*AXES, "cues", "section"))):
        if Span.has_extension(attribute):
            Span.remove_extension(attribute)


@pytest.fixture
def pack(tmp_path: Path) -> str:
    folder = tmp_path / "tiny"
    folder.mkdir()
    (folder / "pack.yaml").write_text(PACK)
    (folder / "context.yaml").write_text(CONTEXT)
    return str(folder)


def pipeline(pack: str, label: str = "PROBLEM", **config: Any) -> Any:
    nlp = spacy.blank("en")
    ruler = nlp.add_pipe("entity_ruler")
    ruler.add_patterns([{"label": label, "pattern": [{"LOWER": word}]} for word in ("fieberkopf", "zahnweh", "nasentropf")])
    nlp.add_pipe("rulener_context", config={"packs": [pack], "base": None, **config})
    return nlp


def judged(doc: Any, prefix: str = "") -> list[tuple[str, bool | None, bool | None, bool | None]]:
    return [(e.text, *(e._.get(prefix + axis) for axis in ("negated", "family", "historical"))) for e in doc.ents]


EXPECTED = [
    ("Fieberkopf", True, False, None),
    ("zahnweh", True, False, None),
    ("Nasentropf", True, False, None),
    ("fieberkopf", False, True, None),
]


def test_entities_get_their_assertions(pack: str) -> None:
    doc = pipeline(pack)(TEXT)
    assert judged(doc) == EXPECTED
    first, *_, last = doc.ents
    (cue,) = first._.cues
    assert (cue["axis"], cue["rule"], cue["via"]) == ("negated", "tiny:denies", "direct")
    assert doc.text[cue["start"] : cue["end"]] == "Denies"
    assert (first._.section, last._.section) == (None, "kin")


def test_it_says_what_the_engine_says(pack: str) -> None:
    doc = pipeline(pack)(TEXT)
    engine = rulener.load(pack, base=None)
    given = engine.annotate(TEXT, mentions=[(e.start_char, e.end_char, "problem") for e in doc.ents])
    assert [[getattr(e, axis) for axis in AXES] for e in given.entities] == [[e._.get(axis) for axis in AXES] for e in doc.ents]


def test_labels_are_known_in_any_case_through_schemes_and_by_map(pack: str) -> None:
    assert judged(pipeline(pack, "Ailment")(TEXT))[2][1] is True
    assert judged(pipeline(pack, "REMEDY")(TEXT))[2][1] is False
    assert judged(pipeline(pack, "KRANKHEIT")(TEXT))[2][1] is False
    assert judged(pipeline(pack, "KRANKHEIT", labels={"KRANKHEIT": "ailment"})(TEXT))[2][1] is True


def test_documents_without_entities(pack: str) -> None:
    nlp = pipeline(pack)
    assert [len(doc.ents) for doc in nlp.pipe(["", "Denies it.", TEXT])] == [0, 0, 4]


def test_spans_of_groups_are_judged_too(pack: str) -> None:
    nlp = pipeline(pack, spans=["more", "absent"])
    doc = nlp.make_doc("Denies gaga.")
    doc.spans["more"] = [Span(doc, 1, 2, label="PROBLEM")]
    component = nlp.get_pipe("rulener_context")
    (span,) = component(doc).spans["more"]
    assert span._.negated is True


def test_the_stream_keeps_order(pack: str) -> None:
    texts = [TEXT, "Denies it.", "Zahnweh.", TEXT] * 5
    assert [judged(doc) for doc in pipeline(pack).pipe(texts, batch_size=3)] == [judged(pipeline(pack)(text)) for text in texts]


def test_to_disk_takes_the_engine_along(pack: str, tmp_path: Path) -> None:
    nlp = pipeline(pack, labels={"KRANKHEIT": "ailment"}, label="KRANKHEIT")
    nlp.to_disk(tmp_path / "model")
    (Path(pack) / "context.yaml").unlink()
    (Path(pack) / "pack.yaml").unlink()
    again = spacy.load(tmp_path / "model")
    assert judged(again(TEXT)) == EXPECTED


def test_config_bytes_and_pickle(pack: str) -> None:
    nlp = pipeline(pack)
    same = spacy.blank("en").from_config(nlp.config).from_bytes(nlp.to_bytes())
    assert judged(same(TEXT)) == EXPECTED
    assert judged(pickle.loads(pickle.dumps(nlp))(TEXT)) == EXPECTED


def test_the_results_travel_with_the_document(pack: str) -> None:
    nlp = pipeline(pack)
    store = DocBin(docs=[nlp(TEXT)], store_user_data=True)
    (doc,) = DocBin().from_bytes(store.to_bytes()).get_docs(nlp.vocab)
    assert judged(doc) == EXPECTED
    assert doc.ents[0]._.cues[0]["rule"] == "tiny:denies"


def test_a_prefix(pack: str) -> None:
    Span.set_extension("negated", getter=lambda span: "mine")
    with pytest.raises(rulener.UsageError, match="U240"):
        RulenerContext(packs=[pack], base=None)
    doc = pipeline(pack, prefix="r_")(TEXT)
    assert judged(doc, "r_") == EXPECTED
    assert doc.ents[0]._.negated == "mine"


def test_a_wrong_pack_is_said(pack: str) -> None:
    nlp = spacy.blank("en")
    nlp.add_pipe("rulener_context", config={"packs": ["no-such-pack"]})
    with pytest.raises(rulener.UsageError, match="U103"):
        nlp("x")


def test_the_examples_of_the_guide() -> None:
    page = (REPOSITORY / "docs/guide/assertion.md").read_text(encoding="utf-8")
    found = re.findall(r"^```python no-run=\"needs the extra \[spacy\][^\n]*\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    assert found
    namespace: dict[str, object] = {"__name__": "example"}
    for body in found:
        exec(body, namespace)
