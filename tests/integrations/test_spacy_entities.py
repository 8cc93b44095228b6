"""The spaCy component `rulener`: what the engine finds, as spans, whatever the tokens of the pipeline are."""

from __future__ import annotations

import pickle
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

spacy = pytest.importorskip("spacy", reason="spaCy is not installed (extra [spacy])")

from spacy.tokens import Doc, DocBin, Span  # noqa: E402

import rulener  # noqa: E402
from rulener.engine import compile_to  # noqa: E402
from rulener.integrations.spacy import CONTEXT, FOUND, SECTIONS, SUMMARY, RulenerEntities  # noqa: E402
from tests.small import NOTES, write_lexicon, write_pack  # noqa: E402

REPOSITORY = Path(__file__).parents[2]
TEXT = "PAST HISTORY: otalgia.\n\nDenies hiccups 7 🙂, took 500 mg. Scar on the left arm."


@pytest.fixture(autouse=True)
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("RULENER_CACHE_DIR", str(tmp_path / "cache"))


@pytest.fixture(autouse=True)
def extensions() -> Iterator[None]:
    yield
    for kind, names in ((Span, (*CONTEXT, *FOUND)), (Doc, (SECTIONS, SUMMARY))):
        for name in (*names, *(f"r_{name}" for name in names)):
            if kind.has_extension(name):
                kind.remove_extension(name)


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A compiled file."""
    folder = tmp_path_factory.mktemp("spacy")
    lexicon = write_lexicon(folder / "lexicon.tsv")
    compile_to(folder / "small.rnr", write_pack(folder / "small"), base=None, lexicons=[lexicon])
    return str(folder / "small.rnr")


def pipeline(pack: str, **config: Any) -> Any:
    nlp = spacy.blank("en")
    nlp.add_pipe("rulener", config={"packs": [pack], **config})
    return nlp


def shown(doc: Any) -> list[tuple[Any, ...]]:
    names = ("negated", "uncertain", "historical", "family", "section", "linking", "rule")
    return [
        (span.id_, *span._.offsets, span.label_, *(span._.get(name) for name in names), [c["code"] for c in span._.concepts])
        for span in doc.spans["rulener"]
    ]


def expected(entities: Any) -> list[tuple[Any, ...]]:
    names = ("negated", "uncertain", "historical", "family", "section", "linking", "rule")
    return [
        (e.id, e.start, e.end, e.label, *(getattr(e, name) for name in names), [c.code for c in e.concepts]) for e in entities
    ]


def test_the_spans_are_what_the_engine_says(pack: str) -> None:
    nlp, engine = pipeline(pack), rulener.load(pack)
    for text in (TEXT, *NOTES):
        doc = nlp(text)
        found = engine.annotate(text)
        assert shown(doc) == expected(found.entities)
        assert all(span.text == text[span.start_char : span.end_char] for span in doc.spans["rulener"])
        assert doc._.sections == [section._asdict() for section in found.sections]
        assert doc._.rulener["entities"] == len(found.entities)
        assert doc._.rulener["engine"] == engine.fingerprint
    doc = nlp(TEXT)
    otalgia, hiccups, dose, _ = doc.spans["rulener"]
    assert otalgia._.cues[0]["rule"] == "small:past-history"
    assert dose._.attributes["value"]["number"] == 500
    assert (hiccups.kb_id_, hiccups.text) == (f"ICD10CM:{hiccups._.concepts[0]['code']}", "hiccups 7")


def test_the_entities_of_the_document(pack: str) -> None:
    doc = pipeline(pack)(TEXT)
    assert [(e.text, e.label_, e._.negated) for e in doc.ents] == [
        ("otalgia", "ailment", False),
        ("hiccups 7", "ailment", True),
        ("500 mg", "reading", True),
        ("Scar on the left arm", "ailment", False),
    ]
    assert [e.id_ for e in doc.ents] == ["T1", "T2", "T3", "T4"]
    assert doc._.rulener["not_in_ents"] == 0
    bare = pipeline(pack, ents=False, spans_key=None)(TEXT)
    assert (len(bare.ents), dict(bare.spans), bare._.rulener["not_in_ents"]) == (0, {}, 4)
    named = pipeline(pack, spans_key="facts", scheme="i2b2")(TEXT)
    assert [span.label_ for span in named.spans["facts"]] == ["problem"] * 3


def test_what_does_not_align_is_expanded_and_counted(pack: str) -> None:
    """A tokenizer that cuts at white space only: full stops belong to words."""
    text = "Denies otalgia. Took 500 mg."
    found = {}
    for align in ("expand", "group"):
        nlp = pipeline(pack, align=align)
        nlp.tokenizer = lambda text, nlp=nlp: Doc(nlp.vocab, words=text.split())
        found[align] = nlp(text)
        assert [span.text for span in found[align].spans["rulener"]] == ["otalgia.", "500 mg."]
        assert [text[slice(*span._.offsets)] for span in found[align].spans["rulener"]] == ["otalgia", "500 mg"]
        assert found[align]._.rulener["expanded"] == 2
    assert [e.text for e in found["expand"].ents] == ["otalgia.", "500 mg."]
    assert (len(found["group"].ents), found["group"]._.rulener["not_in_ents"]) == (0, 2)


def test_mentions_that_share_tokens(pack: str) -> None:
    nlp = pipeline(pack)
    nlp.tokenizer = lambda text: Doc(nlp.vocab, words=["x", "otalgia/otalgia,AIDS", "y"])
    doc = nlp("x otalgia/otalgia,AIDS y")
    spans = list(doc.spans["rulener"])
    assert len(spans) > 1
    assert {span.text for span in spans} == {"otalgia/otalgia,AIDS"}
    assert len(doc.ents) == 1
    assert doc._.rulener["same_tokens"] == doc._.rulener["not_in_ents"] == len(spans) - 1
    assert doc.ents[0]._.offsets == [2, 9]


def test_entities_of_other_components(pack: str) -> None:
    def texts(**config: Any) -> list[tuple[str, str]]:
        nlp = spacy.blank("en")
        nlp.add_pipe("entity_ruler").add_patterns(
            [{"label": "MINE", "pattern": "took 500"}, {"label": "MINE", "pattern": "Denies"}]
        )
        nlp.add_pipe("rulener", config={"packs": [pack], **config})
        doc = nlp(TEXT)
        assert doc._.rulener["not_in_ents"] == 4 - sum(e.label_ != "MINE" for e in doc.ents)
        return [(e.text, e.label_) for e in doc.ents]

    assert ("took 500", "MINE") in texts()
    assert ("500 mg", "reading") not in texts()
    assert ("500 mg", "reading") in texts(overwrite_ents=True)
    assert ("took 500", "MINE") not in texts(overwrite_ents=True)
    assert ("Denies", "MINE") in texts(overwrite_ents=True)


def test_it_stands_beside_the_context_component(pack: str) -> None:
    nlp = pipeline(pack, ents=False)
    nlp.add_pipe("entity_ruler").add_patterns([{"label": "MINE", "pattern": "left"}])
    nlp.add_pipe("rulener_context", config={"packs": [pack], "labels": {"MINE": "ailment"}})
    doc = nlp("Denies otalgia on the left.")
    assert [(e.text, e._.negated) for e in (*doc.spans["rulener"], *doc.ents)] == [("otalgia", True), ("left", True)]


def test_to_disk_takes_the_engine_along(pack: str, tmp_path: Path) -> None:
    copy = tmp_path / "once.rnr"
    copy.write_bytes(Path(pack).read_bytes())
    nlp = pipeline(str(copy), scheme="i2b2", prefix="r_")

    def judged(doc: Any) -> list[tuple[str, bool]]:
        return [(span.label_, span._.r_negated) for span in doc.spans["rulener"]]

    before = judged(nlp(TEXT))
    nlp.to_disk(tmp_path / "model")
    copy.unlink()
    again = spacy.load(tmp_path / "model")
    assert judged(again(TEXT)) == before
    same = spacy.blank("en").from_config(again.config).from_bytes(again.to_bytes())
    assert judged(same(TEXT)) == before
    assert len(again.get_pipe("rulener").to_bytes()) < 1000


def test_config_bytes_and_pickle(pack: str) -> None:
    nlp = pipeline(pack)
    whole = shown(nlp(TEXT))
    same = spacy.blank("en").from_config(nlp.config).from_bytes(nlp.to_bytes())
    assert shown(same(TEXT)) == whole
    assert shown(pickle.loads(pickle.dumps(nlp))(TEXT)) == whole


def test_the_results_travel_with_the_document(pack: str) -> None:
    nlp = pipeline(pack)
    doc = nlp(TEXT)
    (again,) = DocBin().from_bytes(DocBin(docs=[doc], store_user_data=True).to_bytes()).get_docs(nlp.vocab)
    assert shown(again) == shown(doc)
    assert [(e.text, e.kb_id_, e._.negated) for e in again.ents] == [(e.text, e.kb_id_, e._.negated) for e in doc.ents]
    assert again._.rulener == doc._.rulener


@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
@pytest.mark.parametrize("processes", [1, 2])
def test_a_stream_keeps_its_order(pack: str, processes: int) -> None:
    nlp = pipeline(pack)
    texts = [f"{text} {k}" for k, text in enumerate([TEXT, *NOTES] * 3)]
    alone = [shown(nlp(text)) for text in texts]
    assert [shown(doc) for doc in nlp.pipe(texts, n_process=processes, batch_size=4)] == alone


def test_a_note_that_fails_may_be_passed_over(pack: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rulener.compiler.build.REGEX_TIMEOUT", 0.05)
    rules = "patterns:\n  - {id: slow, label: ailment, regex: '\\bkey (?:a|aa)+\\d', status: experimental}\n"
    slow = write_pack(tmp_path / "slow", rules=rules)
    nlp = spacy.blank("en")
    nlp.add_pipe("rulener", config={"packs": [str(slow)], "base": None})
    failed: list[str] = []
    nlp.set_error_handler(lambda name, proc, docs, error: failed.append(getattr(error, "code", repr(error))))
    docs = list(nlp.pipe(["fine", "key " + "a" * 200, "fine"]))
    assert (len(docs), failed) == (2, ["N301"])


def test_wrong_options_are_said(pack: str) -> None:
    with pytest.raises(rulener.UsageError, match="U104"):
        RulenerEntities(packs=[pack], align="cut")
    Span.set_extension("concepts", getter=lambda span: "mine")
    with pytest.raises(rulener.UsageError, match="U240"):
        RulenerEntities(packs=[pack])
    assert shown_prefixed(pipeline(pack, prefix="r_")(TEXT)) == ["otalgia", "hiccups 7", "500 mg", "Scar on the left arm"]


def shown_prefixed(doc: Any) -> list[str]:
    return [doc.text[slice(*span._.r_offsets)] for span in doc.spans["rulener"]]


def test_the_examples_of_the_guide() -> None:
    page = (REPOSITORY / "docs/guide/spacy.md").read_text(encoding="utf-8")
    found = re.findall(r"^```python no-run=\"needs the extra \[spacy\][^\n]*\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    assert found
    namespace: dict[str, object] = {"__name__": "example"}
    for body in found:
        exec(body, namespace)
