"""Formats for people and their tools: each is read back as its target reads it, and says the same as the run's JSON lines."""

from __future__ import annotations

import json
import re
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import rulener
from rulener import errors
from rulener.formats.brat import type_names
from rulener.formats.filenames import FileNames
from rulener.formats.i2b2 import Words
from rulener.formats.readers import Columns
from rulener.formats.texts import colours, tokens
from rulener.run.directory import run

NOTES = {
    "plain": "Denies ear ache.\nOtalgia since 2012, took glorpin 500 mg. Possible asthma.\n",
    "ward 3/b\u00e9ta.txt": (
        "\U0001f642 PMH: asthma.\r\n\r\nDe\u0301ja\u0300 vu \U0001f468\u200d\u2695\ufe0f"
        ", denies chest pain.\tFever\x0bcough\u2028rash\r\n"
    ),
    "../../etc/passwd": "Mother had a stroke. \U0001d54f asthma",
    "/abs": "No chest\npain today. Chest\r\npain, asthma.",
    "PLAIN": "Asthma.",
    "nothing": "The weather was fine.\n",
    "empty": "",
    'odd "<&>\t\n\\.': 'x <b>asthma</b> & "fever" </div></section>\x00\x1b cough\u202e.\rdenies asthma',
    "surrogate": "asthma \ud83d then fever",
    "plain.ann/x": "cough",
}


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> rulener.Engine:
    return rulener.load(cache_dir=tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="module")
