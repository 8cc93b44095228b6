"""Spark on a real cluster of two executor processes (loopback only): the same rows as `rulener run`, and a job that lives."""

from __future__ import annotations

import json
import os
import shutil
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pyspark", reason="PySpark is not installed (extra [spark])")
pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed (extra [spark])")
if not (shutil.which("java") or os.environ.get("JAVA_HOME")):
    pytest.skip("Spark needs Java", allow_module_level=True)

with warnings.catch_warnings():
    warnings.simplefilter("ignore", FutureWarning)  # PySpark 4.3 looks at pandas 3 with suspicion
    from pyspark.sql import SparkSession

import pyarrow.parquet as pq  # noqa: E402

import rulener  # noqa: E402
from rulener.cli.main import ended  # noqa: E402
from rulener.engine import compile_to  # noqa: E402
from rulener.integrations.spark import annotate  # noqa: E402
from tests.small import NOTES, write_lexicon, write_pack  # noqa: E402

REPOSITORY = Path(__file__).parents[2]
COPIES = 40
OTHER = [(None, "otalgia", "no id"), ("empty", None, "no text"), ("long", "otalgia " * 5000, "too long")]
BROKEN = "select 'broken' as key, cast(X'6F74616C676961EDA080' as string) as `the.note`, 'half a pair' as ward"
MAX_LENGTH = 20_000

