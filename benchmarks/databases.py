"""Results in databases: `python benchmarks/databases.py FOLDER [--postgresql URL]`.

    kills   the same run, killed (SIGKILL, all its processes or the parent alone) after random times, one to four times, and taken
            up: then its tables and its folder must be those of a run that was never stopped
    speed   CPU time of whole commands (parent and workers) writing JSON lines, Parquet, and rows into each database

PostgreSQL is measured where --postgresql says so: an empty database. Prints JSON; with --record it is written into records/.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import resource
import signal
import subprocess
import sys
import time
from datetime import date
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import corpus, record

TABLES = ("entity", "note_nlp", "rulener_error", "rulener_part", "rulener_run")
_ORDERS = {"entity": 'note_id, "start", "end", rule', "note_nlp": "note_nlp_id", "rulener_part": "part", "rulener_run": "run_id"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seeds", type=int, default=50)
    parser.add_argument("--notes", type=int, default=20_000)
    parser.add_argument("--postgresql", metavar="URL")
    parser.add_argument("--only", choices=("speed", "kills"))
    parser.add_argument("--record", action="store_true")
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    os.environ["RULENER_CACHE_DIR"] = str(given.folder / "cache")
    urls = {"duckdb": f"duckdb:{given.folder}/results.duckdb"}
    if given.postgresql:
        urls["postgresql"] = given.postgresql
    made: dict[str, Any] = {"date": str(date.today()), "versions": record.versions(), "load": os.getloadavg()[0]}
    if given.only != "kills":
        made["speed"] = speed(given.folder, given.notes, urls)
    if given.only != "speed":
        made["kills"] = {name: kills(given.folder / f"kills-{name}", url, given.seeds) for name, url in urls.items()}
    text = json.dumps(made, indent=1)
    print(text)  # noqa: T201
    if given.record:
        (record.RECORDS / f"databases-{made['date']}.json").write_text(text + "\n")


def notes_file(path: Path, count: int, length: int | None = None) -> Path:
    """So many invented notes, each of so many characters at most, as JSON lines, and their lexicon beside them."""
    invented = corpus.make("databases", notes=400, terms=5_000, paragraphs=3)
    invented.write_lexicon(path.with_name("terms.tsv"))
    texts = invented.texts
    with open(path, "w", encoding="utf-8") as file:
        for number in range(count):
            file.write(json.dumps({"id": number, "text": texts[number % len(texts)][:length]}) + "\n")
    return path


def command(notes: Path, out: Path, *options: str) -> list[str]:
    words = [sys.executable, "-m", "rulener.cli.main", "run", str(notes), "-o", str(out), "--nlp-date", "2026-11-20"]
    return [*words, "-l", str(notes.with_name("terms.tsv")), *options]


# --- speed


def speed(folder: Path, count: int, urls: dict[str, str]) -> dict[str, Any]:
    notes = notes_file(folder / "notes.jsonl", count)
    ways = {"jsonl": ["-f", "jsonl"], "parquet": ["-f", "parquet"], "omop-csv": ["-f", "omop-csv"]}
    for name, url in urls.items():
        for rows in ("entity", "note_nlp"):
            ways[f"{name} {rows}"] = ["--to", url, "--rows", rows]
    found = {}
    for name, options in ways.items():
        out = folder / f"out-{name.replace(' ', '-')}"
        subprocess.run(["rm", "-rf", str(out)], check=True)
        for url in urls.values():
            drop(url)
        found[name] = measured(command(notes, out, *options, "-w", "1"))
    return {"notes": count, "bytes": notes.stat().st_size, "ways": found}


def measured(words: list[str]) -> dict[str, float]:
    """CPU and wall time of a command and its children, and the most memory one of them had."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    begun = time.perf_counter()
    subprocess.run(words, check=True, stderr=subprocess.DEVNULL)
    wall = time.perf_counter() - begun
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"cpu_s": round(cpu, 2), "wall_s": round(wall, 2), "most_mb_so_far": round(after.ru_maxrss / 1024)}


# --- kills


def kills(folder: Path, url: str, seeds: int, count: int = 3000) -> dict[str, Any]:
    folder.mkdir(exist_ok=True)
    notes = notes_file(folder / "notes.jsonl", count, 300)
    rows = ["--to", url, "--rows", "entity", "--rows", "note_nlp", "-f", "jsonl"]
    for _ in range(2):  # the second time everything is compiled and in memory
        subprocess.run(["rm", "-rf", str(folder / "whole")], check=True)
        drop(url)
        begun = time.perf_counter()
        subprocess.run(command(notes, folder / "whole", *rows, "-w", "2"), check=True, stderr=subprocess.DEVNULL)
        whole = time.perf_counter() - begun
    expected, files = dump(url), tree(folder / "whole")
    killed, wrong = 0, []
    for seed in range(seeds):
        chance = random.Random(seed)
        out = folder / "out"
        subprocess.run(["rm", "-rf", str(out)], check=True)
        drop(url)
        workers = chance.choice(("1", "2"))
        for _ in range(chance.randint(1, 4)):
            after, all_of_them = chance.uniform(0.2, 0.9) * whole, chance.random() < 0.5
            killed += killed_after(command(notes, out, *rows, "-w", workers), after, all_of_them)
        subprocess.run(command(notes, out, *rows, "-w", workers), check=True, stderr=subprocess.DEVNULL)
        if dump(url) != expected or tree(out) != files:
            wrong.append(seed)
        sys.stderr.write(f"{url.partition(':')[0]}: {seed + 1} seeds, {killed} kills, wrong: {wrong}\n")
    subprocess.run(["rm", "-rf", str(folder)], check=True)
    return {"seeds": seeds, "kills": killed, "rows": sum(map(len, expected.values())), "whole_s": round(whole, 2), "wrong": wrong}


def killed_after(words: list[str], seconds: float, all_of_them: bool) -> bool:
    process = subprocess.Popen(words, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        process.wait(seconds)
        return False
    except subprocess.TimeoutExpired:
        with contextlib.suppress(ProcessLookupError):
            (os.killpg if all_of_them else os.kill)(process.pid, signal.SIGKILL)
        process.wait()
        return True


def tree(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def ask(url: str, statements: list[str]) -> list[Any]:
    if url.startswith("duckdb:"):
        import duckdb

        with duckdb.connect(url[len("duckdb:") :]) as connection:
            return [connection.execute(statement).fetchall() for statement in statements]
    import psycopg

    with psycopg.connect(url, autocommit=True) as other:
        return [cursor.fetchall() if (cursor := other.execute(statement)).description else [] for statement in statements]


def drop(url: str) -> None:
    if url.startswith("duckdb:"):
        for path in Path(url[len("duckdb:") :]).parent.glob("results.duckdb*"):
            path.unlink()
    else:
        ask(url, [f"drop table if exists {table}" for table in TABLES])


def dump(url: str) -> dict[str, Any]:
    return dict(zip(_ORDERS, ask(url, [f"select * from {name} order by {by}" for name, by in _ORDERS.items()]), strict=True))


if __name__ == "__main__":
    main()
