"""`rulener run` beside annotate_batch in memory: `python -m benchmarks.etl --notes 200000 [--record]`.

The notes are those of ../shared/data/notes, repeated under new ids until there are so many; with the lexicon M and the shipped
pack. Each step is a process of its own, all files lie in a temporary folder. Linux only (memory is read from the kernel).

    memory       annotate_batch on the notes in memory, a thousand a call: what the others are compared with
    jsonl        from one .jsonl to JSON lines, one worker
    parquet      the same to Parquet
    folder       from a folder of as many files to JSON lines, one worker
    two          as jsonl, with two workers
    few          as jsonl, with a tenth of the notes: for the peak memory
    start        one note: what every command takes before it begins

Prints JSON: of each step seconds (wall), CPU seconds of all its processes, peak memory of its largest process, and the ratios to
compare with the aims; what `start` takes is left aside in them.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from benchmarks import record

SHARED = Path(__file__).resolve().parents[2] / "shared/data"
STEPS = ("start", "memory", "jsonl", "parquet", "folder", "two", "few")
AIMS = {"jsonl": 0.35, "parquet": 0.5, "folder": 0.25, "two": 1.8}
_FILES_A_FOLDER = 1000
_CALL = 1000

Facts = dict[str, Any]


def texts(folder: Path, count: int) -> list[str]:
    """So many notes: those of the folder, again and again."""
    found = [path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.txt"))]
    if not found:
        raise SystemExit(f"no notes in {folder}")
    return list(itertools.islice(itertools.cycle(found), count))


def write_lines(path: Path, held: list[str]) -> None:
    with open(path, "w", encoding="utf-8") as file:
        file.writelines(json.dumps({"note_id": f"note-{k:08d}", "text": text}) + "\n" for k, text in enumerate(held))


def write_folder(folder: Path, held: list[str]) -> None:
    for k, text in enumerate(held):
        below = folder / f"{k // _FILES_A_FOLDER:04d}"
        if k % _FILES_A_FOLDER == 0:
            below.mkdir(parents=True)
        (below / f"note-{k:08d}.txt").write_text(text, encoding="utf-8")


def measured(command: list[str]) -> Facts:
    """Wall and CPU seconds, and the peak memory of the largest process. Raises SystemExit when the command fails."""
    begun = time.perf_counter()
    running = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert running.stdout is not None
    with running.stdout as printed:
        shown = printed.read()
    _, status, usage = os.wait4(running.pid, 0)
    seconds = time.perf_counter() - begun
    running.returncode = os.waitstatus_to_exitcode(status)
    if running.returncode:
        raise SystemExit(f"{command} ended with {running.returncode}")
    facts = {"seconds": round(seconds, 2), "cpu": round(usage.ru_utime + usage.ru_stime, 2)}
    facts |= {"peak_mb": round(usage.ru_maxrss / 1024), "load": round(os.getloadavg()[0], 2)}
    return facts | {"printed": shown.strip()}


def in_memory(artifact: str, notes: str, count: int) -> Facts:
    """Seconds of annotate_batch alone, in this process."""
    import rulener

    engine = rulener.load(artifact)
    held = texts(Path(notes), count)
    ids = [f"note-{k:08d}" for k in range(count)]
    engine.annotate_batch(held[:_CALL], ids[:_CALL])
    begun, cpu = time.perf_counter(), time.process_time()
    entities = 0
    for first in range(0, count, _CALL):
        entities += engine.annotate_batch(held[first : first + _CALL], ids[first : first + _CALL]).num_rows
    return {
        "seconds": round(time.perf_counter() - begun, 2),
        "cpu": round(time.process_time() - cpu, 2),
        "entities": entities,
    }


class Place:
    """The files of a measurement and the commands of its steps."""

    def __init__(self, folder: Path, notes: Path, lexicon: Path, count: int) -> None:
        self.folder = folder
        self.notes = notes
        self.count = count
        self.artifact = folder / "engine.rnr"
        _rulener("compile", "--lexicon", str(lexicon), "-o", str(self.artifact))

    def prepare(self, steps: tuple[str, ...]) -> None:
        held = texts(self.notes, self.count)
        write_lines(self.folder / "notes.jsonl", held)
        write_lines(self.folder / "few.jsonl", held[: max(1, self.count // 10)])
        write_lines(self.folder / "start.jsonl", held[:1])
        if "folder" in steps:
            write_folder(self.folder / "notes", held)

    def step(self, name: str) -> Facts:
        if name == "memory":
            own = [sys.executable, "-m", "benchmarks.etl", "--in-memory", str(self.artifact)]
            facts = measured([*own, "--from", str(self.notes), "--notes", str(self.count)])
            return {**facts, **json.loads(facts.pop("printed"))}
        source = {"folder": "notes", "start": "start.jsonl", "few": "few.jsonl"}.get(name, "notes.jsonl")
        options = ["--format", "parquet"] if name == "parquet" else []
        options += ["--workers", "2" if name == "two" else "1"]
        out = self.folder / f"out-{name}"
        facts = measured([*_COMMAND, "run", str(self.folder / source), "-o", str(out), "--pack", str(self.artifact), *options])
        facts.pop("printed")
        counts = json.loads((out / "manifest.json").read_bytes())["counts"]
        return {**facts, "entities": counts["entities"], "failed": counts["failed"]}


_COMMAND = [sys.executable, "-m", "rulener.cli.main"]


def _rulener(*arguments: str) -> None:
    subprocess.run([*_COMMAND, *arguments], check=True, capture_output=True)


def ratios(facts: dict[str, Facts], measure: str) -> dict[str, float]:
    """How many times as fast as in memory; two workers against one. `measure` is "seconds" or "cpu"."""
    start = facts["start"][measure]
    net = {name: max(found[measure] - (0 if name == "memory" else start), 1e-3) for name, found in facts.items()}
    found = {name: net["memory"] / net[name] for name in ("jsonl", "parquet", "folder") if name in net and "memory" in net}
    if "two" in net and "jsonl" in net:
        found["two"] = net["jsonl"] / net["two"]
    return {name: round(ratio, 3) for name, ratio in found.items()}


def measure(count: int, notes: Path, lexicon: Path, steps: tuple[str, ...], repeat: int) -> Facts:
    """All steps, `repeat` times one after the other; of each the quickest."""
    with tempfile.TemporaryDirectory(prefix="rulener-etl-") as folder:
        facts: dict[str, Facts] = {}
        for _ in range(repeat):
            with tempfile.TemporaryDirectory(dir=folder) as inner:
                place = Place(Path(inner), notes, lexicon, count)
                place.prepare(steps)
                for name in steps:
                    found = place.step(name)
                    sys.stderr.write(f"{name} {json.dumps(found)}\n")
                    if name not in facts or found["seconds"] < facts[name]["seconds"]:
                        facts[name] = found
    return {
        "notes": count,
        "lexicon": lexicon.name,
        "steps": facts,
        "ratios": {"wall": ratios(facts, "seconds"), "cpu": ratios(facts, "cpu"), "aims": AIMS},
    }


def described(facts: Facts) -> Facts:
    return {
        "date": datetime.now(timezone.utc).date().isoformat(),
        "machine": {"cpu": _cpu(), "cpus": os.cpu_count(), "python": platform.python_version()},
        "versions": record.versions(),
        **facts,
    }


def _cpu() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor()


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--notes", type=int, default=20_000, help="how many")
    parser.add_argument("--from", dest="folder", type=Path, default=SHARED / "notes/mtsamples", help="folder of *.txt to repeat")
    parser.add_argument("--lexicon", type=Path, default=SHARED / "lexicons/M.tsv.gz")
    parser.add_argument("--steps", nargs="+", choices=STEPS, default=list(STEPS))
    parser.add_argument("--repeat", type=int, default=1, help="times; the quickest of each step counts")
    parser.add_argument("--record", action="store_true", help="write it into benchmarks/records")
    parser.add_argument("--note", default="", help="what a reader of the record must know")
    parser.add_argument("--in-memory", metavar="ARTIFACT", help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    if given.in_memory:
        sys.stdout.write(json.dumps(in_memory(given.in_memory, given.folder, given.notes)))
        return
    found = described(measure(given.notes, given.folder, given.lexicon, tuple(given.steps), given.repeat))
    if given.note:
        found["note"] = given.note
    shown = json.dumps(found, indent=1, ensure_ascii=False) + "\n"
    if given.record:
        target = record.RECORDS / f"etl-{found['date']}-{given.notes}.json"
        target.write_text(shown, encoding="utf-8")
    sys.stdout.write(shown)


if __name__ == "__main__":
    main()