def out(engine: rulener.Engine, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run in every format of this file, and as JSON lines."""
    folder = tmp_path_factory.mktemp("run")
    formats = ["jsonl", "brat", "conll", "labelstudio", "doccano", "prodigy", "html"]
    run(engine, [notes_file(folder)], str(folder / "out"), format=formats, workers=1)
    return folder / "out"


@pytest.fixture(scope="module")
def i2b2(engine: rulener.Engine, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("i2b2")
    scheme = rulener.Engine(engine.path, scheme="i2b2")
    run(scheme, [notes_file(folder)], str(folder / "out"), format=["jsonl", "i2b2"], workers=1)
    return folder / "out"


def notes_file(folder: Path) -> str:
    lines = [json.dumps({"id": note_id, "text": text}) for note_id, text in NOTES.items()]
    (folder / "notes.jsonl").write_text("".join(f"{line}\n" for line in lines))
    return str(folder / "notes.jsonl")


def written_text(note_id: str) -> str:
    return NOTES[note_id].replace("\ud83d", "\ufffd")


def documents(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / "part-00000.jsonl").read_bytes().splitlines()]


def listed(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "notes.jsonl").read_bytes().splitlines()]


def axes(entity: dict[str, Any]) -> list[str]:
    return [axis for axis in ("negated", "uncertain", "historical", "hypothetical", "family") if entity[axis]]


# --- brat


def read_brat(folder: Path, name: str) -> tuple[str, dict[str, Any]]:
    """A note as brat's server reads it: it refuses a T line whose words are not those of its offsets, joined by a space."""
    text = (folder / f"{name}.txt").read_bytes().decode()
    found: dict[str, Any] = {}
    for line in (folder / f"{name}.ann").read_bytes().decode().splitlines():
        number, data, tail = (*line.split("\t", 2), "")[:3]
        if number[0] == "T":
            label, places = data.split(" ", 1)
            spans = [tuple(map(int, place.split(" "))) for place in places.split(";")]
            assert " ".join(text[start:end] for start, end in spans) == tail
            found[number] = {
                "label": label,
                "start": spans[0][0],
                "end": spans[-1][1],
                "axes": [],
                "concepts": [],
                "spans": spans,
            }
        elif number[0] == "A":
            axis, target = data.split(" ")
            found[target]["axes"].append(axis.lower())
        elif number[0] == "N":
            match = re.fullmatch(r"Reference (\S+) (\S+?):(\S+)", data)
            assert match
            found[match[1]]["concepts"].append((match[2], match[3], tail))
        else:
            kind, target = data.split(" ")
            assert (number[0], kind) == ("#", "AnnotatorNotes")
            found[target]["rule"] = tail.split("; ")[0]
    return text, found


def test_brat_says_what_the_documents_say(out: Path) -> None:
    folder = out / "part-00000.brat"
    fragments = 0
    for document, record in zip(documents(out), listed(folder), strict=True):
        assert (record["note_id"], record["entities"]) == (document["note_id"], len(document["entities"]))
        text, found = read_brat(folder, record["file"])
        assert text == written_text(document["note_id"])
        assert [
            (number, one["label"], one["start"], one["end"], one["axes"], one["rule"], [c[:2] for c in one["concepts"]])
            for number, one in found.items()
        ] == [
            (
                e["id"], e["label"], e["start"], e["end"], axes(e), e["rule"],
                [(c["system"], c["code"]) for c in e["concepts"] if c["code"] is not None],
            )
            for e in document["entities"]
        ]  # fmt: skip
        fragments += sum(len(one["spans"]) > 1 for one in found.values())
    assert fragments == 2  # chest\npain and chest\r\npain: one piece a line, as brat writes them itself


def test_brat_is_configured_for_every_type(out: Path, engine: rulener.Engine) -> None:
    folder = out / "part-00000.brat"
    configuration = (folder / "annotation.conf").read_text()
    sections = dict(re.findall(r"^\[(\w+)\]\n(.*?)(?=^\[|\Z)", configuration, re.M | re.S))
    assert sections["entities"].split() == list(engine.labels)
    assert next(line.split("\t") for line in sections["attributes"].splitlines()) == ["Negated", "Arg:<ENTITY>"]
    assert list(sections) == ["entities", "relations", "events", "attributes"]
    for label in engine.labels:
        assert f"{label} | {label}\n" in (folder / "visual.conf").read_text()
    assert type_names(["a b", "a_b", "\u00e9"]) == {"a b": "a_b", "a_b": "a_b_2", "\u00e9": "_"}


# --- i2b2

CON = re.compile(r'c="(?P<c>.*)" (\d+):(\d+) (\d+):(\d+)\|\|t="(?P<t>[^"]*)"(?:\|\|a="(?P<a>\w+)")?')


def read_i2b2(path: Path, text: str) -> list[tuple[str, str, str, list[str]]]:
    """Label, class, words as written and words as found in the text by line and number."""
    found = []
    lines = text.splitlines()
    for line in path.read_bytes().decode().split("\n")[:-1]:
        match = CON.fullmatch(line)
        assert match, line
        first_line, first, last_line, last = (int(match[number]) for number in range(2, 6))
        if first_line == last_line:
            words = lines[first_line - 1].split()[first : last + 1]
        else:
            between = [word for middle in lines[first_line : last_line - 1] for word in middle.split()]
            words = lines[first_line - 1].split()[first:] + between + lines[last_line - 1].split()[: last + 1]
        found.append((match["t"], match["a"], match["c"], words))
    return found


def test_i2b2_points_at_the_words_of_each_mention(i2b2: Path) -> None:
    folder = i2b2 / "part-00000.i2b2"
    widened = 0
    for document, record in zip(documents(i2b2), listed(folder), strict=True):
        text = (folder / f"{record['file']}.txt").read_bytes().decode()
        note = written_text(document["note_id"])
        assert len(text) == len(note)
        assert text.split() == note.split()
        concepts = read_i2b2(folder / f"{record['file']}.con", text)
        assert len(concepts) == len(document["entities"]) == record["entities"]
        different = 0
        for (label, _, words, at_place), entity in zip(concepts, document["entities"], strict=True):
            assert label == entity["label"]
            assert words == re.sub("[A-Z]", lambda found: found[0].lower(), " ".join(at_place))
            inside = entity["text"].replace("\ud83d", "\ufffd").split()
            assert all(part in word for part, word in zip(inside, at_place, strict=True))
            different += inside != at_place
        assert (record["widened"], record["unplaced"]) == (different, 0)
        widened += different
        problems = [entity for entity in document["entities"] if entity["label"] == "problem"]
        classes = read_i2b2(folder / f"{record['file']}.ast", text)
        assert [one[2:] for one in classes] == [one[2:] for one in concepts if one[0] == "problem"]
        for (_, given_class, _, _), entity in zip(classes, problems, strict=True):
            assert given_class == expected_class(entity)
    assert widened > 3


def expected_class(entity: dict[str, Any]) -> str:
    order = {
        "family": "associated_with_someone_else",
        "hypothetical": "hypothetical",
        "uncertain": "possible",
        "negated": "absent",
    }
    return next((name for axis, name in order.items() if entity[axis]), "present")


def test_i2b2_has_every_class_it_can(i2b2: Path) -> None:
    found = Counter(re.findall(r'a="(\w+)"', "".join(path.read_text() for path in i2b2.rglob("*.ast"))))
    assert {"present", "absent", "possible", "associated_with_someone_else"} <= found.keys()


def test_i2b2_with_other_labels_is_refused_before_the_run(engine: rulener.Engine, tmp_path: Path) -> None:
    with pytest.raises(errors.UsageError, match=r"^\[U260\] the format i2b2 .* disorder, symptom, .* \(give --scheme i2b2\)"):
        run(engine, [notes_file(tmp_path)], str(tmp_path / "out"), format="i2b2")
    assert not (tmp_path / "out").exists()


@given(st.text(alphabet=" \t\r\n\x0b\x85\u2028\u00a0ab.\u0301\U0001f642", max_size=30), st.data())
def test_words_of_i2b2_cover_a_span(note: str, data: st.DataObject) -> None:
    words = Words(note)
    start = data.draw(st.integers(0, len(note)))
    end = data.draw(st.integers(start, len(note)))
    found = words.over(start, end)
    holds_word = bool(note[start:end].split())
    assert (found is not None) == holds_word
    if found is not None:
        covered = words.joined(*found).split(" ")
        inside = note[start:end].split()
        assert len(covered) == len(inside)
        assert all(part in whole for part, whole in zip(inside, covered, strict=True))
        line, order = map(int, words.places(*found).split(" ")[0].split(":"))
        assert words.text.splitlines()[line - 1].split()[order] == covered[0]


# --- CoNLL


def read_conll(path: Path) -> list[tuple[str, int, list[list[tuple[str, int, int, str]]]]]:
    """(note id, left out, sentences of (token, start, end, label)) of each note."""
    notes: list[tuple[str, int, list[list[tuple[str, int, int, str]]]]] = []
    fresh = True
    for line in path.read_bytes().decode().split("\n")[:-1]:
        if not line:
            fresh = True
            continue
        token, second, third, label = line.split("\t")
        if token == "-DOCSTART-":
            notes.append((second, int(third), []))
            continue
        if fresh:
            notes[-1][2].append([])
        fresh = False
        notes[-1][2][-1].append((token, int(second), int(third), label))
    return notes


def spans(sentences: list[list[tuple[str, int, int, str]]]) -> list[tuple[int, int, str]]:
    found: list[tuple[int, int, str]] = []
    for sentence in sentences:
        previous = "O"
        for _, start, end, label in sentence:
            if label.startswith("I-"):
                assert previous[2:] == label[2:], "I- goes on with a mention of its sentence"
                found[-1] = (found[-1][0], end, label[2:])
            elif label != "O":
                found.append((start, end, label[2:]))
            previous = label
    return found


def test_conll_has_every_token_and_mention(out: Path) -> None:
    notes = read_conll(out / "part-00000.conll")
    several = 0
    for (note_id, left_out, sentences), document in zip(notes, documents(out), strict=True):
        text = written_text(document["note_id"])
        assert note_id == re.sub(r"\s", " ", document["note_id"])
        assert left_out == 0
        assert spans(sentences) == [(e["start"], e["end"], e["label"]) for e in document["entities"]]
        at = 0
        for token, start, end, _ in [one for sentence in sentences for one in sentence]:
            assert text[start:end] == token
            assert not text[at:start].strip()
            at = end
        assert not text[at:].strip()
        several += len(sentences) > 1
    assert several > 2


def test_sentences_of_conll_are_those_of_the_document(out: Path, engine: rulener.Engine) -> None:
    seen = 0
    for (_, _, sentences), document in zip(read_conll(out / "part-00000.conll"), documents(out), strict=True):
        text = NOTES[document["note_id"]]
        inside = [(entity["start"], entity["end"]) for entity in document["entities"]]
        starts = [start for sentence in sentences for _, start, _, _ in sentence]
        expected = set(starts[:1])
        for sentence in engine.annotate(text).sentences:
            if sentence.start > next(iter(starts), 0) and not any(start < sentence.start < end for start, end in inside):
                expected |= {next((start for start in starts if start >= sentence.start), starts[0])}
        assert {sentence[0][1] for sentence in sentences} == expected
        seen += len(expected)
    assert seen > 15


def test_overlapping_mentions_are_counted_in_conll(tmp_path: Path) -> None:
    engine = rulener.load(resolution="all", cache_dir=tmp_path / "cache")
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "a.txt").write_text("Chest pain and ear ache. Asthma.")
    run(engine, [str(tmp_path / "notes")], str(tmp_path / "out"), format=["jsonl", "conll", "html", "prodigy"], workers=1)
    (document,) = documents(tmp_path / "out")
    ((_, left_out, sentences),) = read_conll(tmp_path / "out" / "part-00000.conll")
    kept = spans(sentences)
    assert left_out == len(document["entities"]) - len(kept) > 0
    assert [place[:2] for place in kept] == [(0, 10), (15, 18), (25, 31)]
    (page,) = read_html(tmp_path / "out" / "part-00000.html")
    assert page["marks"] == {e["id"]: (e["start"], e["end"]) for e in document["entities"]}


