"""Spark from one executor to two: `python benchmarks/spark.py`. Prints JSON; --record writes it into records/.

For each number of executors a process of its own starts a cluster `local-cluster[N,1,1024]` on loopback, annotates the same
Parquet files once to warm up and then --rounds times without writing, and counts rows. What is compared is the time of these
jobs, on the wall and in CPU seconds of all processes; starting Spark and the first job are told apart. One process with
`annotate_batch` over the same notes is the yardstick.

Notes are those of ../shared/data/notes/mtsamples, --copies times, where they are, else invented ones.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY))

from benchmarks import jobs  # noqa: E402

PARTITIONS = 8


def prepare(folder: Path, copies: int) -> dict[str, Any]:
    """The compiled file and the notes, in so many files as there will be partitions."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from rulener.engine import compile_to

    compile_to(folder / "clinical.rnr")
    name, texts = jobs.notes()
    (folder / "notes").mkdir()
    rows = [(f"{copy}-{k}", text) for copy in range(copies) for k, text in enumerate(texts)]
    for part in range(PARTITIONS):
        ids, some = zip(*rows[part::PARTITIONS], strict=True)
        pq.write_table(pa.table({"id": ids, "text": some}), folder / "notes" / f"{part}.parquet")
    return {"notes": name, "count": len(rows), "mb": round(copies * sum(map(len, texts)) / 1e6, 1)}


def alone(folder: Path, rounds: int) -> dict[str, Any]:
    """One process, one thread."""
    import pyarrow.parquet as pq

    import rulener

    engine = rulener.load(folder / "clinical.rnr")
    times, used = [], []
    for _ in range(rounds + 1):
        begin, before, entities = time.perf_counter(), cpu_seconds(), 0
        for path in sorted((folder / "notes").glob("*.parquet")):
            table = pq.read_table(path)
            for batch in table.to_batches(1000):
                texts, ids = batch.column("text").to_pylist(), batch.column("id").to_pylist()
                entities += engine.annotate_batch(texts, ids=ids).num_rows
        times.append(time.perf_counter() - begin)
        used.append(cpu_seconds() - before)
    seconds, cpu = (round(statistics.median(found[1:]), 2) for found in (times, used))
    return {"entities": entities, "first": round(times[0], 2), "seconds": seconds, "cpu": cpu}


def cpu_seconds() -> float:
    """CPU seconds of this process and of all that it started and that still runs: driver, executors, Python workers. On a busy
    machine they say more than the wall."""
    import psutil

    own = psutil.Process()
    total = 0.0
    for process in (own, *own.children(recursive=True)):
        with contextlib.suppress(psutil.Error):
            times = process.cpu_times()
            total += times.user + times.system
    return total


def cluster(folder: Path, executors: int, rounds: int) -> dict[str, Any]:
    """A cluster of so many executors of one core."""
    warnings.simplefilter("ignore")
    os.environ.update(
        SPARK_LOCAL_IP="127.0.0.1",
        PYSPARK_PYTHON=sys.executable,
        PYTHONPATH=os.pathsep.join(filter(None, [str(REPOSITORY), os.environ.get("PYTHONPATH", "")])),
        SPARK_WORKER_DIR=str(folder / "workers"),
    )
    from pyspark.sql import SparkSession

    from rulener.integrations.spark import annotate

    begin = time.perf_counter()
    builder = SparkSession.builder.master(f"local-cluster[{executors},1,1024]").config("spark.ui.enabled", "false")
    for name, value in (
        ("spark.driver.host", "127.0.0.1"),
        ("spark.driver.bindAddress", "127.0.0.1"),
        ("spark.executor.memory", "512m"),
        ("spark.log.level", "ERROR"),
        ("spark.sql.execution.arrow.maxRecordsPerBatch", "1000"),
        ("spark.sql.files.maxPartitionBytes", "64m"),
        ("spark.sql.files.minPartitionNum", str(PARTITIONS)),
    ):
        builder = builder.config(name, value)
    session = builder.getOrCreate()
    notes = session.read.parquet(str(folder / "notes"))
    started, partitions = time.perf_counter() - begin, notes.rdd.getNumPartitions()
    times, used = [], []
    for _ in range(rounds + 1):
        begin, before = time.perf_counter(), cpu_seconds()
        annotate(notes, "text", "id", artifact=folder / "clinical.rnr").write.format("noop").mode("overwrite").save()
        times.append(time.perf_counter() - begin)
        used.append(cpu_seconds() - before)
    found = annotate(notes, "text", "id", artifact=folder / "clinical.rnr")
    entities, failed = found.where("error is null").count(), found.where("error is not null").count()
    session.stop()
    return {
        "partitions": partitions,
        "entities": entities,
        "failed": failed,
        "start": round(started, 1),
        "first": round(times[0], 2),
        "seconds": round(statistics.median(times[1:]), 2),
        "all": [round(one, 2) for one in times[1:]],
        "cpu": round(statistics.median(used[1:]), 2),
    }


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Spark from one executor to two.")
    parser.add_argument("--copies", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--step", nargs=2, metavar=("EXECUTORS", "FOLDER"), help="this many executors (0: none), in this process")
    parser.add_argument("--record", action="store_true", help="write records/spark-DATE.json")
    options = parser.parse_args(arguments)
    if options.step:
        executors, folder = int(options.step[0]), Path(options.step[1])
        found = cluster(folder, executors, options.rounds) if executors else alone(folder, options.rounds)
        sys.stdout.write(json.dumps(found) + "\n")
        return
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        steps: dict[str, Any] = {"input": prepare(folder, options.copies)}
        for executors in (0, 1, 2):
            command = [sys.executable, __file__, "--step", str(executors), place, "--rounds", str(options.rounds)]
            ended = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True)
            facts = json.loads(ended.stdout.splitlines()[-1])
            notes_a_second = round(steps["input"]["count"] / facts["seconds"])
            name = f"{executors} executors" if executors else "one process"
            steps[name] = {**facts, "notes_a_second": notes_a_second, "load": round(os.getloadavg()[0], 2)}
            sys.stderr.write(f"{name} {steps[name]}\n")
    steps["scaling"] = round(steps["1 executors"]["seconds"] / steps["2 executors"]["seconds"], 2)
    jobs.write(steps, "spark", options.record)


if __name__ == "__main__":
    main()
