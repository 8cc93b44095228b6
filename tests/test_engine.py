"""The library's contract (DESIGN section 4): load, annotate, given mentions, many, batches, errors."""

from __future__ import annotations

import builtins
import json
import pickle
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import rulener
from rulener import errors
from rulener.engine import compile_to
from tests.small import NOTES, PACK, RULES, write_lexicon, write_pack

NOTE = "PAST HISTORY: otalgia.\n\nDenies hiccups 7, took 500 mg. Scar on the left arm."
BARE = "name: bare\nversion: 1.0.0\nlabels:\n  - id: ailment\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("engine")
    write_pack(folder / "small")
    write_pack(folder / "bare", header=BARE, rules="terms:\n  - {id: ear, label: ailment, any: [ear ache]}\n")
    write_lexicon(folder / "lexicon.tsv")
    return folder


@pytest.fixture
def load(folder: Path) -> Any:
    def load(pack: str = "small", **options: Any) -> rulener.Engine:
        options = {"base": None, "lexicons": [folder / "lexicon.tsv"], "cache_dir": folder / "cache", **options}
        return rulener.load(folder / pack, **options)

    return load


@pytest.fixture
def engine(load: Any) -> rulener.Engine:
    made: rulener.Engine = load()
    return made


# --- documents and entities ------------------------------------------------------------------------------------------


def test_an_entity_says_all_it_knows(engine: rulener.Engine) -> None:
    doc = engine.annotate(NOTE, note_id="a.txt")
    known, denied, dose, scar = doc.entities
    assert (known.text, known.label, known.historical, known.negated, known.rule) == (
        "otalgia",
        "ailment",
        True,
        False,
        "small:ear-ache",
    )
    assert known.section == "past_history"
    assert known.cues == (rulener.Cue("historical", 0, 12, "small:past-history", 14, len(NOTE), "section"),)
    assert known.concepts == (rulener.Concept("ICD10CM", "H92.09", "ear ache", 1.0),)
    assert (denied.text, denied.negated, denied.rule, denied.id) == ("hiccups 7", True, "lexicon:lexicon", "T2")
    cue = denied.cues[0]
    assert (cue.axis, NOTE[cue.start : cue.end], cue.rule, cue.via) == ("negated", "Denies", "small:denies", "direct")
    assert {name: (a.text, a.number) for name, a in dose.attributes.items()} == {"value": ("500", 500), "unit": ("mg", None)}
    assert dose.rule_place == "small/rules.yaml:24:9"
    assert (scar.attributes["where"].text, scar.sentence) == ("arm", 3)
    assert NOTE[scar.start : scar.end] == scar.text
    assert doc.sentences[scar.sentence].end == len(NOTE)
    assert (doc.text, doc.note_id, doc.engine, len(doc), doc.relations) == (NOTE, "a.txt", engine.fingerprint, 4, ())
    assert [(s.name, NOTE[s.heading_start : s.heading_end]) for s in doc.sections] == [("past_history", "PAST HISTORY")]


def test_offsets_are_indices_into_the_text_given(engine: rulener.Engine) -> None:
    for note in [*NOTES, "\ufeffotalgia \U0001f600 e\u0301ar otalgia\0\r\n\ud800 otalgia \ufb01 \u0130 otalgia"]:
        doc = engine.annotate(note)
        assert doc.text == note
        for entity in doc.entities:
            assert note[entity.start : entity.end] == entity.text
        assert json.loads(doc.to_json()) == doc.to_dict()


def test_empty_and_blank_texts(engine: rulener.Engine) -> None:
    for text in ("", " \n\n\t", "\0", "\u200d"):
        doc = engine.annotate(text)
        assert (doc.entities, doc.sections, doc.sentences) == ((), (), ())
        assert doc.to_dict()["length"] == len(text)


def test_axes_are_none_when_no_pack_assesses_them(load: Any, engine: rulener.Engine) -> None:
    assert engine.axes == ("negated", "historical", "family")
    entity = engine.annotate("Otalgia.").entities[0]
    assert (entity.negated, entity.uncertain, entity.historical, entity.hypothetical, entity.family) == (
        False,
        None,
        False,
        None,
        False,
    )
    bare = load("bare", lexicons=[])
    assert bare.axes == ()
    entity = bare.annotate("Denies ear ache.").entities[0]
    assert [getattr(entity, axis) for axis in ("negated", "uncertain", "historical", "hypothetical", "family")] == [None] * 5
    assert json.loads(bare.annotate("ear ache").to_json())["entities"][0]["negated"] is None