@given(st.text(alphabet=" \n\tab1_.\u0301\U0001f642\u200d", max_size=20), st.sets(st.integers(0, 20)), st.booleans())
def test_tokens_leave_nothing_out(text: str, boundaries: set[int], spaces: bool) -> None:
    found = tokens(text, boundaries, spaces=spaces)
    at = 0
    for start, end in found:
        assert start < end
        assert not text[at:start].strip()
        assert not any(start < place < end for place in boundaries)
        at = end
    assert "".join(text[start:end] for start, end in found) == (text if spaces else "".join(text.split()))


# --- annotation tools


def test_label_studio_tasks(out: Path) -> None:
    tasks = json.loads((out / "part-00000.labelstudio.json").read_bytes())
    for task, document in zip(tasks, documents(out), strict=True):
        text = task["data"]["text"]
        assert (text, task["data"]["note_id"]) == (written_text(document["note_id"]), document["note_id"])
        (prediction,) = task["predictions"]
        labelled = [one for one in prediction["result"] if one["type"] == "labels"]
        chosen = {one["id"]: one["value"]["choices"] for one in prediction["result"] if one["type"] == "choices"}
        for region, entity in zip(labelled, document["entities"], strict=True):
            value = region["value"]
            assert (value["start"], value["end"], value["labels"]) == (entity["start"], entity["end"], [entity["label"]])
            assert value["text"] == text[value["start"] : value["end"]]
            assert (region["from_name"], region["to_name"]) == ("label", "text")
            assert chosen.get(region["id"], []) == axes(entity)
            assert region["meta"]["text"][0] == entity["rule"]


