"""How long an author waits on the workbench: `python benchmarks/workbench.py FOLDER [--strings 1000000]`.

A starter pack beside the shipped one is edited as on the page, once beside the shipped lexicons and, with --strings, once beside
a lexicon of that many strings (an invented release in the shape of the UMLS, benchmarks/umls.py). 2,000 invented notes are on
the shelf. Times are those of one session in one process: median and range of the wall times of the edits after the first, and
the median of the CPU times, which a busy machine changes less. The page adds its pause in typing (120 ms) and the way to the
browser.

    findings   from the edit to the quick findings
    note       from the edit to the open note annotated anew and its markup made
    tests      ... to all examples and cases run
    changes    ... to what would change over all notes
    all        ... to the last lint

Prints JSON; with --record it is written into records/.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import corpus, record, scale

NOTES = 2000
_EDITED = "starter/terms.yaml"
_NAMES = {"findings": "findings", "engine": "note", "tests": "tests", "changes": "changes", "lints": "all"}


def measure(folder: Path, strings: int, edits: int, notes: int) -> dict[str, Any]:
    """Beside the shipped lexicons, and beside a large one when `strings` is not 0."""
    os.environ["RULENER_CACHE_DIR"] = str(folder / "cache")
    found = {"shipped": _session(folder, [], edits, notes)}
    if strings:
        place = scale.Place(folder, strings)
        if not place.table.is_file():
            place.step("generate", place.release, strings)
            place.rulener("build", "lexicon", "build", "umls", place.release, "-o", place.table)
        with open(place.table, "rb") as table:
            rows = sum(1 for _ in table) - 1
        found["large"] = {"rows": rows, **_session(folder, [place.table], edits, notes)}
    return {"strings": strings, "notes": notes, "workbench": found}


def _session(folder: Path, tables: list[Path], edits: int, notes: int) -> dict[str, Any]:
    from rulener import shipped
    from rulener.authoring.starter import new_pack
    from rulener.engine import lexicon_paths
    from rulener.workbench import view
    from rulener.workbench.session import Session

    pack = folder / f"packs-{len(tables)}" / "starter"
    if not pack.is_dir():
        new_pack(pack)
    texts = corpus.make("workbench", notes=notes, terms=2000, paragraphs=6).texts
    held = [(f"note {number}", f"{text}\n{scale.NOTE}") for number, text in enumerate(texts)]
    lexicons = tables or lexicon_paths(None, "english")
    session = Session([pack], base=[shipped.packs()["english"]], lexicons=lexicons, notes=held)
    times: dict[str, list[tuple[float, float]]] = {}
    changes = 0
    for number in range(edits + 1):
        begin, begin_cpu = time.perf_counter(), time.process_time()
        if number:
            session.edit(_EDITED, session.files.text(_EDITED).replace("[shin splints,", "[shin splints, knee injury,"))
        for part in session.refresh("shin-splints"):
            if part == "engine":
                document = session.document(held[0][1])
                view.note_panel(document, session.current.engine.labels)
            if number:
                times.setdefault(_NAMES[part], []).append((time.perf_counter() - begin, time.process_time() - begin_cpu))
        changes = len(session.effect.changes)
    session.close()
    shown = {name: _waits(found) for name, found in times.items()}
    characters = sum(len(text) for _, text in held)
    return {"characters": characters, "mentions_changed": changes, "load": round(os.getloadavg()[0], 2), **shown}


def _waits(found: list[tuple[float, float]]) -> dict[str, int]:
    wall, cpu = ([pair[k] for pair in found] for k in (0, 1))
    figures = {"median_ms": statistics.median(wall), "min_ms": min(wall), "max_ms": max(wall), "cpu_ms": statistics.median(cpu)}
    return {name: round(seconds * 1000) for name, seconds in figures.items()}


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--strings", type=int, default=0)
    parser.add_argument("--edits", type=int, default=9)
    parser.add_argument("--notes", type=int, default=NOTES)
    parser.add_argument("--record", action="store_true", help="write records/workbench-DATE.json")
    parser.add_argument("--note", default="", help="what a reader of the record must know")
    options = parser.parse_args(arguments)
    options.folder.mkdir(parents=True, exist_ok=True)
    found = scale.record_of(measure(options.folder, options.strings, options.edits, options.notes), options.note)
    text = json.dumps(found, indent=1) + "\n"
    if options.record:
        record.RECORDS.mkdir(exist_ok=True)
        (record.RECORDS / f"workbench-{found['date']}.json").write_text(text)
    sys.stdout.write(text)


if __name__ == "__main__":
    main()