def test_views_cannot_be_changed_made_or_pickled(engine: rulener.Engine) -> None:
    doc = engine.annotate("otalgia")
    for view, name in ((doc, "text"), (doc, "entities"), (doc.entities[0], "label"), (doc.entities[0], "negated")):
        with pytest.raises(AttributeError):
            setattr(view, name, None)
        with pytest.raises(AttributeError):
            view.anything = 1
    for view in (doc, doc.entities[0]):
        with pytest.raises(TypeError, match="to_dict"):
            pickle.dumps(view)
        with pytest.raises(TypeError):
            type(view)()


def test_reprs_and_equality(engine: rulener.Engine) -> None:
    doc = engine.annotate("Denies otalgia.", note_id="x")
    assert repr(doc) == "<Document 'x': 15 code points, 1 entities>"
    assert repr(doc.entities[0]) == "<Entity 7:14 ailment 'otalgia' negated>"
    assert doc.entities[0] == doc.entities[0]
    assert len({*doc.entities, *doc.entities}) == 1
    assert doc.entities[0] != engine.annotate("Denies otalgia.").entities[0]
    assert repr(engine).startswith(f"<Engine {engine.fingerprint[:12]} ")


def test_a_number_too_long_to_be_one(engine: rulener.Engine) -> None:
    (found,) = engine.annotate("9" * 5000 + " mg").entities
    assert found.attributes["value"].number is None
    assert json.loads(engine.annotate("9" * 5000 + " mg").to_json())["entities"][0]["attributes"]["value"]["number"] is None


def test_a_document_outlives_its_engine(load: Any) -> None:
    doc = load().annotate(NOTE)
    assert [e.text for e in doc.entities][:2] == ["otalgia", "hiccups 7"]
    assert doc.entities[1].concepts[0].code == "R06.7"


# --- given mentions --------------------------------------------------------------------------------------------------


def test_given_mentions_come_back_in_their_order(engine: rulener.Engine) -> None:
    text = "Denies otalgia and cough. Known cough."
    given = [(32, 37, "problem"), (7, 14, "ailment"), (19, 24, "anything"), (0, 0, "remedy"), (7, 14, "ailment")]
    doc = engine.annotate(text, mentions=given)
    assert [(e.start, e.end, e.label) for e in doc.entities] == given
    cough, otalgia, other, empty, again = doc.entities
    assert (cough.historical, cough.negated) == (True, False)
    assert (otalgia.negated, otalgia.rule, otalgia.concepts[0].code) == (True, None, "H92.09")
    assert (other.negated, other.rule, other.concepts) == (True, None, ())
    assert (empty.negated, empty.text) == (False, "")
    assert again.to_dict() == {**otalgia.to_dict(), "id": "T5"}
    assert [e["id"] for e in json.loads(doc.to_json())["entities"]] == ["T1", "T2", "T3", "T4", "T5"]


def test_rules_limited_to_a_label_act_on_what_a_scheme_maps_to_it(engine: rulener.Engine) -> None:
    for label, historical in (("problem", True), ("ailment", True), ("remedy", False), ("unheard of", False)):
        assert engine.annotate("Known cough", mentions=[(6, 11, label)]).entities[0].historical is historical


def test_no_mentions_are_not_none(engine: rulener.Engine) -> None:
    assert engine.annotate("otalgia", mentions=[]).entities == ()


@pytest.mark.parametrize("mention", [(-1, 3, "a"), (0, 8, "a"), (5, 4, "a"), (8, 8, "a")])
def test_mentions_outside_the_text(engine: rulener.Engine, mention: tuple[int, int, str]) -> None:
    with pytest.raises(ValueError, match="does not lie within the text of 7 code points"):
        engine.annotate("otalgia", mentions=[mention])


# --- many notes ------------------------------------------------------------------------------------------------------


