"""A lexicon of millions of strings, from release to first note: `python benchmarks/scale.py FOLDER --strings 1000000`.

Each step runs in a process of its own, so that its peak memory is its own; all files stay in FOLDER. Linux only (peak memory and
shared pages are read from the kernel). Prints JSON and, with --record, writes it into records/ with machine, versions and date.

    generate     the release (benchmarks/umls.py)
    build        rulener lexicon build umls: read, curate, variants, write the table
    compile      rulener compile with an empty cache: table and shipped pack into the artifact
    again        the same with the lexicon's layer in the cache
    edit         a small pack of the user beside it was changed: a new process, from start to the first note's entities
    open         Engine(artifact) and its first note
    share        two processes that have annotated with it: resident and proportional memory of the mapped file
    speed        annotate_batch against the yardstick on the same terms and notes (left out beyond --yardstick strings)
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import corpus, record, umls, yardsticks

NOTES = Path(__file__).resolve().parents[2] / "shared/data/notes/mtsamples"
NOTE = "Denies chest pain. Acute knee injury, left. History of asthma and renal failure.\n"
_PACK = "name: mine\nversion: 0.1.0\n"
_RULE = "terms:\n  - id: mine-{0}\n    label: disorder\n    status: experimental\n    any: [my own finding {0}]\n"

Facts = dict[str, Any]


def measured(command: Sequence[str], environment: dict[str, str]) -> Facts:
    """Wall and CPU seconds and peak memory of a command. Raises SystemExit when it fails."""
    begin = time.perf_counter()
    running = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    assert running.stdout is not None
    printed = running.stdout.read()
    running.stdout.close()
    _, status, usage = os.wait4(running.pid, 0)
    seconds = time.perf_counter() - begin
    running.returncode = os.waitstatus_to_exitcode(status)
    if running.returncode:
        raise SystemExit(f"{command} ended with {running.returncode}")
    cpu = usage.ru_utime + usage.ru_stime
    return {"seconds": round(seconds, 2), "cpu": round(cpu, 2), "peak_mb": round(usage.ru_maxrss / 1024), "printed": printed}


class Place:
    """The files of a measurement, and how its steps are run."""

    def __init__(self, folder: Path, strings: int) -> None:
        self.strings = strings
        self.release = folder / "release"
        self.table = folder / "umls.tsv"
        self.artifact = folder / "umls.rnr"
        self.pack = folder / "mine"
        self.cache = folder / "cache"
        # Compiled modules are kept, as on a user's machine, but not beside the sources.
        kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        prefix = str(folder.resolve() / "pycache")
        self.environment = {**kept, "RULENER_CACHE_DIR": str(self.cache), "PYTHONPYCACHEPREFIX": prefix}
        self.facts: dict[str, Facts] = {}

    def run(self, name: str, command: Sequence[str]) -> Facts:
        facts = measured(command, self.environment)
        printed = facts.pop("printed")
        self.facts[name] = {**facts, "load": round(os.getloadavg()[0], 2)}
        if name in ("open", "share", "speed"):
            self.facts[name].update(json.loads(printed))
        sys.stderr.write(f"{name}: {self.facts[name]}\n")
        return self.facts[name]

    def step(self, name: str, *arguments: object) -> Facts:
        return self.run(name, [sys.executable, str(Path(__file__).resolve()), "--step", name, *map(str, arguments)])

    def rulener(self, name: str, *arguments: object) -> Facts:
        return self.run(name, [sys.executable, "-m", "rulener.cli.main", *map(str, arguments)])


def measure(folder: Path, strings: int, yardstick: int, *, curate: bool, quick: bool) -> dict[str, Any]:
    """All steps; see the module."""
    place = Place(folder, strings)
    place.step("generate", place.release, strings)
    stages = [] if curate else ["--no-curate", "--no-variants"]
    place.rulener("build", "lexicon", "build", "umls", place.release, "-o", place.table, *stages)
    for path in sorted(place.cache.glob("layers/*")):
        path.unlink()
    rows = sum(1 for _ in open(place.table, "rb")) - 1  # noqa: SIM115
    place.rulener("compile", "compile", "-o", place.artifact, "--lexicon", place.table)
    size = place.artifact.stat().st_size
    place.facts["compile"] |= {"rows": rows, "bytes_a_row": round(size / rows, 1), "bytes_a_string": round(size / strings, 1)}
    place.rulener("again", "compile", "-o", place.artifact, "--lexicon", place.table)
    place.pack.mkdir(exist_ok=True)
    (place.pack / "pack.yaml").write_text(_PACK)
    edits = []
    for k in range(2 if quick else 6):  # the first makes the layer and what else a user has already
        (place.pack / "rules.yaml").write_text(_RULE.format(k))
        edits.append(place.step("edit", place.pack, place.table))
        for path in place.cache.glob("*.rnr"):
            path.unlink()
    place.facts["edit"] = sorted(edits[1:], key=lambda one: float(one["seconds"]))[len(edits) // 2 - 1]
    place.step("open", place.artifact)
    place.step("share", place.artifact)
    if strings <= yardstick:
        place.step("speed", place.artifact, place.table)
    return {"strings": strings, "curated": curate, "steps": place.facts}


# --- steps: each in a process of its own ----------------------------------------------------------------------------------


def generate(release: str, strings: str) -> None:
    umls.write_release(Path(release), int(strings))


def edit(pack: str, table: str) -> None:
    import rulener

    sys.stdout.write(f"{len(rulener.load(pack, lexicons=[table]).annotate(NOTE).entities)}\n")


def open_it(artifact: str) -> None:
    from rulener.engine import Engine

    times = []
    for _ in range(7):
        begin = time.perf_counter()
        engine = Engine(Path(artifact))
        opened = time.perf_counter()
        engine.annotate(NOTE)
        times.append((opened - begin, time.perf_counter() - opened))
    opening, first = (round(statistics.median(column) * 1000, 2) for column in zip(*times, strict=True))
    _say({"open_ms": opening, "first_open_ms": round(times[0][0] * 1000, 2), "first_note_ms": first})


def share(artifact: str) -> None:
    """Two processes annotate, wait for each other and read their maps."""
    command = [sys.executable, str(Path(__file__).resolve()), "--step", "shared", artifact]
    workers = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    for worker in workers:
        assert worker.stdout is not None
        worker.stdout.readline()
    facts = []
    for worker in workers:  # both live on until both have read
        assert worker.stdin is not None
        assert worker.stdout is not None
        worker.stdin.write("now\n")
        worker.stdin.flush()
        facts.append(json.loads(worker.stdout.readline()))
    for worker in workers:
        worker.communicate("end\n")
    _say({"workers": facts})


def shared(artifact: str) -> None:
    from rulener.engine import Engine

    engine = Engine(Path(artifact))
    engine.annotate_batch(_notes())
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    rss = pss = 0
    mine = False
    for line in Path("/proc/self/smaps").read_text().splitlines():
        if "-" in line.split(" ", 1)[0]:
            mine = line.endswith(str(Path(artifact).resolve()))
        elif mine and line.startswith(("Rss:", "Pss:")):
            amount = int(line.split()[1])
            rss, pss = (rss + amount, pss) if line.startswith("Rss:") else (rss, pss + amount)
    _say({"rss_mb": round(rss / 1024, 1), "pss_mb": round(pss / 1024, 1)})
    sys.stdout.flush()
    sys.stdin.readline()


def speed(artifact: str, table: str) -> None:
    """CPU seconds, interleaved, medians."""
    from rulener.engine import Engine

    engine, texts = Engine(Path(artifact)), _notes()
    automaton, lowered = yardsticks.build(Path(table)), [text.lower() for text in texts]
    runs: dict[str, Callable[[], object]] = {
        "yardstick": lambda: yardsticks.scan(automaton, lowered),
        "annotate_batch": lambda: engine.annotate_batch(texts).num_rows,
    }
    times: dict[str, list[float]] = {name: [] for name in runs}
    counts = {name: run() for name, run in runs.items()}
    for _ in range(5):
        for name, run in runs.items():
            begin = time.process_time()
            run()
            times[name].append(time.process_time() - begin)
    medians = {name: statistics.median(column) for name, column in times.items()}
    megabytes = sum(map(len, texts)) / 1e6
    _say(
        {
            "notes": "public" if NOTES.is_dir() else "invented",
            "counts": counts,
            "mb_a_second": {name: round(megabytes / median, 1) for name, median in medians.items()},
            "x_yardstick": round(medians["yardstick"] / medians["annotate_batch"], 2),
        }
    )


def _notes() -> list[str]:
    if NOTES.is_dir():
        return [path.read_text(encoding="utf-8") for path in sorted(NOTES.glob("*.txt"))]
    return list(corpus.make("tiny", notes=50, terms=500, paragraphs=3).texts)


def _say(facts: Facts) -> None:
    sys.stdout.write(json.dumps(facts) + "\n")


STEPS: dict[str, Callable[..., None]] = {
    "generate": generate, "edit": edit, "open": open_it, "share": share, "shared": shared, "speed": speed,
}  # fmt: skip


# --- what comes of it -------------------------------------------------------------------------------------------------


def record_of(found: dict[str, Any], note: str) -> dict[str, Any]:
    """The measurement with machine, versions and date."""
    cpu = next((line.split(":")[1].strip() for line in _cpuinfo() if line.startswith("model name")), "unknown")
    return {
        "date": datetime.now(timezone.utc).date().isoformat(),
        "machine": {
            "cpu": cpu,
            "cpus": os.cpu_count(),
            "system": f"{platform.system()} {platform.release()}",
            "python": f"{platform.python_implementation()} {platform.python_version()}",
        },
        "versions": record.versions(),
        **({"note": note} if note else {}),
        **found,
    }


def _cpuinfo() -> list[str]:
    path = Path("/proc/cpuinfo")
    return path.read_text().splitlines() if path.is_file() else []


def main(arguments: list[str] | None = None) -> None:
    given = sys.argv[1:] if arguments is None else arguments
    if given[:1] == ["--step"]:
        STEPS[given[1]](*given[2:])
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--strings", type=int, default=1_000_000)
    parser.add_argument("--yardstick", type=int, default=1_000_000, help="the most strings that the yardstick is built for")
    parser.add_argument("--no-curate", action="store_true", help="every name as the release writes it, no variants")
    parser.add_argument("--quick", action="store_true", help="edit once, for the test of this script")
    parser.add_argument("--record", action="store_true", help="write records/scale-DATE-STRINGS.json")
    parser.add_argument("--note", default="", help="what a reader of the record must know")
    options = parser.parse_args(given)
    options.folder.mkdir(parents=True, exist_ok=True)
    curate = not options.no_curate
    found = measure(options.folder, options.strings, options.yardstick, curate=curate, quick=options.quick)
    found = record_of(found, options.note)
    text = json.dumps(found, indent=1) + "\n"
    if options.record:
        record.RECORDS.mkdir(exist_ok=True)
        (record.RECORDS / f"scale-{found['date']}-{options.strings}.json").write_text(text)
    sys.stdout.write(text)


if __name__ == "__main__":
    main()