pytestmark = pytest.mark.filterwarnings("ignore:PySpark does not yet fully support pandas:FutureWarning")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A compiled file, notes as JSON lines and as Parquet, and what a run says of them."""
    folder = tmp_path_factory.mktemp("spark")
    lexicon = write_lexicon(folder / "lexicon.tsv")
    compile_to(folder / "clinical.rnr", write_pack(folder / "small"), base=None, lexicons=[lexicon])
    notes = [(f"n{copy:03}-{k}", f"{text} {copy}", f"ward {k}") for copy in range(COPIES) for k, text in enumerate(NOTES)]
    with (folder / "notes.jsonl").open("w", encoding="utf-8") as file:
        file.writelines(json.dumps({"id": key, "text": text}) + "\n" for key, text, _ in notes)
    (folder / "notes").mkdir()
    for part in range(4):
        some = notes[part * len(notes) // 4 : (part + 1) * len(notes) // 4]
        columns = list(zip(*some, strict=True))
        pq.write_table(pa.table(columns, names=["key", "the.note", "ward"]), folder / "notes" / f"{part}.parquet")
    notes_file, out, pack = (str(folder / name) for name in ("notes.jsonl", "out", "clinical.rnr"))
    assert ended(["run", notes_file, "-o", out, "--pack", pack, "--format", "parquet", "--workers", "1"]) == 0
    return folder


@pytest.fixture(scope="module")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    work = tmp_path_factory.mktemp("cluster")
    paths = os.pathsep.join(filter(None, [str(REPOSITORY), os.environ.get("PYTHONPATH", "")]))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPARK_LOCAL_IP", "127.0.0.1")
        patch.setenv("PYSPARK_PYTHON", sys.executable)
        patch.setenv("PYTHONPATH", paths)
        patch.setenv("SPARK_WORKER_DIR", str(work / "workers"))
        patch.setenv("SPARK_LOCAL_DIRS", str(work / "local"))
        options = {
            "spark.driver.bindAddress": "127.0.0.1",
            "spark.driver.host": "127.0.0.1",
            "spark.executor.memory": "512m",
            "spark.log.level": "ERROR",
            "spark.sql.execution.arrow.maxRecordsPerBatch": "50",
            "spark.sql.shuffle.partitions": "2",
            "spark.sql.warehouse.dir": str(work / "warehouse"),
            "spark.ui.enabled": "false",
        }
        builder = SparkSession.builder.master("local-cluster[2,1,1024]").appName("rulener-tests")
        for name, value in options.items():
            builder = builder.config(name, value)
        session = builder.getOrCreate()
        yield session
        session.stop()


@pytest.fixture(scope="module")
def found(spark: Any, folder: Path) -> Any:
    """Notes, and rows that are none, in as many partitions as Spark makes of them; results kept."""
    df = spark.read.parquet(str(folder / "notes"))
    df = df.union(spark.createDataFrame(OTHER, df.schema)).union(spark.sql(BROKEN))
    made = annotate(df, "the.note", "key", artifact=folder / "clinical.rnr", carry=["ward", "the.note"], max_length=MAX_LENGTH)
    return made.persist()


def in_order(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """By note; the rows of one note stay as they are."""
    return sorted(rows, key=lambda row: row["note_id"])


def test_the_rows_and_the_schema_are_those_of_a_run(spark: Any, folder: Path, found: Any) -> None:
    entities = found.where("error is null").drop("error", "ward", "the.note")
    run = [row for path in sorted(folder.glob("out/part-*.parquet")) for row in pq.read_table(path).to_pylist()]
    rows = [row.asDict(recursive=True) for row in entities.collect()]
    assert len(run) > 10 * COPIES
    assert in_order(rows) == in_order(run)
    assert entities.schema == spark.read.parquet(str(folder / "out/part-*.parquet")).schema


def test_bad_rows_say_so_and_the_job_lives(found: Any) -> None:
    bad = {row["ward"]: (row["note_id"], row["error"]["code"]) for row in found.where("error is not null").collect()}
    assert bad == {
        "no id": (None, "N106"),
        "no text": ("empty", "N106"),
        "too long": ("long", "N105"),
        "half a pair": ("broken", "N102"),
    }


def test_carried_columns_are_those_of_the_note(found: Any) -> None:
    rows = found.where("error is null").select("note_id", "ward", "`the.note`", "start", "end", "text").collect()
    assert all(row["ward"] == f"ward {row['note_id'][-1]}" for row in rows)
    assert all(row["the.note"][row["start"] : row["end"]] == row["text"] for row in rows)


def test_every_worker_maps_the_file_it_was_sent_once(spark: Any, folder: Path, found: Any) -> None:
    """Two executors, each with its own folder and its own copy of the file; in a worker no more than one engine."""

    def looks(batches: Any) -> Any:
        import os
        import pathlib

        import pyarrow

        import rulener.integrations.spark as integration

        for _ in batches:
            maps = pathlib.Path("/proc/self/maps")
            lines = maps.read_text().splitlines() if maps.exists() else []
            mapped = {line.split(maxsplit=5)[5] for line in lines if line.endswith(".rnr")}
            columns = [[os.getcwd()], [len(integration._ENGINES)], ["|".join(sorted(mapped))]]
            yield pyarrow.record_batch(columns, names=["folder", "engines", "mapped"])

    seen = found.select("start").repartition(8).mapInArrow(looks, "folder string, engines long, mapped string").collect()
    assert {row["engines"] for row in seen} == {1}
    assert len({row["folder"] for row in seen}) == 2
    if sys.platform == "linux":
        assert all("|" not in row["mapped"] for row in seen)
        assert {os.path.dirname(row["mapped"]) for row in seen} == {row["folder"] for row in seen}
        assert str(folder) not in {os.path.dirname(row["mapped"]) for row in seen}


def test_a_file_compiled_again_is_another_one_and_a_path_will_do(spark: Any, folder: Path, tmp_path: Path) -> None:
    df = spark.createDataFrame([("a", "otalgia and zahnweh")], "id string, text string")
    path = tmp_path / "local.rnr"

    def texts(**options: Any) -> list[str]:
        return [row["text"] for row in annotate(df, "text", "id", artifact=path, **options).collect()]

    compile_to(path, folder / "small", base=None)
    assert texts() == texts(ship=False) == ["otalgia"]
    (tmp_path / "drugs.tsv").write_text("term\tlabel\nzahnweh\tailment\n", encoding="utf-8")
    compile_to(path, folder / "small", base=None, lexicons=[tmp_path / "drugs.tsv"])
    assert texts() == texts(ship=False) == ["otalgia", "zahnweh"]


def test_the_options_of_an_engine_go_along(spark: Any, folder: Path) -> None:
    df = spark.createDataFrame([("a", "otalgia 5 mg")], "id string, text string")
    engine = rulener.load(folder / "clinical.rnr", scheme="i2b2")
    assert [row["label"] for row in annotate(df, "text", "id", artifact=engine).collect()] == ["problem"]


def test_wrong_columns_and_files_are_said_before_the_job(spark: Any, folder: Path) -> None:
    df = spark.createDataFrame([("a", "otalgia", 1)], "id string, text string, start int")
    for columns, code in ((("absent", "id"), "U213"), (("text", "absent"), "U213")):
        with pytest.raises(rulener.UsageError, match=code):
            annotate(df, *columns, artifact=folder / "clinical.rnr")
    with pytest.raises(rulener.UsageError, match="U241"):
        annotate(df, "text", "id", artifact=folder / "clinical.rnr", carry=["start"])
    with pytest.raises(rulener.ArtifactError):
        annotate(df, "text", "id", artifact=folder / "absent.rnr")


def test_the_examples_of_the_guide(spark: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import re

    page = (REPOSITORY / "docs/guide/spark.md").read_text(encoding="utf-8")
    found = re.findall(r"^```python no-run=\"needs the extra \[spark\][^\n]*\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    assert found
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RULENER_CACHE_DIR", str(tmp_path / "cache"))
    namespace: dict[str, object] = {"__name__": "example", "spark": spark, "target": str(tmp_path / "entities")}
    for body in found:
        exec(body, namespace)