def test_many_notes_come_in_order_for_any_workers(engine: rulener.Engine) -> None:
    texts = [f"otalgia {k} " + NOTES[k % len(NOTES)] for k in range(300)]
    expected = [engine.annotate(text).to_dict() for text in texts]
    for workers in (1, 2, 5):
        assert [doc.to_dict() for doc in engine.annotate_many(texts, workers=workers)] == expected
    named = list(engine.annotate_many(iter(texts), workers=2, ids=(str(k) for k in range(300))))
    assert [doc.note_id for doc in named] == [str(k) for k in range(300)]


@pytest.mark.parametrize("workers", [1, 2])
def test_many_notes_are_read_as_they_are_needed(engine: rulener.Engine, workers: int) -> None:
    taken = 0

    def endless() -> Iterator[str]:
        nonlocal taken
        while True:
            taken += 1
            yield "otalgia"

    documents = engine.annotate_many(endless(), workers=workers)
    assert taken == 0
    assert len(next(documents)) == 1
    assert 0 < taken <= 1000
    documents.close()


def test_threads_share_an_engine(engine: rulener.Engine) -> None:
    expected = [engine.annotate(note).to_json() for note in NOTES]
    wrong: list[str] = []

    def work() -> None:
        for _ in range(30):
            if [engine.annotate(note).to_json() for note in NOTES] != expected:
                wrong.append("differs")

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_a_batch_is_a_table_with_a_row_per_entity(engine: rulener.Engine) -> None:
    pytest.importorskip("pyarrow")
    table = engine.annotate_batch(NOTES, ids=[f"n{k}" for k in range(len(NOTES))])
    rows = table.to_pylist()
    documents = [engine.annotate(note) for note in NOTES]
    flat = [(f"n{k}", e) for k, doc in enumerate(documents) for e in doc.entities]
    assert [(r["note_id"], r["start"], r["end"], r["text"], r["label"], r["rule"]) for r in rows] == [
        (k, e.start, e.end, e.text, e.label, e.rule) for k, e in flat
    ]
    for row, (_, entity) in zip(rows, flat, strict=True):
        assert [row[axis] for axis in ("negated", "uncertain", "family")] == [entity.negated, None, entity.family]
        assert [(c["axis"], c["start"], c["rule"], c["via"]) for c in row["cues"]] == [
            (c.axis, c.start, c.rule, c.via) for c in entity.cues
        ]
        assert [(c["system"], c["code"], c["name"]) for c in row["concepts"]] == [
            (c.system, c.code, c.name) for c in entity.concepts
        ]
        assert {a["name"]: a["number"] for a in row["attributes"]} == {name: a.number for name, a in entity.attributes.items()}
        assert (row["section"], row["sentence"]) == (entity.section, entity.sentence)
    assert table.schema.metadata[b"rulener.engine"].decode() == engine.fingerprint
    assert engine.annotate_batch([]).num_rows == 0
    table.validate(full=True)


def test_surrogates_do_not_break_a_table(engine: rulener.Engine) -> None:
    pytest.importorskip("pyarrow")
    table = engine.annotate_batch(["\ud800 500\ud801 mg scar \udfff arm otalgia"], ids=["x\udc80"])
    table.validate(full=True)
    assert {row["note_id"] for row in table.to_pylist()} == {"x\ufffd"}


def test_jsonl_has_a_line_per_note(engine: rulener.Engine) -> None:
    made = engine.jsonl(NOTES, [str(k) for k in range(len(NOTES))])
    lines = made.data.decode().splitlines()
    assert [json.loads(line) for line in lines] == [
        engine.annotate(note, note_id=str(k)).to_dict() for k, note in enumerate(NOTES)
    ]
    assert (made.notes, made.entities, made.failures) == (len(NOTES), sum(len(engine.annotate(n)) for n in NOTES), [])


def test_ids_and_texts_of_different_length(engine: rulener.Engine) -> None:
    for call in (
        lambda: engine.annotate_batch(["a", "b"], ids=["1"]),
        lambda: engine.jsonl(["a"], ["1", "2"]),
        lambda: list(engine.annotate_many(["a", "b"], ids=["1"])),
    ):
        with pytest.raises(errors.UsageError, match=r"^\[U107\] \d ids for \d texts"):
            call()


def test_more_ids_than_texts(engine: rulener.Engine) -> None:
    with pytest.raises(errors.UsageError, match="U107"):
        list(engine.annotate_many(["a"], ids=["1", "2"]))


