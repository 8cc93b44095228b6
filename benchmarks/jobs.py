"""Engines inside jobs: `python benchmarks/jobs.py`. Each step is a process of its own. Prints JSON; --record keeps it.

    pickled       bytes of a pickled engine
    threads       annotate_batch over slices of the notes by one thread and by two, in turn; the median of the ratios
    million       annotate_batch on --short short notes in one call: CPU, peak memory beside notes and results (Linux)
    columns       CPU seconds for the same notes by annotate_batch, pandas, polars, Arrow batches, spaCy's tokenizer and component

Notes are those of ../shared/data/notes/mtsamples where they are, else invented ones (corpus.py).
"""

from __future__ import annotations

import argparse
import json
import os
import pickle
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import corpus, record, scale

NOTES = Path(__file__).resolve().parents[2] / "shared/data/notes/mtsamples"
SLICE = 200
ROUNDS = 9

Facts = dict[str, Any]


def notes() -> tuple[str, list[str]]:
    """Where the notes are from, and the notes. RULENER_BENCH=tiny: a few."""
    if os.environ.get("RULENER_BENCH") == "tiny":
        return "invented", list(corpus.make("tiny", notes=20, terms=50, paragraphs=1).texts)
    found = [path.read_text(encoding="utf-8") for path in sorted(NOTES.glob("*.txt"))]
    return ("MTSamples", found) if found else ("invented", list(corpus.make("jobs", notes=400, terms=5000, paragraphs=4).texts))


def pickled(short: int) -> Facts:
    import rulener

    engine = rulener.load()
    return {"bytes": len(pickle.dumps(engine)), "path_bytes": len(str(engine.path)), "artifact_bytes": engine.path.stat().st_size}


def threads(short: int) -> Facts:
    import rulener

    name, texts = notes()
    slices = [texts[k : k + SLICE] for k in range(0, len(texts), SLICE)]
    engine = rulener.load()

    def work(given: list[list[str]], count: int) -> float:
        waiting, lock = iter(given), threading.Lock()

        def run() -> None:
            while True:
                with lock:
                    one = next(waiting, None)
                if one is None:
                    return
                engine.annotate_batch(one)

        begin = time.perf_counter()
        running = [threading.Thread(target=run) for _ in range(count)]
        for thread in running:
            thread.start()
        for thread in running:
            thread.join()
        return time.perf_counter() - begin

    work(slices, 1)
    ratios = [2 * work(slices, 1) / work(slices * 2, 2) for _ in range(ROUNDS)]
    return {"notes": name, "ratio": round(statistics.median(ratios), 2), "ratios": sorted(round(ratio, 2) for ratio in ratios)}


def million(short: int) -> Facts:
    import resource

    import rulener

    engine = rulener.load()
    engine.annotate_batch(["Denies fever."] * 10)
    texts = [f"Visit {k}: denies chest pain or fever. Metformin {k % 900} mg twice daily for diabetes." for k in range(short)]
    held = sum(map(sys.getsizeof, texts)) + 8 * short
    before, begin = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    table = engine.annotate_batch(texts)
    seconds, after = time.process_time() - begin, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {
        "notes": short,
        "entities": table.num_rows,
        "cpu": round(seconds, 2),
        "notes_mb": round(held / 1e6),
        "results_mb": round(table.nbytes / 1e6),
        "peak_growth_mb": round((after - before) / 1e3 * 1.024),
        "peak_mb": round(after / 1e3 * 1.024),
    }


def columns(short: int) -> Facts:
    import rulener

    name, texts = notes()
    ids = [str(k) for k in range(len(texts))]
    engine = rulener.load()
    found: Facts = {"notes": name, "count": len(texts), "mb": round(sum(map(len, texts)) / 1e6, 2)}
    for way, run in _ways(engine, texts, ids):
        run()
        times = []
        for _ in range(3):
            begin = time.process_time()
            run()
            times.append(time.process_time() - begin)
        found[way] = round(statistics.median(times), 3)
    return found


def _ways(engine: Any, texts: list[str], ids: list[str]) -> list[tuple[str, Callable[[], Any]]]:
    """The ways that can be gone in this installation."""
    ways: list[tuple[str, Callable[[], Any]]] = [("annotate_batch", lambda: engine.annotate_batch(texts, ids=ids))]
    try:
        import pyarrow

        from rulener.integrations.arrow import annotate_batches

        batches = pyarrow.table({"id": ids, "text": texts}).to_batches(1000)
        ways.append(("arrow_batches", lambda: list(annotate_batches(batches, engine, text="text", id="id"))))
        import pandas

        from rulener.integrations import pandas as of_pandas

        series = pandas.Series(texts)
        ways.append(("pandas", lambda: of_pandas.annotate(series, engine).entities))
        import polars

        from rulener.integrations import polars as of_polars

        column = polars.Series(texts)
        ways.append(("polars", lambda: of_polars.annotate(column, engine).entities))
        import spacy

        from rulener.integrations.spacy import RulenerEntities

        nlp = spacy.blank("en")
        component = RulenerEntities()
        ways.append(("spacy_tokenizer", lambda: [len(nlp.make_doc(text)) for text in texts]))
        ways.append(("spacy_component", lambda: [len(component(nlp.make_doc(text))) for text in texts]))
    except ImportError:
        pass
    return ways


STEPS = {"pickled": pickled, "threads": threads, "million": million, "columns": columns}


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Measures engines inside jobs.")
    parser.add_argument("--short", type=int, default=1_000_000, help="how many short notes")
    parser.add_argument("--step", choices=STEPS, help="this step alone, in this process")
    parser.add_argument("--record", action="store_true", help="write records/jobs-DATE.json")
    options = parser.parse_args(arguments)
    if options.step:
        sys.stdout.write(json.dumps(STEPS[options.step](options.short)) + "\n")
        return
    steps: dict[str, Facts] = {}
    for name in STEPS:
        command = [sys.executable, __file__, "--step", name, "--short", str(options.short)]
        ended = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        steps[name] = {**json.loads(ended.stdout), "load": round(os.getloadavg()[0], 2)}
        sys.stderr.write(f"{name} {steps[name]}\n")
    write(steps, "jobs", options.record)


def write(steps: dict[str, Facts], name: str, kept: bool) -> None:
    """Prints the record; keeps it when asked."""
    found = scale.record_of({"steps": steps}, "")
    text = json.dumps(found, indent=1) + "\n"
    sys.stdout.write(text)
    if kept:
        record.RECORDS.mkdir(exist_ok=True)
        (record.RECORDS / f"{name}-{found['date']}.json").write_text(text)


if __name__ == "__main__":
    main()
