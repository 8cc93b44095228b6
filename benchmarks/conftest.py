"""The corpora. RULENER_BENCH=tiny makes them small enough for a test of the benchmarks themselves."""

from __future__ import annotations

import gzip
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import rulener
from benchmarks import corpus, yardsticks
from rulener.engine import Engine, compile_to

SIZES = {
    "tiny": {"notes": 6, "terms": 300, "paragraphs": 3},
    "full": {"notes": 800, "terms": 50_000, "paragraphs": 5},
}
SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"


@dataclass
class Bench:
    """Everything that is made once and timed nowhere."""

    corpus: corpus.Corpus
    lexicon: Path
    engine: Engine
    automaton: Any
    lowered: list[str]

    @property
    def texts(self) -> list[str]:
        return list(self.corpus.texts)


@pytest.fixture(scope="session")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    folder = tmp_path_factory.mktemp("bench")
    size = os.environ.get("RULENER_BENCH", "full")
    made = corpus.make(size, **SIZES[size])
    lexicon = made.write_lexicon(folder / "bench.tsv")
    engine = compile_to(folder / "bench.rnr", lexicons=[lexicon])
    return Bench(made, lexicon, engine, yardsticks.build(lexicon), [text.lower() for text in made.texts])


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> tuple[Engine, Any, list[str]]:
    """Public transcribed notes and a vocabulary of 50,000 terms, where they lie beside the checkout."""
    table, notes = SHARED / "lexicons/M.tsv.gz", SHARED / "notes/mtsamples"
    if not table.is_file() or not notes.is_dir():
        pytest.skip("../shared/data is not here")
    if os.environ.get("RULENER_BENCH") == "tiny":
        pytest.skip("not in the test of the benchmarks")
    lexicon = tmp_path_factory.mktemp("shared") / "M.tsv"
    lexicon.write_bytes(gzip.decompress(table.read_bytes()))
    texts = [path.read_text(encoding="utf-8") for path in sorted(notes.glob("*.txt"))]
    return rulener.load(lexicons=[lexicon]), yardsticks.build(lexicon), texts


@pytest.fixture
def timed(benchmark: Any, bench: Bench) -> Callable[..., Any]:
    """Runs and times a call; its result comes back. What is recorded says how much was read."""

    def run(function: Callable[..., Any], *arguments: Any, characters: int | None = None, rounds: int | None = None) -> Any:
        benchmark.extra_info["characters"] = bench.corpus.characters if characters is None else characters
        benchmark.extra_info["corpus"] = bench.corpus.name
        benchmark.extra_info["load"] = round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None
        if rounds is None:
            return benchmark(function, *arguments)
        return benchmark.pedantic(function, args=arguments, rounds=rounds, iterations=1, warmup_rounds=1)

    return run