@pytest.mark.parametrize("workers", [0, -1])
def test_workers_below_one(engine: rulener.Engine, workers: int) -> None:
    with pytest.raises(errors.UsageError, match=r"^\[U106\] workers must be at least 1, not "):
        list(engine.annotate_many(["a"], workers=workers))


def test_a_text_that_is_no_text(engine: rulener.Engine) -> None:
    with pytest.raises(TypeError):
        engine.annotate(b"otalgia")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="text 1 is a bytes, not a str"):
        engine.jsonl(["a", b"b"], ["1", "2"])  # type: ignore[list-item]
    assert len(engine.annotate("otalgia")) == 1


# --- a regex that runs too long --------------------------------------------------------------------------------------


@pytest.fixture
def catastrophic(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> rulener.Engine:
    monkeypatch.setattr("rulener.compiler.build.REGEX_TIMEOUT", 0.05)
    rules = RULES + "  - id: dummy\n    headings: [dummy]\n"
    rules = rules.replace(
        "  - id: code\n", "  - id: greedy\n    label: reading\n    regex: '\\bkey (?:a|aa)+\\d'\n  - id: code\n"
    )
    return rulener.load(write_pack(tmp_path / "p", rules=rules), base=None, lexicons=[], cache_dir=tmp_path / "cache")


def test_a_regex_that_runs_too_long_fails_its_note_only(catastrophic: rulener.Engine) -> None:
    hostile = "secret key " + "a" * 200 + " otalgia"
    notes = ["otalgia", hostile, "key aaa1 and otalgia"]
    made = catastrophic.jsonl(notes, ["0", "1", "2"])
    assert [json.loads(line)["note_id"] for line in made.data.splitlines()] == ["0", "2"]
    (failure,) = made.failures
    assert (failure.index, failure.code) == (1, "N301")
    assert failure.reason == "rule small:greedy: its regex ran longer than 0.05 s"
    with pytest.raises(errors.NoteError) as caught:
        catastrophic.annotate(hostile, note_id="h.txt")
    assert str(caught.value) == "[N301] h.txt: rule small:greedy: its regex ran longer than 0.05 s"
    assert [e.text for e in catastrophic.annotate(notes[2]).entities] == ["key aaa1", "otalgia"]
    good = []
    with pytest.raises(errors.NoteError, match="N301"):
        good.extend(doc.text for doc in catastrophic.annotate_many(notes))
    pytest.importorskip("pyarrow")
    table = catastrophic.annotate_batch(notes)
    assert set(table["note_id"].to_pylist()) == {"0", "2"}
    assert json.loads(table.schema.metadata[b"rulener.failures"]) == [{"note_id": "1", "code": "N301", "reason": failure.reason}]


# --- options ---------------------------------------------------------------------------------------------------------


def test_a_scheme_renames_labels_and_leaves_the_others_out(load: Any, engine: rulener.Engine) -> None:
    viewed = load(scheme="i2b2")
    assert (engine.labels, viewed.labels) == (("ailment", "remedy", "reading"), ("problem", "treatment"))
    assert [e.label for e in viewed.annotate(NOTE).entities] == ["problem", "problem", "problem"]
    assert viewed.annotate("Known cough", mentions=[(6, 11, "problem")]).entities[0].historical is True


def test_an_unknown_scheme(load: Any) -> None:
    with pytest.raises(errors.UsageError) as caught:
        load(scheme="i2b3")
    assert str(caught.value) == "[U105] no loaded pack has a scheme 'i2b3' (did you mean 'i2b2'?)"
    with pytest.raises(errors.UsageError) as caught:
        load(scheme="something")
    assert str(caught.value) == "[U105] no loaded pack has a scheme 'something' (the packs' schemes: i2b2)"
    with pytest.raises(errors.UsageError, match="the packs' schemes: none"):
        load("bare", lexicons=[], scheme="something")


def test_the_resolution_can_be_overridden(load: Any, tmp_path: Path) -> None:
    text = "scar on ear ache of the left arm"
    assert [e.text for e in load().annotate(text).entities] == ["ear ache"]
    text = "scar 500 mg arm"
    found = {
        policy: [e.text for e in load(resolution=policy).annotate(text).entities]
        for policy in ("longest", "longest_per_label", "all")
    }
    assert found == {"longest": [text], "longest_per_label": [text, "500 mg"], "all": [text, "500 mg"]}
    with pytest.raises(errors.UsageError) as caught:
        load(resolution="longer")
    assert str(caught.value) == "[U104] unknown resolution 'longer' (one of longest, longest_per_label, all)"


def test_the_options_of_context_can_be_overridden(tmp_path: Path) -> None:
    pack = tmp_path / "tiny"
    pack.mkdir()
    (pack / "pack.yaml").write_text("name: tiny\nversion: 1.0.0\nlabels: [{id: symptom}]\naxes: [negated]\n")
    (pack / "rules.yaml").write_text(
        "context:\n- {id: 'no', axis: negated, direction: forward, cues: ['no'], examples: {match: ['No [rash].']}}\n"
        "continues_list:\n- {id: words, any: [or]}\n"
    )
    text = "No rash or cough"
    mentions = [(0, 7, "symptom"), (3, 7, "symptom"), (11, 16, "symptom")]

    def negated(**options: str) -> list[bool | None]:
        engine = rulener.load(pack, base=None, lexicons=[], cache_dir=tmp_path, **options)
        assert {**engine.manifest()["options"], **options} == engine.manifest()["options"]
        return [e.negated for e in engine.annotate(text, mentions=mentions).entities]

    assert negated() == [False, True, True]
    assert negated(cues_inside_mention="act") == [True, True, True]
    assert negated(lists="stop") == [False, True, False]
    with pytest.raises(errors.UsageError, match=r"^\[U104\] unknown lists 'on' \(one of follow, stop\)$"):
        negated(lists="on")
    with pytest.raises(errors.UsageError, match=r"^\[U104\] unknown cues_inside_mention 'no' \(one of ignore, act\)$"):
        negated(cues_inside_mention="no")


def test_an_unknown_pack() -> None:
    with pytest.raises(errors.UsageError) as caught:
        rulener.load("englsh")
    assert str(caught.value) == "[U103] no such pack: englsh (did you mean the shipped pack 'english'?)"
    with pytest.raises(errors.UsageError) as caught:
        rulener.load("nothing/like/it")
    assert str(caught.value) == "[U103] no such pack: nothing/like/it (a pack is a folder with a pack.yaml)"
    assert caught.value.exit_code == errors.EXIT_USAGE


def test_a_bad_pack(tmp_path: Path) -> None:
    with pytest.raises(errors.PackError) as caught:
        rulener.load(write_pack(tmp_path / "p", header=PACK + "nonsense: 1\n"), base=None, lexicons=[])
    assert caught.value.code == "R114"
    assert caught.value.place.endswith("pack.yaml:11:1")
    assert caught.value.exit_code == errors.EXIT_BAD_PACK


def test_no_lexicon_at_all_and_one_path_alone(load: Any, folder: Path) -> None:
    assert [e.text for e in load(lexicons=[]).annotate("otalgia, hiccups 7").entities] == ["otalgia"]
    assert [e.text for e in load(lexicons=folder / "lexicon.tsv").annotate("otalgia, hiccups 7").entities] == [
        "otalgia",
        "hiccups 7",
    ]


def test_a_pack_given_twice_is_loaded_once(folder: Path, engine: rulener.Engine) -> None:
    twice = rulener.load(
        folder / "small", folder / "." / "small", base=None, lexicons=[folder / "lexicon.tsv"], cache_dir=folder / "cache"
    )
    assert twice.fingerprint == engine.fingerprint


# --- compiled files --------------------------------------------------------------------------------------------------


def test_a_compiled_file_is_the_engine_that_was_compiled(folder: Path, engine: rulener.Engine, tmp_path: Path) -> None:
    compile_to(tmp_path / "it.rnr", folder / "small", base=None, lexicons=[folder / "lexicon.tsv"])
    loaded = rulener.load(tmp_path / "it.rnr")
    assert loaded.fingerprint == engine.fingerprint
    assert loaded.annotate(NOTE).to_dict() == engine.annotate(NOTE).to_dict()
    assert rulener.load(str(tmp_path / "it.rnr"), scheme="i2b2").labels == ("problem", "treatment")
    for options in ({"lexicons": ["more.tsv"]}, {"resolution": "all"}, {"lists": "stop"}, {"cues_inside_mention": "act"}):
        with pytest.raises(
            errors.UsageError, match=r"^\[U102\] a compiled file has its lexicons, resolution and options built in"
        ):
            rulener.load(tmp_path / "it.rnr", **options)


def test_an_engine_pickles_in_bytes(load: Any) -> None:
    engine = load(scheme="i2b2")
    data = pickle.dumps(engine)
    assert len(data) < 500
    again = pickle.loads(data)
    assert (again.fingerprint, again.labels) == (engine.fingerprint, engine.labels)
    assert again.annotate(NOTE).to_json() == engine.annotate(NOTE).to_json()


def test_the_manifest_says_what_results_depend_on(engine: rulener.Engine) -> None:
    made = engine.manifest()
    assert made["engine"] == engine.fingerprint
    assert [(pack["name"], pack["version"], len(pack["sha256"])) for pack in made["packs"]] == [("small", "1.0.0", 64)]
    assert [(lexicon["name"], lexicon["terms"], lexicon["skipped"]) for lexicon in made["lexicons"]] == [("lexicon", 300, {})]
    linking = made["options"].pop("linking")
    assert (linking["steps"][:2], linking["min_score"], made["options"].pop("decisions")) == (["exact", "variant"], 0.3, None)
    assert made["options"] == {
        "resolution": "longest", "cues_inside_mention": "ignore", "lists": "follow", "scheme": None,
        "axes": ["negated", "historical", "family"],
    }  # fmt: skip
    assert engine.info()["counts"]["terms"] == 205
    json.dumps(engine.info())


def test_a_closed_engine_still_works(engine: rulener.Engine) -> None:
    engine.annotate(NOTE)
    engine.close()
    assert len(engine.annotate(NOTE)) == 4


# --- what is not installed -------------------------------------------------------------------------------------------


def test_arrow_is_an_extra(engine: rulener.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without_pyarrow(name: str, *arguments: Any, **options: Any) -> Any:
        if name.partition(".")[0] == "pyarrow":
            raise ImportError(name)
        return real(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", without_pyarrow)
    with pytest.raises(rulener.MissingExtra) as caught:
        engine.annotate_batch(["otalgia"])
    assert str(caught.value) == "[U101] Arrow tables needs an optional dependency (pip install 'rulener[parquet]')"
    assert len(engine.annotate("otalgia")) == 1


# --- the shipped packs -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def shipped(folder: Path) -> rulener.Engine:
    return rulener.load(cache_dir=folder / "cache")


def test_the_example_of_the_design(shipped: rulener.Engine) -> None:
    doc = shipped.annotate("Denies chest pain. Metformin 500 mg bid for T2DM.")
    found = {e.text: e for e in doc.entities}
    assert found["chest pain"].negated is True
    assert (found["Metformin"].label, found["Metformin"].negated) == ("medication", False)
    assert "T2DM" in found
    assert shipped.axes == ("negated", "uncertain", "historical", "hypothetical", "family")


def test_packs_are_added_to_the_base(folder: Path) -> None:
    added = rulener.load(folder / "bare", cache_dir=folder / "cache")
    entity = added.annotate("Denies ear ache.").entities[0]
    assert (entity.text, entity.rule, entity.negated) == ("ear ache", "bare:ear", True)


def test_the_starter_lexicons_come_with_the_base(folder: Path, shipped: rulener.Engine) -> None:
    names = [lexicon["name"] for lexicon in shipped.manifest()["lexicons"]]
    for given in (None, [], ()):
        made = rulener.load(lexicons=given, cache_dir=folder / "cache").manifest()
        assert [lexicon["name"] for lexicon in made["lexicons"]] == names
        alone = rulener.load(folder / "bare", base=None, lexicons=given, cache_dir=folder / "cache").manifest()
        assert alone["lexicons"] == []


def test_starter_names_the_shipped_lexicons(folder: Path, shipped: rulener.Engine) -> None:
    (folder / "more.tsv").write_text("term\tlabel\nglorp syndrome\tdisorder\n")
    both = rulener.load(lexicons=["starter", folder / "more.tsv"], cache_dir=folder / "cache")
    names = [lexicon["name"] for lexicon in shipped.manifest()["lexicons"]]
    assert [lexicon["name"] for lexicon in both.manifest()["lexicons"]] == [*names, "more"]
    assert "glorp syndrome" in [e.text for e in both.annotate("Has glorp syndrome and asthma.").entities]