def test_doccano_lines(out: Path) -> None:
    lines = (out / "part-00000.doccano.jsonl").read_bytes().split(b"\n")[:-1]
    for line, document in zip(lines, documents(out), strict=True):
        record = json.loads(line)
        assert (record["text"], record["note_id"]) == (written_text(document["note_id"]), document["note_id"])
        assert record["label"] == [[e["start"], e["end"], e["label"]] for e in document["entities"]]
        assert record["assertions"] == [[e["start"], e["end"], axes(e)] for e in document["entities"] if axes(e)]


def test_prodigy_tasks(out: Path) -> None:
    lines = (out / "part-00000.prodigy.jsonl").read_bytes().split(b"\n")[:-1]
    for line, document in zip(lines, documents(out), strict=True):
        task = json.loads(line)
        text, listed_tokens = task["text"], task["tokens"]
        assert (text, task["meta"]["note_id"]) == (written_text(document["note_id"]), document["note_id"])
        assert "".join(token["text"] + " " * token["ws"] for token in listed_tokens) == text
        assert [token["id"] for token in listed_tokens] == list(range(len(listed_tokens)))
        assert all(text[token["start"] : token["end"]] == token["text"] for token in listed_tokens)
        for span, entity in zip(task["spans"], document["entities"], strict=True):
            assert (span["start"], span["end"], span["label"]) == (entity["start"], entity["end"], entity["label"])
            assert listed_tokens[span["token_start"]]["start"] == span["start"]
            assert listed_tokens[span["token_end"]]["end"] == span["end"]
            assert span["assertions"] == axes(entity)


