"""Each measurement stands in a group with its yardstick; every one checks the hits it counts."""

from __future__ import annotations

import json
import pickle
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmarks import yardsticks
from benchmarks.conftest import Bench
from rulener.engine import Engine, compile_to

Timed = Callable[..., Any]
LEXICON_RULE = "lexicon:bench"
WORD = re.compile(r"\w+|[^\w\s]")


def found_in(batch: Any) -> tuple[int, int]:
    """(mentions from the lexicon, those of them that are negated)"""
    entities = [e for number in range(len(batch)) for e in batch.document(number).entities if e.rule == LEXICON_RULE]
    return len(entities), sum(1 for entity in entities if entity.negated)


def expected(bench: Bench) -> tuple[int, int]:
    return bench.corpus.mentions, bench.corpus.negated


# --- tokenise: an engine that looks for one word -----------------------------------------------------------------------


@pytest.mark.benchmark(group="tokenise")
def test_tokenise(bench: Bench, timed: Timed, tmp_path: Path) -> None:
    """Tokens, lines, sentences; one word to find, no context, no pack."""
    (tmp_path / "one").mkdir()
    (tmp_path / "one/pack.yaml").write_text("name: one\nversion: 0.1.0\nlabels: [{id: disorder}]\n")
    (tmp_path / "one/t.yaml").write_text("terms: [{id: one, label: disorder, status: experimental, any: [denies]}]\n")
    engine = compile_to(tmp_path / "one.rnr", tmp_path / "one", lexicons=[], base=None)
    batch = timed(engine._annotate_chunk, bench.texts, [None] * len(bench.texts))
    assert batch.n_entities == sum(len(re.findall(r"\bdenies\b", text)) for text in bench.lowered)


@pytest.mark.benchmark(group="tokenise")
def test_tokenise_yardstick(bench: Bench, timed: Timed) -> None:
    """Words and punctuation with their places, by `re`, in lower case."""

    def tokens() -> int:
        return sum(len([(m.start(), m.end(), m[0]) for m in WORD.finditer(low)]) for low in bench.lowered)

    assert timed(tokens) == sum(len(re.sub(r"(\W)", r" \1 ", low).split()) for low in bench.lowered)


@pytest.mark.benchmark(group="tokenise")
def test_tokenise_split(bench: Bench, timed: Timed) -> None:
    """`str.split`, which finds no punctuation and no places: the floor."""
    assert timed(lambda: sum(len(text.split()) for text in bench.corpus.texts)) == len(" ".join(bench.corpus.texts).split())


# --- scan: everything the core does, results left as columns ---------------------------------------------------------


@pytest.mark.benchmark(group="scan")
def test_scan(bench: Bench, timed: Timed) -> None:
    batch = timed(bench.engine._annotate_chunk, bench.texts, [None] * len(bench.texts))
    assert found_in(batch) == expected(bench)


@pytest.mark.benchmark(group="scan")
def test_scan_yardstick(bench: Bench, timed: Timed) -> None:
    assert timed(yardsticks.scan, bench.automaton, bench.lowered) == bench.corpus.occurrences


# --- the whole pipeline ------------------------------------------------------------------------------------------------


@pytest.mark.benchmark(group="arrow")
def test_arrow(bench: Bench, timed: Timed) -> None:
    table = timed(bench.engine.annotate_batch, bench.texts)
    rows = [row for row in table.select(["rule", "negated"]).to_pylist() if row["rule"] == LEXICON_RULE]
    assert (len(rows), sum(1 for row in rows if row["negated"])) == expected(bench)


@pytest.mark.benchmark(group="arrow")
def test_arrow_yardstick(bench: Bench, timed: Timed) -> None:
    assert timed(yardsticks.scan, bench.automaton, bench.lowered) == bench.corpus.occurrences


def read_entities(engine: Engine, texts: list[str]) -> tuple[int, int]:
    mentions = negated = 0
    for text in texts:
        for entity in engine.annotate(text).entities:
            if entity.rule == LEXICON_RULE and entity.label:
                mentions += 1
                negated += 1 if entity.negated else 0
    return mentions, negated


@pytest.mark.benchmark(group="entities")
def test_entities(bench: Bench, timed: Timed) -> None:
    """`annotate` note by note, with rule, label and negation of every entity read."""
    assert timed(read_entities, bench.engine, bench.texts) == expected(bench)


@pytest.mark.benchmark(group="entities")
def test_entities_yardstick(bench: Bench, timed: Timed) -> None:
    assert timed(yardsticks.scan, bench.automaton, bench.lowered) == bench.corpus.occurrences


@pytest.mark.benchmark(group="jsonl")
def test_jsonl(bench: Bench, timed: Timed) -> None:
    written = timed(bench.engine.jsonl, bench.texts, [str(k) for k in range(len(bench.texts))])
    documents = [json.loads(line) for line in written.data.splitlines()]
    entities = [e for document in documents for e in document["entities"] if e["rule"] == LEXICON_RULE]
    assert (len(entities), sum(e["negated"] for e in entities)) == expected(bench)


