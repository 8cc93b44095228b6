"""Engines where jobs put them: pickled, in forked and spawned processes, under joblib, in threads, and what a batch needs."""

from __future__ import annotations

import multiprocessing
import pickle
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

import pytest

import rulener
from tests.small import NOTES, write_lexicon, write_pack

REPOSITORY = Path(__file__).parents[1]
METHODS = [method for method in ("fork", "forkserver", "spawn") if method in multiprocessing.get_all_start_methods()]
TEXTS = [f"{text} {k}" for k in range(8) for text in NOTES]


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> rulener.Engine:
    folder = tmp_path_factory.mktemp("processes")
    lexicon = write_lexicon(folder / "lexicon.tsv")
    return rulener.load(write_pack(folder / "small"), base=None, lexicons=[lexicon], cache_dir=folder / "cache")


@pytest.fixture(scope="module")
def expected(engine: rulener.Engine) -> list[str]:
    return [engine.annotate(text).to_json() for text in TEXTS]


def lines(engine: rulener.Engine, texts: list[str]) -> list[str]:
    """What another process says."""
    return [engine.annotate(text).to_json() for text in texts]


def halves() -> list[list[str]]:
    return [TEXTS[: len(TEXTS) // 2], TEXTS[len(TEXTS) // 2 :]]


@pytest.mark.parametrize(
    "options", [{}, {"scheme": "i2b2"}, {"linking": False}, {"linking": {"steps": ["exact"], "min_score": 0.5}}], ids=str
)
def test_an_engine_pickles_in_bytes(engine: rulener.Engine, options: dict[str, object]) -> None:
    made = rulener.Engine(engine.path, **options)  # type: ignore[arg-type]
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        data = pickle.dumps(made, protocol)
        assert len(data) < 500 + len(str(engine.path))
        again = pickle.loads(data)
        assert again.fingerprint == made.fingerprint
        assert lines(again, TEXTS) == lines(made, TEXTS)


def test_a_pickle_of_a_file_that_is_gone_says_so(engine: rulener.Engine, tmp_path: Path) -> None:
    path = tmp_path / "gone.rnr"
    path.write_bytes(engine.path.read_bytes())
    data = pickle.dumps(rulener.load(path))
    path.unlink()
    with pytest.raises(rulener.ArtifactError, match=r"gone\.rnr"):
        pickle.loads(data)


@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
@pytest.mark.parametrize("method", METHODS)
def test_processes_say_the_same(engine: rulener.Engine, expected: list[str], method: str) -> None:
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context(method)) as pool:
        found = [pool.submit(lines, engine, texts) for texts in halves()]
        assert [line for one in found for line in one.result()] == expected


_INHERITED: list[rulener.Engine] = []


def inherited_lines(texts: list[str]) -> list[str]:
    return lines(_INHERITED[0], texts)


@pytest.mark.skipif("fork" not in METHODS, reason="no fork here")
@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
def test_an_engine_in_use_survives_a_fork(engine: rulener.Engine, expected: list[str]) -> None:
    """The children inherit it, scratch memory and all, while a thread of the parent is at work with it; both go on."""
    _INHERITED[:] = [engine]
    ended = threading.Event()

    def work() -> bool:
        right = True
        while not ended.is_set():
            right &= lines(engine, TEXTS[:6]) == expected[:6]
        return right

    with ThreadPoolExecutor(1) as threads:
        parent = threads.submit(work)
        try:
            with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("fork")) as pool:
                found = list(pool.map(inherited_lines, halves()))
        finally:
            ended.set()
        assert parent.result()
    assert [line for one in found for line in one] == expected


def test_joblib(engine: rulener.Engine, expected: list[str]) -> None:
    joblib = pytest.importorskip("joblib", reason="joblib is not installed (extra [test])")
    for backend in ("loky", "threading"):
        found = joblib.Parallel(n_jobs=2, backend=backend)(joblib.delayed(lines)(engine, texts) for texts in halves())
        assert [line for one in found for line in one] == expected
    joblib.externals.loky.get_reusable_executor().shutdown(wait=True)


# --- threads ---------------------------------------------------------------------------------------------------------


def test_threads_make_tables_with_one_engine(engine: rulener.Engine) -> None:
    pytest.importorskip("pyarrow", reason="the extra [parquet] has it")
    whole = engine.annotate_batch(TEXTS)
    with ThreadPoolExecutor(4) as pool:
        tables = list(pool.map(lambda _: engine.annotate_batch(TEXTS), range(40)))
    assert all(table.equals(whole) for table in tables)


@pytest.fixture
def no_switching() -> Iterator[None]:
    """A thread keeps Python's lock until it lets go of it itself."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(60)
    yield
    sys.setswitchinterval(before)


def test_other_threads_run_while_a_batch_is_annotated(engine: rulener.Engine, no_switching: None) -> None:
    texts = [NOTES[1] * 50] * 100
    steps, ended = 0, threading.Event()

    def count() -> None:
        nonlocal steps
        while not ended.is_set():
            steps += 1
            time.sleep(0)  # lets go of the lock, and takes it again as soon as it is free

    thread = threading.Thread(target=count)
    thread.start()
    try:
        seen = 0
        for _ in range(100):  # the system may not give the other thread a turn each time
            before = steps
            engine.batch(texts, [""] * len(texts))
            seen = steps - before
            if seen:
                break
    finally:
        ended.set()
        thread.join()
    assert seen > 0


# --- memory ----------------------------------------------------------------------------------------------------------

MEASURE = """
import resource, sys
import rulener
engine = rulener.load(sys.argv[1])
engine.annotate_batch(["otalgia"] * 10)
texts = [f"Visit {k}: denies otalgia and hiccups {k % 99}, took {k % 900} mg. Known ear ache." for k in range(60_000)]
kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
table = engine.annotate_batch(texts)
print(table.num_rows, table.nbytes, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - kib) * 1024)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="peak memory is read as Linux counts it")
def test_a_batch_of_short_notes_needs_no_more_than_its_results(engine: rulener.Engine) -> None:
    """At the peak: the rows as the core keeps them and the table made of them. (A million: benchmarks/jobs.py.)"""
    pytest.importorskip("pyarrow", reason="the extra [parquet] has it")
    ended = subprocess.run(
        [sys.executable, "-c", MEASURE, str(engine.path)], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    rows, size, grown = map(int, ended.stdout.split())
    assert rows == 60_000 * 4
    assert grown < 2 * size + (16 << 20)