def test_a_part_without_notes_is_a_whole_file(engine: rulener.Engine, tmp_path: Path) -> None:
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "bad.txt").write_bytes(b"\xff")
    formats = ["brat", "conll", "labelstudio", "doccano", "prodigy", "html"]
    run(engine, [str(tmp_path / "notes")], str(tmp_path / "out"), format=formats, workers=1)
    assert json.loads((tmp_path / "out" / "part-00000.labelstudio.json").read_bytes()) == []
    assert {path.name for path in (tmp_path / "out" / "part-00000.brat").iterdir()} == {
        "annotation.conf", "visual.conf", "notes.jsonl",
    }  # fmt: skip
    assert read_html(tmp_path / "out" / "part-00000.html") == []


def test_what_the_input_carried_is_in_every_format_that_can_hold_it(engine: rulener.Engine, tmp_path: Path) -> None:
    (tmp_path / "notes.csv").write_text("id,text,ward\nn1,Denies asthma.,<b>3 \u00e9</b>\n", encoding="utf-8")
    formats = ["brat", "labelstudio", "doccano", "prodigy", "html"]
    out = tmp_path / "out"
    run(engine, [str(tmp_path / "notes.csv")], str(out), format=formats, columns=Columns(carry=("*",)), workers=1)
    carried = {"ward": "<b>3 \u00e9</b>"}
    assert listed(out / "part-00000.brat")[0]["metadata"] == carried
    assert json.loads((out / "part-00000.labelstudio.json").read_bytes())[0]["data"]["metadata"] == carried
    assert json.loads((out / "part-00000.doccano.jsonl").read_bytes())["metadata"] == carried
    assert json.loads((out / "part-00000.prodigy.jsonl").read_bytes())["meta"]["metadata"] == carried
    assert "<p>ward: &lt;b&gt;3 \u00e9&lt;/b&gt;</p>" in (out / "part-00000.html").read_text(encoding="utf-8")


def test_labels_have_colours_of_their_own(engine: rulener.Engine, out: Path) -> None:
    found = colours(engine.labels)
    assert len(set(found.values())) == len(engine.labels) > 10
    drawn = re.findall(r"bgColor:(#[0-9a-f]{6})\n", (out / "part-00000.brat" / "visual.conf").read_text(encoding="utf-8"))
    assert len(drawn) == len(set(drawn)) == len(engine.labels)


# --- HTML


class Page(HTMLParser):
    """The notes of a page with their text and marks, and every tag and attribute on it."""

    def __init__(self) -> None:
        super().__init__()
        self.notes: list[dict[str, Any]] = []
        self.tags: Counter[str] = Counter()
        self.links: list[str] = []
        self._open: list[tuple[str, str]] = []
        self._in_note = False
        self._mark: tuple[str, int, str] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.tags[tag] += 1
        self.links += [given[name] for name in ("src", "href", "action", "data") if name in given]
        assert not any(name.startswith("on") for name in given)
        if tag == "div":
            self.notes.append({"text": "", "marks": {}, "classes": {}})
            self._in_note = True
        elif tag == "mark" and self._in_note:
            self._mark = (given["data-ids"], len(self.notes[-1]["text"]), given["class"])

    def handle_endtag(self, tag: str) -> None:
        if tag == "div":
            self._in_note = False
        elif tag == "mark" and self._mark is not None:
            note, (ids, start, classes) = self.notes[-1], self._mark
            for one in ids.split():
                begun = note["marks"].get(one, (start, start))[0]
                note["marks"][one] = (begun, len(note["text"]))
                note["classes"].setdefault(one, set(classes.split()))
            self._mark = None

    def handle_data(self, data: str) -> None:
        if self._in_note:
            self.notes[-1]["text"] += data