@pytest.mark.benchmark(group="jsonl")
def test_jsonl_yardstick(bench: Bench, timed: Timed) -> None:
    lines = timed(lambda: list(yardsticks.lines(bench.automaton, bench.corpus.texts)))
    assert sum(len(json.loads(line)["entities"]) for line in lines) == bench.corpus.occurrences


# --- compile and open ---------------------------------------------------------------------------------------------------


@pytest.mark.benchmark(group="compile")
def test_compile(bench: Bench, timed: Timed, tmp_path: Path) -> None:
    """The shipped pack and the lexicon, hashed, checked, built and written."""
    size = bench.lexicon.stat().st_size
    engine = timed(lambda: compile_to(tmp_path / "c.rnr", lexicons=[bench.lexicon]), characters=size, rounds=3)
    assert read_entities(engine, bench.texts[:3]) == read_entities(bench.engine, bench.texts[:3])
    assert [lexicon["rows"] for lexicon in engine.manifest()["lexicons"]] == [len(bench.corpus.terms)]


@pytest.mark.benchmark(group="compile")
def test_compile_yardstick(bench: Bench, timed: Timed, tmp_path: Path) -> None:
    """The same table into a pyahocorasick automaton, and that into a file."""
    size = bench.lexicon.stat().st_size
    saved = timed(lambda: yardsticks.save(yardsticks.build(bench.lexicon), tmp_path / "a.pickle"), characters=size, rounds=3)
    assert len(pickle.loads(saved.read_bytes())) == len(bench.corpus.terms)


@pytest.mark.benchmark(group="open")
def test_open(bench: Bench, timed: Timed) -> None:
    engine = timed(Engine, bench.engine.path, characters=0)
    assert read_entities(engine, bench.texts[:3]) == read_entities(bench.engine, bench.texts[:3])


@pytest.mark.benchmark(group="open")
def test_open_yardstick(bench: Bench, timed: Timed, tmp_path: Path) -> None:
    data = yardsticks.save(bench.automaton, tmp_path / "a.pickle").read_bytes()
    automaton = timed(pickle.loads, data, characters=0, rounds=5)
    assert len(automaton) == len(bench.corpus.terms)


# --- `rulener run` ------------------------------------------------------------------------------------------------------


COPIES = {"tiny": 1, "full": 10}  # so that starting up is a small part of it


@pytest.fixture(scope="module")
def notes(bench: Bench, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return bench.corpus.write_notes(tmp_path_factory.mktemp("run") / "notes", COPIES[bench.corpus.name])


def call(*command: object) -> None:
    subprocess.run([str(part) for part in command], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


@pytest.mark.benchmark(group="run")
@pytest.mark.parametrize("workers", [1, 2])
def test_run(bench: Bench, notes: Path, timed: Timed, tmp_path: Path, workers: int) -> None:
    """The whole command on a folder of files, start-up included, from a compiled file."""
    command = (sys.executable, "-m", "rulener.cli.main", "run", notes, "--pack", bench.engine.path, "--workers", workers)
    copies = COPIES[bench.corpus.name]
    size = bench.corpus.characters * copies
    timed(call, *command, "--overwrite", "-o", tmp_path / "out", characters=size, rounds=3)
    parts = sorted((tmp_path / "out").glob("part-*.jsonl"))
    documents = [json.loads(line) for part in parts for line in part.read_bytes().splitlines()]
    entities = [e for document in documents for e in document["entities"] if e["rule"] == LEXICON_RULE]
    assert (len(documents), len(entities)) == (len(bench.texts) * copies, bench.corpus.mentions * copies)


@pytest.mark.benchmark(group="run")
def test_run_yardstick(bench: Bench, notes: Path, timed: Timed, tmp_path: Path) -> None:
    """A script that does the same with pyahocorasick, its automaton loaded from a file."""
    saved = yardsticks.save(bench.automaton, tmp_path / "a.pickle")
    copies = COPIES[bench.corpus.name]
    size = bench.corpus.characters * copies
    timed(call, sys.executable, "-c", yardsticks.SCRIPT, saved, notes, tmp_path / "hits.jsonl", characters=size, rounds=3)
    lines = (tmp_path / "hits.jsonl").read_text(encoding="utf-8").splitlines()
    assert sum(len(json.loads(line)["entities"]) for line in lines) == bench.corpus.occurrences * copies


# --- public notes, where they are at hand -------------------------------------------------------------------------------


@pytest.mark.benchmark(group="public notes")
def test_public_notes(shared: tuple[Engine, Any, list[str]], timed: Timed) -> None:
    engine, _, texts = shared
    table = timed(engine.annotate_batch, texts, characters=sum(map(len, texts)))
    assert table.num_rows == sum(len(document.entities) for document in engine.annotate_many(texts))


@pytest.mark.benchmark(group="public notes")
def test_public_notes_yardstick(shared: tuple[Engine, Any, list[str]], timed: Timed) -> None:
    _, automaton, texts = shared
    lowered = [text.lower() for text in texts]
    hits = timed(yardsticks.scan, automaton, lowered, characters=sum(map(len, texts)))
    assert hits == sum(len(json.loads(line)["entities"]) for line in yardsticks.lines(automaton, lowered))