def parsed(path: Path) -> Page:
    page = Page()
    page.feed(path.read_bytes().decode())
    page.close()
    return page


def read_html(path: Path) -> list[dict[str, Any]]:
    return parsed(path).notes


def test_html_shows_every_note_and_mention(out: Path) -> None:
    for note, document in zip(read_html(out / "part-00000.html"), documents(out), strict=True):
        text = written_text(document["note_id"])
        assert len(note["text"]) == len(text)
        shown = text.replace("\x00", "\u2400").replace("\x1b", "\u241b").replace("\x0b", "\u240b").replace("\u202e", "\ufffd")
        assert note["text"] == shown
        assert note["marks"] == {e["id"]: (e["start"], e["end"]) for e in document["entities"]}
        for entity in document["entities"]:
            assert note["classes"][entity["id"]] - {"first"} == set(axes(entity))


def test_html_asks_nothing_of_any_other_place(out: Path) -> None:
    page = parsed(out / "part-00000.html")
    assert not {"script", "img", "link", "iframe", "object", "form", "b"} & page.tags.keys()
    assert all(link.startswith("#") for link in page.links)
    written = (out / "part-00000.html").read_text()
    assert "default-src 'none'" in written
    assert "url(" not in written
    assert "http:" not in written
    assert "https:" not in written
    assert page.tags["section"] == len(NOTES)


# --- file names


def test_ids_become_file_names_that_stay_in_the_folder(out: Path) -> None:
    assert [record["file"] for record in listed(out / "part-00000.brat")] == [
        "plain",
        "ward%203/b%C3%A9ta",
        "%2E%2E/%2E%2E/etc/passwd",
        "_/abs",
        "PLAIN~2",
        "nothing",
        "empty",
        "odd%20%22%3C%26%3E%09%0A%5C%2E",
        "surrogate",
        "plain%2Eann/x",
    ]


@pytest.mark.parametrize(
    ("note_id", "name"),
    [
        ("a.txt", "a"),
        ("a.TXT.gz", "a"),
        (".txt", "_"),
        ("..", "%2E%2E"),
        (".", "%2E"),
        (".hidden", "%2Ehidden"),
        ("a//b", "a/_/b"),
        ("con", "%63on"),
        ("Nul.x/b", "%4Eul.x/b"),
        ("C:\\x", "C%3A%5Cx"),
        ("a~2", "a%7E2"),
        ("50%", "50%25"),
        ("annotation.conf/b", "annotation%2Econf/b"),
    ],
)
def test_a_file_name(note_id: str, name: str) -> None:
    assert FileNames().name(note_id) == name


@given(st.lists(st.text(alphabet="aA./\\~%2\u00e9 \x00:", min_size=1, max_size=6) | st.text(min_size=1), max_size=8, unique=True))
def test_file_names_are_safe_and_distinct(ids: list[str]) -> None:
    names = FileNames()
    made = [names.name(note_id) for note_id in ids]
    assert len({name.lower() for name in made}) == len(made)
    for name in made:
        assert re.fullmatch(r"[A-Za-z0-9_.~%-]+(/[A-Za-z0-9_.~%-]+)*", name)
        assert not any(part[0] == "." or part[-1] == "." for part in name.split("/"))


def test_long_ids_are_cut_and_stay_distinct() -> None:
    names = FileNames()
    made = [names.name("x" * 500 + last) for last in "ab"] + [names.name("deep/" * 300 + last) for last in "ab"]
    assert len(set(made)) == 4
    assert all(len(part) < 200 for name in made for part in name.split("/"))
